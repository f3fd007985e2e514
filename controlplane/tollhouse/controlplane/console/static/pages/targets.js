import {call, get} from "../api.js";
import {badge, done, failed, format, h, load, replace, silence} from "../dom.js";
import {table} from "../table.js";

export const ABOUT = "Health and latency as the workers of all nodes see them, with the attempts of the last hour; what models cost; and the models that have a name of their own.";
const ACTIONS = {
  open: ["Keep out", "No request goes there, on any node, until it is judged by its breaker again."],
  close: ["Keep in", "Requests go there whatever its breaker finds, on every node, until it is judged by its breaker again."],
  reset: ["Reset", "Its breaker begins closed and judges by itself again."],
};
const DID = {open: "is kept out", close: "is kept in, whatever its breaker finds", reset: "is judged by its breaker again"};
const KINDS = [["input", "in"], ["cached", "cached"], ["output", "out"]];

export async function render(root, {session, tools}) {
  const said = h("div"), place = h("div");
  replace(tools, h("button", {type: "button", onclick: () => fill()}, "Look again"), h("a", {className: "button", href: "#config/models"}, session.writes.includes("models") ? "Edit models" : "Models"));
  replace(root, said, place);
  const may = session.writes.includes("nodes");
  const view = (told) => [silence(told.silent), health(told.targets, may && buttons), listed(told.models)];
  const fill = () => load(place, () => get("targets"), view);

  const buttons = (row) => h("span", {className: "tools"}, (row.forced ? ["reset"] : row.breaker === "open" ? ["close", "reset"] : ["open"]).map((action) =>
    h("button", {type: "button", className: action === "open" ? "small danger" : "small", "aria-label": `${ACTIONS[action][0]} ${row.name}`, onclick: () => action === "reset" ? carryOut(row.name, action) : ask(row.name, action)}, ACTIONS[action][0])));

  function ask(name, action) {
    const before = document.activeElement, leave = () => { replace(said); before?.focus?.(); };
    const go = h("button", {type: "button", className: action === "open" ? "danger" : "main", onclick: () => carryOut(name, action)}, `${ACTIONS[action][0]}: ${name}`);
    replace(said, h("div", {className: action === "open" ? "problem" : "notice", role: "alertdialog", "aria-label": `${ACTIONS[action][0]} ${name}?`, onkeydown: (event) => { if (event.key === "Escape") leave(); }},
      h("strong", null, `${ACTIONS[action][0]} ${name}?`), h("span", {className: "grow"}, ACTIONS[action][1]), go, h("button", {type: "button", onclick: leave}, "Leave it")));
    go.focus();
    said.scrollIntoView({block: "nearest"});
  }

  async function carryOut(name, action) {
    try {
      const told = (await call("POST", "targets", {name, action})).body;
      const deaf = Object.entries(told.silent).map(([node, why]) => `${node} did not hear it: ${why}`);
      await fill();
      replace(said, deaf.length ? h("div", {className: "notice"}, `${name} ${DID[action]}, but ${deaf.join("; ")}`) : done(`${name} ${DID[action]}, on every node.`));
    } catch (error) {
      replace(said, failed(error));
    }
  }

  await fill();
  const timer = setInterval(() => { if (!document.hidden && !place.querySelector("[role=alert]") && !place.contains(document.activeElement)) get("targets").then((told) => replace(place, view(told)), () => {}); }, 5000);
  return () => clearInterval(timer);
}

/** What its breaker says, in a word, and why. */
function state(row) {
  if (!row.workers) return badge("", "not in use now");
  const left = row.workers - row.healthy, some = `${left} of ${row.workers} workers: ${row.reason || "it fails"}`;
  if (row.forced) return [badge(row.forced === "open" ? "bad" : "warn", row.forced === "open" ? "kept out" : "kept in"), h("span", {className: "sub"}, "by an operator")];
  if (row.breaker === "half_open") return [badge("warn", "being tried"), h("span", {className: "sub"}, row.reason || "one request decides")];
  if (!left) return [badge("good", "well"), h("span", {className: "sub nowrap"}, "breaker closed")];
  return [badge(row.healthy ? "warn" : "bad", row.breaker === "open" ? "breaker open" : "partly left alone"), h("span", {className: "sub"}, some)];
}

