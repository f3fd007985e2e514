// Tables: sorted by a click on a heading, no more rows drawn than somebody reads.

import {h, nothing, replace} from "./dom.js";

const DRAWN = 200;

/** columns: [{title, cell(row), number, sort(row), className}]; rows: any. options: {caption, note, empty: [title, text], open(row): whether
 *  it is the chosen one, dense: no line is broken}. */
export function table(columns, rows, options = {}) {
  const {caption, note, empty = ["Nothing here", ""], open, dense} = options;
  if (!rows.length) return caption ? h("div", {className: "scroll"}, h("table", null, heading(caption, note)), h("div", {className: "panel empty bare"}, h("strong", null, empty[0]), empty[1])) : nothing(empty[0], empty[1]);
  let by = null, down = true, drawn = DRAWN;
  const head = h("tr", null, columns.map((one, index) => h("th", {scope: "col", className: one.number && "number", "data-index": String(index)},
    one.sort ? h("button", {type: "button", title: `Sort by ${one.title.toLowerCase()}`, onclick: () => { down = by === one ? !down : Boolean(one.number); by = one; draw(); }}, one.title) : one.title)));
  const body = h("tbody"), more = h("div");
  function draw() {
    const sorted = by ? [...rows].sort((a, b) => compare(by.sort(a), by.sort(b)) * (down ? -1 : 1)) : rows;
    [...head.children].forEach((cell, index) => {
      if (columns[index] === by) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
    replace(body, sorted.slice(0, drawn).map((row) => line(columns, row, open)));
    replace(more, rows.length > drawn && h("p", {className: "pager panel"}, `${drawn} of ${rows.length} are shown.`,
      h("button", {type: "button", className: "small", onclick: () => { drawn += 5 * DRAWN; draw(); }}, "Show more")));
  }
  draw();
  return h("div", {className: dense ? "scroll dense" : "scroll", tabindex: "0", role: "region", "aria-label": caption || "table"},
    h("table", null, heading(caption, note), h("thead", null, head), body), more);
}

const heading = (caption, note) => caption && h("caption", null, caption, note && h("small", null, note));

function line(columns, row, open) {
  return h("tr", {className: open && open(row) ? "open" : null}, columns.map((one, index) => {
    const cell = one.cell(row);
    const content = cell === null || cell === undefined || cell === "" ? h("span", {className: "note"}, "–") : cell;
    const className = [one.number && "number", one.className].filter(Boolean).join(" ") || null;
    return index ? h("td", {className, "data-title": one.title}, content) : h("th", {scope: "row", className}, content);
  }));
}

function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one ?? "").localeCompare(String(other ?? ""));
}
