// Elements, without ever reading HTML from text: what the gateway's callers wrote can only be shown, not run.

/** h("a", {href: "#x", onclick: f}, "text", child): an element. Names with "on" are listeners, false and null leave out. */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name === "className" ? "class" : name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
}

/** A table. columns: [{title, cell(row), number}], rows: any; says so when there is nothing. */
export function table(columns, rows, empty, caption) {
  if (!rows.length) return h("p", {className: "empty"}, empty);
  const head = h("tr", null, columns.map((one) => h("th", {scope: "col", className: one.number && "number"}, one.title)));
  const body = rows.map((row) => h("tr", null, columns.map((one, index) => {
    const cell = one.cell(row);
    const content = cell === null || cell === undefined || cell === "" ? "–" : cell;
    return index ? h("td", {className: one.number && "number", "data-title": one.title}, content)
      : h("th", {scope: "row"}, content);
  })));
  return h("div", {className: "scroll", tabindex: "0", role: "region", "aria-label": caption || "table"},
    h("table", null, caption && h("caption", null, caption), h("thead", null, head), h("tbody", null, body)));
}

/** Shows that something is loading, then what it became, or why not, with a way to try again. */
export async function load(root, ask, show) {
  replace(root, h("p", {className: "loading", role: "status"}, "Loading…"));
  try {
    const value = await ask();
    replace(root, show(value));
  } catch (error) {
    if (error.status === 401) throw error;
    replace(root, failed(error, () => load(root, ask, show)));
  }
}

export function failed(error, again) {
  return h("div", {className: "problem", role: "alert"}, h("strong", null, "That did not work. "), error.message,
    again && h("button", {type: "button", onclick: again}, "Try again"));
}

export const format = {
  number: (value) => value === null || value === undefined ? "–"
    : Math.abs(value) >= 1e4 ? Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1}).format(value)
      : Intl.NumberFormat("en", {maximumFractionDigits: Math.abs(value) < 10 ? 2 : 0}).format(value),
  usd: (value) => value === null || value === undefined ? "–"
    : `$${Intl.NumberFormat("en", {minimumFractionDigits: 2, maximumFractionDigits: value && Math.abs(value) < 1 ? 5 : 2}).format(value)}`,
  percent: (value) => Number.isFinite(value) ? `${(value * 100).toFixed(value && value < 0.1 ? 1 : 0)} %` : "–",
  ms: (value) => value === null || value === undefined ? "–" : value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`,
  when: (seconds) => new Date(seconds * 1000).toLocaleString("sv"),
  time: (seconds) => new Date(seconds * 1000).toLocaleTimeString("sv"),
  ago: (seconds) => {
    const past = Math.max(0, Date.now() / 1000 - seconds);
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) if (past >= size) return `${Math.floor(past / size)} ${unit}`;
    return `${Math.floor(past)} s`;
  },
};
