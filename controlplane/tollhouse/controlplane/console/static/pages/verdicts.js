import {get} from "../api.js";
import {badge, h, later, load, replace, select} from "../dom.js";
import {table} from "../table.js";

export const ABOUT = "What guards and permissions decided, from the audit trail: which rule, on whose request, and what was done. Content is never in it.";
const ACTIONS = [["", "Every action"], "block", "redact", "mask", "flag", "deny"];
const KINDS = [["verdict", "Guards"], ["permission", "Permissions"], ["admin", "Changes by operators"], ["", "Everything"]];
const WRONG = new Set(["block", "deny", "refuse", "delete"]);

export async function render(root, {rest, tools}) {
  const wanted = new URLSearchParams(rest[0] || "");
  const kind = select("What", KINDS, wanted.get("kind") ?? "verdict", again), action = select("Action", ACTIONS, wanted.get("action") || "", again);
  const text = h("input", {type: "search", size: "26", placeholder: "agent, rule, request …", "aria-label": "Found anywhere in the record", value: wanted.get("text") || "", oninput: later(again, 400)});
  const place = h("div"), more = h("div", {className: "pager"}), whole = h("div", {className: "block"});
  replace(tools, text, kind, action, h("button", {type: "button", onclick: verify}, "Check the trail"));
  replace(root, whole, place, more);
  let rows = [];

  async function ask(before) {
    const asked = new URLSearchParams({limit: "100"});
    for (const [name, value] of [["kind", kind.value], ["action", action.value], ["text", text.value.trim()]]) if (value) asked.set(name, value);
    if (before) asked.set("before", before);
    const told = await get(`admin/audit?${asked}`);
    rows = before ? [...rows, ...told.list] : told.list;
    replace(more, told.next ? h("button", {type: "button", onclick: () => load(place, () => ask(told.next), show)}, "Older ones") : null);
  }
  function again() { return load(place, () => ask(0), show); }
  const show = () => table([
    {title: "When", className: "nowrap", cell: (row) => new Date(row.at_ms).toLocaleString("sv")},
    {title: "Rule", cell: (row) => [h("code", null, row.rule || row.kind), row.shadow ? h("span", {className: "sub"}, "shadow: nothing was changed") : null]},
    {title: "Action", cell: (row) => badge(row.shadow ? "" : WRONG.has(row.action) ? "bad" : "warn", row.shadow ? `would ${row.action}` : row.action)},
    {title: "Who", cell: (row) => [row.actor || "unknown", row.address && h("span", {className: "sub"}, row.address)]},
    {title: "Route and model", cell: (row) => [row.route, row.model && h("span", {className: "sub"}, row.model)].filter(Boolean)},
    {title: "Request", cell: (row) => [row.request_id && h("a", {className: "mono", href: `#requests/one/${encodeURIComponent(row.request_id)}`}, `…${row.request_id.slice(-8)}`), row.node && h("span", {className: "sub"}, row.node)].filter(Boolean)},
  ], rows, {dense: true, empty: ["Nothing was decided", "No record fits. Guards write here when they block, redact or flag something, or would have."]});

  async function verify() {
    await load(whole, () => get("admin/audit/verify"), (told) => {
      const broken = told.chains.filter((one) => one.problems.length);
      if (told.whole) return h("div", {className: "done", role: "status"}, badge("good", "whole"), `All ${told.chains.length} chains are unbroken${told.key ? `, and ${told.seals} seals fit the operator's key` : "; there is no operator's key to check seals with"}.`);
      return h("div", {className: "problem", role: "alert"}, h("strong", null, "The trail is not whole. "), broken.map((one) => h("div", null, `${one.chain}: ${one.problems.join("; ")}`)));
    });
  }
  await again();
}
