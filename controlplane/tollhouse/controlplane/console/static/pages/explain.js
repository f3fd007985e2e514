import {admin, call} from "../api.js";
import {badge, done, h, load, replace} from "../dom.js";
import {table} from "../table.js";

export const ABOUT = "A node says what it would do with a request: its route, each plugin, the targets in order. Nothing is sent, nothing is counted.";
const PATH = "/v1/chat/completions";
/** The format a path alone tells, and a small request in it. */
const SAMPLES = [
  [/\/messages/, (model) => ({model, max_tokens: 1000, messages: [{role: "user", content: "Hello"}]})],
  [/\/responses/, (model) => ({model, input: "Hello"})], [/\/embeddings/, (model) => ({model, input: "Hello"})],
  [/generatecontent/i, () => ({contents: [{role: "user", parts: [{text: "Hello"}]}]})], [/\/completions$/, (model, path) => path.includes("chat") ? chat(model) : {model, prompt: "Hello"}],
];
const chat = (model) => ({model, messages: [{role: "user", content: "Hello"}]});

export async function render(root, {rest}) {
  const wanted = new URLSearchParams(rest[0] || "");
  const route = wanted.get("path") ? null : await routed(wanted.get("route"));
  const path = wanted.get("path") || pathOf(route) || PATH;
  const field = (name, label, value, hint) => h("div", {className: "block"}, h("label", {for: name}, label), h("input", {id: name, className: "wide-input", value, spellcheck: "false", autocomplete: "off"}), hint && h("p", {className: "hint"}, hint));
  const area = (name, label, value, rows) => h("div", {className: "block"}, h("label", {for: name}, label), h("textarea", {id: name, className: "wide-input", value, rows, spellcheck: "false"}));
  const result = h("div", null, h("div", {className: "panel empty"}, h("strong", null, "What would happen?"), "Fill in a request and ask."));
  const sample = (SAMPLES.find(([fits]) => fits.test(path)) || [null, chat])[1](wanted.get("model") || "gpt-4o", path);
  const headers = ["content-type: application/json", wanted.get("host") && `host: ${wanted.get("host")}`].filter(Boolean).join("\n");
  const form = h("form", {className: "panel", onsubmit: (event) => { event.preventDefault(); ask(); }},
    h("div", {className: "two"}, field("method", "Method", wanted.get("method") || "POST"), field("client", "Client's address", wanted.get("client") || "127.0.0.1")), field("path", "Path", path),
    field("consumer", "Agent", wanted.get("consumer") || "", "Taken to be of this agent, whatever key it shows. Empty: whoever the headers say."),
    field("route", "Route", wanted.get("path") ? "" : wanted.get("route") || "", "Take this route. Empty: the one that fits."),
    area("headers", "Headers, one a line", headers, "3"), area("body", "Body", JSON.stringify(sample, null, 2), "8"),
    h("p", {className: "block"}, h("button", {type: "submit", className: "main"}, "What would happen?")));
  replace(root, h("div", {className: "explain"}, form, result));
  const value = (name) => form.querySelector(`#${name}`).value.trim();
  const ask = () => load(result, async () => {
    const headers = Object.fromEntries(value("headers").split("\n").filter((line) => line.includes(":")).map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]));
    return (await call("POST", "explain", {method: value("method"), path: value("path"), client: value("client"), consumer: value("consumer"), route: value("route"), headers, body: value("body")})).body;
  }, (told) => view(told, wanted.get("route")));
  if (wanted.get("model") || wanted.get("path")) await ask();
}

/** The route of a request of the ledger, which does not keep the path. */
const routed = async (id) => id ? (await admin("GET", `routes/${encodeURIComponent(id)}`).catch(() => ({body: {value: null}}))).body.value : null;

function pathOf(route) {
  const uris = route ? [route.uri, ...(route.uris || [])].filter(Boolean) : [];
  const plain = uris.find((one) => !one.includes("*"));
  return uris.includes(PATH) ? PATH : plain || (uris[0] || "").replace(/\*$/, "chat/completions");
}

function view(told, before) {
  const targets = [...told.targets].sort((a, b) => (a.rank === 0) - (b.rank === 0) || a.rank - b.rank);
  return h("div", {className: "stack"},
    told.status ? h("div", {className: "problem"}, badge("bad", String(told.status)), `It would be refused with ${told.status}: ${told.error}`) : done(badge("good", "passes"), "It would be sent on."),
    before && told.route_id && told.route_id !== before && h("div", {className: "notice"}, `The request went by route ${before}; now route ${told.route_id} fits.`),
    h("p", {className: "note"}, `Route ${told.route_id || "none"}${told.consumer ? `, consumer ${told.consumer}` : ""}; asked node ${told.node} at revision ${told.revision}.`),
    table([{title: "Stage", cell: (row) => row.stage}, {title: "Plugin", cell: (row) => row.plugin && h("code", null, row.plugin)}, {title: "Result", cell: (row) => row.result}], told.steps, {caption: "Steps", empty: ["No plugin acts on it", ""]}),
    table([{title: "Order", cell: (row) => row.rank ? badge("good", String(row.rank)) : badge("", "excluded")}, {title: "Target", cell: (row) => [row.name, h("span", {className: "sub"}, [row.provider, row.model].filter(Boolean).join(" · "))]}, {title: "Why", cell: (row) => row.reason}],
      targets, {caption: "Targets", empty: ["No targets", told.status ? "It does not get as far as that." : "The route has no models; it is proxied."]}));
}
