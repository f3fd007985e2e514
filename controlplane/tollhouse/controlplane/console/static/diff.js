// The difference between two texts, line by line (longest common subsequence).

import {h} from "./dom.js";

const CONTEXT = 3;

export function lines(before, after) {
  const a = before.split("\n"), b = after.split("\n");
  if (a.length * b.length > 4e6) return [...a.map((text) => ["-", text]), ...b.map((text) => ["+", text])];
  const longest = Array.from({length: a.length + 1}, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      longest[i][j] = a[i] === b[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
  const found = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) found.push([" ", a[i++], j++]);
    else if (i < a.length && (j >= b.length || longest[i + 1][j] >= longest[i][j + 1])) found.push(["-", a[i++]]);
    else found.push(["+", b[j++]]);
  }
  return found.map(([mark, text]) => [mark, text]);
}

export function pretty(value) {
  if (value === null || value === undefined) return "";
  const {create_time: _created, update_time: _updated, ...rest} = value;
  return JSON.stringify(sorted(rest), null, 2);
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
  return value;
}

/** The difference as an element; far-away unchanged lines are left out. */
export function difference(before, after, label) {
  const all = lines(pretty(before), pretty(after)).filter(([mark, text]) => text !== "" || mark === " ");
  const near = all.map((_, index) => all.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(([mark]) => mark !== " "));
  if (!near.some(Boolean)) return h("p", {className: "empty"}, "Nothing changes.");
  const shown = [];
  all.forEach(([mark, text], index) => {
    if (near[index]) shown.push(h("span", {className: mark === "+" ? "added" : mark === "-" ? "removed" : ""}, `${mark} ${text}\n`));
    else if (near[index - 1]) shown.push(h("span", {className: "gap"}, "  …\n"));
  });
  return h("pre", {className: "difference", tabindex: "0", "aria-label": label || "difference"}, shown);
}
