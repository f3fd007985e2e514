import {get} from "../api.js";
import {badge, format, h, load, nothing, replace, select, tile} from "../dom.js";
import {attempts, explaining, money, outcome, verdicts} from "../request.js";
import {table} from "../table.js";
import {TIMES, between, kept, time} from "../times.js";

export const ABOUT = "Every request that reached a provider, as the ledger has it: what was tried, how it ended, what it cost.";
const ORDERS = [["newest", "Newest first"], ["dearest", "Dearest first"], ["slowest", "Slowest first"]];
const NAMES = {consumer: "agent", group: "team", model: "model", provider: "provider", route: "route", session: "session", outcome: "outcome", node: "node"};
const SIZE = 100;

export async function render(root, {rest, tools, heading}) {
  if (rest[0] === "one") { heading(rest.slice(1).join("/")); return single(root, rest.slice(1).join("/"), tools); }
  const wanted = new URLSearchParams(rest[0] || "");
  const filters = [...wanted].filter(([name]) => name in NAMES);
  const chosen = time(wanted);
  const days = select("Time", chosen.title ? [["", "as chosen"], ...TIMES] : TIMES, chosen.days, () => days.value && go({days: days.value, from: null, to: null}));
  const order = select("Order", ORDERS, wanted.get("order") || "newest", () => go({order: order.value}));
  const text = h("input", {type: "search", size: "24", placeholder: "agent, or outcome=timeout …", "aria-label": "Filter: a name of an agent, or name=value"});
  const form = h("form", {onsubmit: (event) => {
    event.preventDefault();
    const [name, value] = text.value.includes("=") ? [text.value.slice(0, text.value.indexOf("=")).trim(), text.value.slice(text.value.indexOf("=") + 1).trim()] : ["consumer", text.value.trim()];
    const known = Object.entries(NAMES).find(([one, title]) => name === one || name === title);
    if (known && value) go({[known[0]]: value});
    else text.setCustomValidity(`There are ${Object.values(NAMES).join(", ")}`);
    text.reportValidity();
  }}, text);
  text.addEventListener("input", () => text.setCustomValidity(""));
  replace(tools, form, order, days);
  const chip = (text, changes) => h("a", {className: "chip", href: `#requests/${encodeURIComponent(query(changes))}`, title: "Take this filter away"}, text, " ✕");
  const chips = [...filters.map(([name, value]) => chip(`${NAMES[name]}: ${value || "(none)"}`, {[name]: null})), ...(chosen.title ? [chip(chosen.title, {from: null, to: null})] : [])];
  const place = h("div"), more = h("div", {className: "pager"});
  replace(root, chips.length > 0 && h("div", {className: "tools"}, chips), place, more);
  const rows = [];

  function query(changes) {
    const made = new URLSearchParams({...kept(chosen), order: order.value, ...Object.fromEntries(filters)});
    for (const [name, value] of Object.entries(changes)) if (value === null) made.delete(name); else made.set(name, value);
    return made.toString();
  }
  function go(changes) { location.hash = `requests/${encodeURIComponent(query(changes))}`; }

  async function fill(before = 0) {
    const asked = new URLSearchParams({...between(chosen), order: order.value, limit: SIZE, ...Object.fromEntries(filters), ...(before ? {before} : {})});
    const told = await get(`admin/spend/requests?${asked}`);
    rows.push(...told.list);
    replace(more, told.next ? h("button", {type: "button", onclick: () => load(place, () => fill(told.next), show)}, "Older ones") : rows.length > SIZE && "These are all.");
  }
  const filter = (name, value) => h("a", {href: `#requests/${encodeURIComponent(query({[name]: value}))}`}, value || "(none)");
  const columns = [
    {title: "When", className: "nowrap", cell: (row) => h("a", {href: `#requests/one/${encodeURIComponent(row.request)}`}, format.when(row.at))},
    {title: "Agent", cell: (row) => filter("consumer", row.consumer)},
    {title: "Model", cell: (row) => [row.model || row.asked_model, h("span", {className: "sub"}, row.model && row.asked_model !== row.model ? `asked for ${row.asked_model}` : row.target)]},
    {title: "Ended", cell: (row) => outcome(row.outcome)},
    {title: "Tries", number: true, cell: (row) => { const tries = row.attempts.filter((one) => one.attempt).length; return tries > 1 ? badge("warn", String(tries)) : String(tries); }},
    {title: "Took", number: true, cell: (row) => format.ms(row.took_ms)},
    {title: "Tokens in / out", number: true, cell: (row) => `${format.number(row.input_tokens)} / ${format.number(row.output_tokens)}`},
    {title: "Cost", number: true, cell: (row) => money(row.cost_usd)},
  ];
  const show = () => table(columns, rows, {dense: true, empty: ["No request fits", "Requests that were refused before a provider was asked are not in the ledger; Guard verdicts and Live requests have them."]});
  await load(place, () => fill(), show);
}