function health(targets, buttons) {
  const columns = [
    {title: "Target", cell: (row) => [row.name, row.providers.some((one) => one !== row.name) && h("span", {className: "sub"}, row.providers.join(", "))], sort: (row) => row.name},
    {title: "Health", cell: state, sort: (row) => row.workers ? row.healthy / row.workers : 2},
    {title: "USD per million tokens", cell: (row) => row.models.length ? row.models.map((one) => price(one, one.model, true)) : h("span", {className: "note"}, "as the model asked for")},
    {title: "Under way", number: true, cell: (row) => [format.number(row.in_flight), row.waiting > 0 && h("span", {className: "sub"}, `${format.number(row.waiting)} wait`)], sort: (row) => row.in_flight},
    {title: "First byte", number: true, cell: (row) => [row.first_byte_ms ? format.ms(row.first_byte_ms) : h("span", {className: "note"}, "–"), row.headroom !== null && h("span", {className: "sub"}, `${format.percent(row.headroom)} of quota`)], sort: (row) => row.first_byte_ms || 0},
    {title: "Attempts", number: true, cell: (row) => format.number(row.attempts), sort: (row) => row.attempts},
    {title: "Failed", number: true, cell: (row) => row.failures ? h("span", {className: "bad"}, `${format.number(row.failures)} (${format.percent(row.failures / row.attempts)})`) : "0", sort: (row) => row.failures},
  ];
  if (buttons) columns.push({title: "", className: "tight nowrap", cell: (row) => row.workers > 0 && buttons(row)});
  const sources = [...new Set(targets.flatMap((row) => row.models).filter(bundled).map((one) => one.source))];
  return table(columns, targets, {caption: "Targets", note: ["a target whose breaker is open is left alone", sources.length && `prices of ${sources.join(", ")} where nothing else is said`].filter(Boolean).join("; "), dense: true, empty: ["No target was used yet", "Workers know a target from its first request on."]});
}

function listed(models) {
  return h("div", {className: "block"}, table([
    {title: "Model", cell: (row) => [h("a", {href: `#config/models/${encodeURIComponent(row.id)}`}, row.id), h("span", {className: "sub"}, row.name)], sort: (row) => row.id},
    {title: "Also called", cell: (row) => row.aliases.map((one) => h("span", {className: "tag"}, one))},
    {title: "Targets, with USD per million tokens", cell: (row) => row.targets.map((one) => price(one, `${one.provider} / ${one.model}`))},
  ], models, {caption: "Models", note: "those with a name of their own; routes may name others themselves", empty: ["No models are configured", "Routes may name models themselves."]}));
}

/** A model with its rates, and where they come from. */
function price(one, name, short) {
  const rates = one.price ? KINDS.filter(([kind]) => kind !== "cached" || one.price.cached !== one.price.input).map(([kind, title]) => `${rate(one.price[kind])} ${title}`).join(" · ") : "";
  const source = one.policy === "block" ? "no price is known: refused" : one.policy === "free" ? "free by policy" : one.policy === "estimate" ? "nobody knows the price: estimated" : one.source;
  const told = short && bundled(one) ? {title: source} : null; // the heading says it
  return h("div", {className: "price", ...told}, h("span", {className: "tag"}, name), h("span", {className: "rates"}, rates), !told && h("span", {className: "hint"}, source));
}

/** Whether a price is of the table that comes with the program. */
const bundled = (one) => !one.policy && one.source.startsWith("genai-prices");
const rate = (usd) => Number.isInteger(usd) ? String(usd) : Math.round(usd * 100) === usd * 100 ? usd.toFixed(2) : String(Number(usd.toPrecision(4)));
