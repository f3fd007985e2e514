import {call} from "../api.js";
import {badge, done, h, load, replace} from "../dom.js";
import {table} from "../table.js";

export const ABOUT = "A node says what it would do with a request: its route, each plugin, the targets in order. Nothing is sent, nothing is counted.";

export async function render(root, {rest}) {
  const wanted = new URLSearchParams(rest[0] || "");
  const field = (name, label, value, kind = "input", rows = "5") => h("div", {className: "block"}, h("label", {for: name}, label), h(kind, {id: name, className: "wide-input", value, rows: kind === "textarea" && rows, spellcheck: "false"}));
  const result = h("div", null, h("div", {className: "panel empty"}, h("strong", null, "What would happen?"), "Fill in a request and ask."));
  const body = JSON.stringify({model: wanted.get("model") || "gpt-4o", messages: [{role: "user", content: "Hello"}]}, null, 2);
  const form = h("form", {className: "panel", onsubmit: (event) => { event.preventDefault(); ask(); }},
    field("method", "Method", wanted.get("method") || "POST"), field("path", "Path", wanted.get("path") || "/v1/chat/completions"),
    field("headers", "Headers, one a line", "content-type: application/json", "textarea", "4"), field("body", "Body", body, "textarea", "8"),
    h("p", {className: "block"}, h("button", {type: "submit", className: "main"}, "What would happen?")));
  replace(root, h("div", {className: "explain"}, form, result));
  const value = (name) => form.querySelector(`#${name}`).value;
  const ask = () => load(result, async () => {
    const headers = Object.fromEntries(value("headers").split("\n").filter((line) => line.includes(":")).map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]));
    return (await call("POST", "explain", {method: value("method"), path: value("path"), headers, body: value("body")})).body;
  }, view);
}

function view(told) {
  const targets = [...told.targets].sort((a, b) => (a.rank === 0) - (b.rank === 0) || a.rank - b.rank);
  return h("div", {className: "stack"},
    told.status ? h("div", {className: "problem"}, badge("bad", String(told.status)), `It would be refused with ${told.status}: ${told.error}`) : done(badge("good", "passes"), "It would be sent on."),
    h("p", {className: "note"}, `Route ${told.route_id || "none"}${told.consumer ? `, consumer ${told.consumer}` : ""}; asked node ${told.node} at revision ${told.revision}.`),
    table([{title: "Stage", cell: (row) => row.stage}, {title: "Plugin", cell: (row) => h("code", null, row.plugin)}, {title: "Result", cell: (row) => row.result}], told.steps, {caption: "Steps", empty: ["No plugin acts on it", ""]}),
    table([{title: "Order", cell: (row) => row.rank ? badge("good", String(row.rank)) : badge("", "excluded")}, {title: "Target", cell: (row) => [row.name, h("span", {className: "sub"}, [row.provider, row.model].filter(Boolean).join(" · "))]}, {title: "Why", cell: (row) => row.reason}],
      targets, {caption: "Targets", empty: ["No targets", "The route has no models; it is proxied."]}));
}
