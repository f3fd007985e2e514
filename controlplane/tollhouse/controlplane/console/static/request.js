// One finished request in full: what was tried, what it cost, what guards said. Made of a live entry or of ledger rows.

import {badge, exact, format, h, tile} from "./dom.js";
import {table} from "./table.js";

export const outcome = (text) => badge(text === "ok" ? "good" : text === "cancelled" ? "warn" : "bad", text || "failed");
export const status = (code) => badge(code >= 500 ? "bad" : code >= 400 ? "warn" : "good", String(code));
export const money = (value) => value === undefined || value === null || value === "" ? "–" : exact(value);

/** The page that says what would happen to such a request: the same model asked for, on the same route, by the same agent. */
export const explaining = (request) => `#explain/${encodeURIComponent(new URLSearchParams(Object.entries(request).filter(([, value]) => value)))}`;

const tokens = (told) => told && h("span", null, `${format.number(told.input)} / ${format.number(told.output)}`,
  (told.cached || told.reasoning) > 0 && h("span", {className: "sub"}, [told.cached && `${format.number(told.cached)} cached`, told.reasoning && `${format.number(told.reasoning)} reasoning`].filter(Boolean).join(", ")));

/** attempts: [{target, provider, model, status, outcome, first_byte_ms, duration_ms, tokens, cost_usd, price_source, estimated}]. */
export function attempts(list) {
  return table([
    {title: "#", cell: (row) => String(row.attempt || list.indexOf(row) + 1)},
    {title: "Target", cell: (row) => [row.target, h("span", {className: "sub"}, [row.provider, row.model].filter(Boolean).join(" · "))]},
    {title: "Ended", cell: (row) => [outcome(row.failure || row.outcome || (row.status < 400 ? "ok" : "")), row.status ? h("span", {className: "sub"}, `status ${row.status}`) : null]},
    {title: "First byte", number: true, cell: (row) => row.first_byte_ms ? format.ms(row.first_byte_ms) : null},
    {title: "Took", number: true, cell: (row) => row.duration_ms === undefined ? null : format.ms(row.duration_ms)},
    {title: "Tokens in / out", number: true, cell: (row) => tokens(row.tokens)},
    {title: "Cost", number: true, cell: (row) => [money(row.cost_usd), row.estimated || (row.tokens || {}).estimated ? h("span", {className: "sub"}, "estimated") : null]},
  ], list, {caption: "Attempts", note: list.length > 1 ? "the first ones failed, the last one answered" : "", empty: ["Nothing was sent to a provider", "The gateway answered by itself."]});
}

export function verdicts(list) {
  return list.length ? table([
    {title: "Guard", cell: (row) => h("code", null, row.rule || row.plugin || row.guard)},
    {title: "What it did", cell: (row) => [badge(row.shadow ? "" : row.action === "block" || row.action === "refuse" ? "bad" : "warn", row.shadow ? `would ${row.action}` : row.action || "seen")]},
    {title: "More", cell: (row) => detail(row)},
  ], list, {caption: "Guard verdicts"}) : null;
}

const SHOWN = new Set(["rule", "plugin", "guard", "action", "shadow"]);
const detail = (row) => Object.entries(row).filter(([name, value]) => !SHOWN.has(name) && value !== null && typeof value !== "object").map(([name, value]) => h("span", {className: "tag"}, `${name} ${value}`));

/** Everything a live entry says. */
export function entry(row) {
  return h("div", {className: "stack"},
    h("div", {className: "cards"},
      tile("Status", String(row.status), row.error || "", row.status >= 500 ? "bad" : ""),
      tile("Took", format.ms(row.latency), row.upstream_latency ? `${format.ms(Math.max(0, row.latency - row.upstream_latency))} in the gateway` : "all of it in the gateway"),
      tile("Cost", money(row.cost_usd), row.tokens ? `${format.number(row.tokens.input)} tokens in, ${format.number(row.tokens.output)} out` : "no tokens"),
      tile("Attempts", String((row.attempts || []).length), row.target || "")),
    row.attempts && attempts(row.attempts), verdicts(row.verdicts || []),
    h("div", {className: "panel"}, h("dl", null, [["Request", row.request_id], ["Agent", row.consumer], ["Client", row.client_ip], ["Address", `${row.method} ${row.host || ""}${row.uri}`], ["Asked for", row.asked_model], ["Route", row.route_id],
      ["Session", row.session], ["Program", row.agent], ["Node", row.node], ["Revision", row.revision], ["Trace", row.trace_id], ["Dropped fields", (row.dropped || []).join(", ")]]
      .filter(([, value]) => value).map(([name, value]) => [h("dt", null, name), h("dd", null, String(value))]))),
    h("p", {className: "tools"}, row.attempts && h("a", {className: "button small", href: `#requests/one/${encodeURIComponent(row.request_id)}`}, "In the ledger"),
      h("a", {className: "button small", href: explaining({method: row.method, path: row.uri, host: row.host, client: row.client_ip, model: row.asked_model, route: row.route_id, consumer: row.consumer})}, "Explain such a request"),
      row.revision > 0 && h("a", {className: "button small", href: `#history/${row.revision}`}, `Revision ${row.revision}`)));
}
