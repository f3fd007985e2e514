// Elements, without ever reading HTML from text: what the gateway's callers wrote can only be shown, not run.

const present = (one) => one !== null && one !== undefined && one !== false;

/** h("a", {href: "#x", onclick: f}, "text", child): an element. Names with "on" are listeners, false and null leave out. */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (!present(value)) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name === "className" ? "class" : name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter(present));
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(present));
}

/** Shows that something is loading, then what it became, or why not, with a way to try again. What was there before
 *  stays until then: pages do not jump. */
export async function load(root, ask, show) {
  if (!root.childElementCount) replace(root, h("p", {className: "loading", role: "status"}, "Loading…"));
  else root.setAttribute("aria-busy", "true");
  try {
    const value = await ask();
    replace(root, show(value));
  } catch (error) {
    if (error.status === 401) throw error;
    replace(root, failed(error, () => load(root, ask, show)));
  } finally {
    root.removeAttribute("aria-busy");
  }
}

export function failed(error, again) {
  if (error.status === 404 && error.message === "Key not found") return nothing("There is no such thing (any more)", "It was deleted, or never was; History knows.");
  const missing = error.status === 503 ? "Not available now. " : error.status === 403 ? "Not allowed. " : "That did not work. ";
  return h("div", {className: "problem", role: "alert"}, h("strong", null, missing), error.message,
    again && h("button", {type: "button", className: "small", onclick: again}, "Try again"));
}

export const done = (...children) => h("div", {className: "done", role: "status"}, children);
export const badge = (kind, text) => h("span", {className: `badge ${kind}`}, text);
export const nothing = (title, ...text) => h("div", {className: "panel empty"}, h("strong", null, title), text);

/** A figure with its name above and what it means below. kind: "", "good" or "bad". */
export function tile(title, value, text, kind) {
  return h("div", {className: `card ${kind || ""}`}, h("span", null, title), h("strong", null, value), h("small", null, text));
}

/** A sum of money, to be read; every digit of it under the pointer, and for whoever copies it. */
export const exact = (sum) => h("span", {className: "money", title: `${typeof sum === "number" ? sum.toFixed(9) : sum} USD`}, format.usd(Number(sum)));

/** How much of something is used up, 0 to 1 and above. */
export function bar(share) {
  const filled = h("i");
  filled.style.width = `${Math.min(100, Math.max(0, share * 100)) || 0}%`;
  return h("span", {className: `bar ${share >= 1 ? "bad" : share >= 0.8 ? "warn" : ""}`, "aria-hidden": "true"}, filled);
}

/** A list to choose from: choices are [value, title] or values. */
export function select(label, choices, value, onchange, properties) {
  return h("select", {"aria-label": label, onchange, ...properties}, choices.map((one) => Array.isArray(one) ? one : [one, one]).map(([name, title]) =>
    h("option", {value: String(name), selected: String(name) === String(value)}, title)));
}

/** Nodes that did not answer, and why. */
export const silence = (silent) => Object.entries(silent || {}).map(([node, why]) =>
  h("div", {className: "notice"}, h("strong", null, `Node ${node} does not answer. `), why));

/** What figures of the last hour are of: a control plane that has run for less counted less. */
export const lately = (since) => !since ? "nothing counted yet" : Date.now() / 1000 - since < 3590 ? `since ${format.time(since)}` : "in the last hour";

/** Waits until somebody stops typing. */
export function later(action, milliseconds = 250) {
  let timer = 0;
  return (...values) => { clearTimeout(timer); timer = setTimeout(() => action(...values), milliseconds); };
}

/** "1 agent", "2 agents". */
export const count = (value, one) => `${format.number(value)} ${value === 1 ? one : `${one}s`}`;

const number = (digits) => Intl.NumberFormat("en", {maximumFractionDigits: digits});
const compact = Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1});

export const format = {
  number: (value) => !present(value) ? "–" : Math.abs(value) >= 1e5 ? compact.format(value) : number(Math.abs(value) < 10 ? 2 : 0).format(value),
  usd: (value) => {
    if (!present(value) || Number.isNaN(value)) return "–";
    const size = Math.abs(value), whole = Math.abs(size * 100 - Math.round(size * 100)) < 1e-7, digits = whole || size >= 1 ? 2 : size >= 0.001 ? 4 : 6;
    return `${value < 0 ? "−" : ""}$${Intl.NumberFormat("en", {minimumFractionDigits: digits, maximumFractionDigits: digits}).format(size)}`;
  },
  percent: (value) => Number.isFinite(value) ? `${(value * 100).toFixed(value && Math.abs(value) < 0.1 ? 1 : 0)} %` : "–",
  ms: (value) => !present(value) ? "–" : value < 10 ? `${number(1).format(value)} ms` : value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(value < 10000 ? 2 : 1)} s`,
  when: (seconds) => new Date(seconds * 1000).toLocaleString("sv"),
  time: (seconds) => new Date(seconds * 1000).toLocaleTimeString("sv"),
  ago: (seconds) => span(Math.max(0, Date.now() / 1000 - seconds)),
  span: (seconds) => span(seconds),
};

function span(seconds) {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${Math.floor(seconds)} s`;
}
