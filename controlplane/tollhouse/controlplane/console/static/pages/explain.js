import {call} from "../api.js";
import {h, load, replace, table} from "../dom.js";

export async function render(root) {
  const field = (name, label, value, kind = "input") => h("p", null, h("label", {for: name}, label), h(kind, {id: name, value, rows: kind === "textarea" && "6", spellcheck: "false"}));
  const result = h("div");
  const body = JSON.stringify({model: "gpt-4o", messages: [{role: "user", content: "Hello"}]}, null, 2);
  const form = h("form", {className: "panel", onsubmit: (event) => { event.preventDefault(); ask(); }},
    field("method", "Method ", "POST"), field("path", "Path ", "/v1/chat/completions"),
    field("headers", "Headers, one a line", "content-type: application/json", "textarea"), field("body", "Body", body, "textarea"),
    h("button", {type: "submit", className: "main"}, "What would happen?"));
  replace(root, h("p", {className: "note"}, "A node says what it would do with a request: its route, each plugin, the targets in order. Nothing is sent or counted."), form, result);
  const value = (name) => form.querySelector(`#${name}`).value;
  const ask = () => load(result, async () => {
    const headers = Object.fromEntries(value("headers").split("\n").filter((line) => line.includes(":")).map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]));
    return (await call("POST", "explain", {method: value("method"), path: value("path"), headers, body: value("body")})).body;
  }, view);
}

function view(told) {
  const targets = [...told.targets].sort((a, b) => (a.rank === 0) - (b.rank === 0) || a.rank - b.rank);
  return [
    h("h2", null, told.status ? h("span", {className: "bad"}, `It would be refused with ${told.status}: ${told.error}`) : h("span", {className: "ok"}, "It would be sent on.")),
    h("p", null, `Route ${told.route_id || "none"}${told.consumer ? `, consumer ${told.consumer}` : ""}; asked node ${told.node} at revision ${told.revision}.`),
    table([{title: "Stage", cell: (row) => row.stage}, {title: "Plugin", cell: (row) => row.plugin}, {title: "Result", cell: (row) => row.result}], told.steps, "No plugin acts on it.", "Steps"),
    h("h2", null, "Targets"),
    table([{title: "Order", cell: (row) => row.rank ? String(row.rank) : "excluded"}, {title: "Target", cell: (row) => row.name}, {title: "Provider", cell: (row) => row.provider}, {title: "Model", cell: (row) => row.model}, {title: "Why", cell: (row) => row.reason}],
      targets, "The route has no models; it is proxied.", "Targets"),
  ];
}