async function single(root, id, tools) {
  replace(tools, h("a", {className: "button", href: "#requests"}, "All requests"));
  const place = h("div");
  replace(root, place);
  const missing = (error) => { if (error.status === 404 || error.status === 503) return null; throw error; };
  await load(place, async () => {
    const [told, trail] = await Promise.all([get(`admin/spend/requests?request=${encodeURIComponent(id)}`).catch(missing), get(`admin/audit/requests/${encodeURIComponent(id)}`).catch(missing)]);
    return {told, trail};
  }, ({told, trail}) => told || (trail && trail.records.length) ? view(id, told, trail) : nothing("The ledger does not have this request (yet)", "Records come some seconds after a request has ended; requests that never reached a provider have none."));
}

function view(id, row, trail) {
  const records = (trail && trail.records) || [];
  const facts = row ? [["Agent", row.consumer], ["Team", row.group_path.replace(/^\/|\/$/g, "")], ["Route", row.route], ["Session", row.session], ["Asked for", row.asked_model], ["Streamed", row.stream ? "yes" : "no"], ["Node", row.node], ["Tags", row.tags]]
    : [["Agent", records[0].actor], ["Route", records[0].route], ["Model", records[0].model], ["Node", records[0].node]];
  return h("div", {className: "stack"},
    row && h("div", {className: "cards"}, tile("Ended", row.outcome, row.attempts.length > 1 ? `after ${row.attempts.filter((one) => one.attempt).length} attempts` : "at the first attempt", row.outcome === "ok" ? "good" : "bad"),
      tile("Cost", money(row.cost_usd), row.attempts.some((one) => one.estimated) ? "partly estimated" : "as the provider counted"),
      tile("Took", format.ms(row.took_ms), `from ${format.when(row.at)}`),
      tile("Tokens", format.number(row.input_tokens + row.output_tokens), `${format.number(row.input_tokens)} in, ${format.number(row.output_tokens)} out`)),
    row ? attempts(row.attempts) : h("div", {className: "notice"}, "No provider was asked: the gateway answered by itself."),
    row && h("p", {className: "hint"}, [...new Set(row.attempts.map((one) => one.price_source).filter(Boolean))].map((one) => h("span", {className: "tag"}, `price: ${one}`))),
    verdicts(records.map((one) => ({rule: one.rule, action: one.action, shadow: one.shadow, at: new Date(one.at_ms).toLocaleTimeString("sv")}))),
    !trail && h("p", {className: "hint"}, "Verdicts are not told here: this control plane keeps no audit trail."),
    h("div", {className: "panel"}, h("dl", null, [["Request", id], ...facts].filter(([, value]) => value).map(([name, value]) => [h("dt", null, name), h("dd", null, String(value))]))),
    h("p", {className: "tools"}, row && h("a", {className: "button small", href: explaining({model: row.asked_model, route: row.route, consumer: row.consumer})}, "Explain such a request"),
      row && row.revision > 0 && h("a", {className: "button small", href: `#history/${row.revision}`}, `Served with revision ${row.revision}`),
      row && row.session && h("a", {className: "button small", href: `#requests/${encodeURIComponent(new URLSearchParams({session: row.session}))}`}, "Its session")));
}
