// One agent: whether it may call, what it did, what it may spend, and its keys.

import {get} from "../api.js";
import {format, h, lately, load, replace, silence, tile} from "../dom.js";
import {budgetTable} from "./budgets.js";
import {keys} from "./keys.js";
import {switches, teamLink} from "./switch.js";

export async function agent(root, {session, tools, name, heading}) {
  const said = h("div"), place = h("div"), about = {days: 7, consumer: name};
  heading(name);
  replace(tools, !session.narrowed && [h("a", {className: "button", href: `#spend/${encodeURIComponent(new URLSearchParams({...about, by: "model"}))}`}, "Spend"), h("a", {className: "button", href: `#requests/${encodeURIComponent(new URLSearchParams(about))}`}, "Requests")],
    h("a", {className: "button", href: `#config/consumers/${encodeURIComponent(name)}`}, session.writes.includes("consumers") ? "Edit" : "Configuration"));
  replace(root, said, place);
  const fill = () => load(place, () => get(`agents/${encodeURIComponent(name)}`), view);
  const {box} = switches(session, said, () => fill());
  const inline = (row) => row.plugins.filter((one) => one.endsWith("-auth"));

  function view(row) {
    return h("div", {className: "stack"}, box("agent", name, row.stop), summary(row, facts(row)), silence(row.silent),
      budgetTable(row.budgets, {caption: "Budgets", note: "that count what it spends", empty: ["No budget counts what it spends", session.writes.includes("budgets") ? h("a", {href: "#config/budgets/+"}, "Add one") : ""]}),
      keys(session, name, row.keys, inline(row)));
  }
  await fill();
}

const facts = (row) => [["Team", row.line.length ? row.line.flatMap((team, index) => [index ? " in " : "", teamLink(team)]) : "none"], ["What it is", row.desc], ["Labels", tags(Object.entries(row.labels).map(([label, value]) => `${label}: ${value}`))],
  ["Plugins", tags(row.plugins)]];
const tags = (texts) => texts.length ? texts.map((one) => h("span", {className: "tag"}, one)) : "";

/** What it did in the last hour, and what it is. */
export const summary = (row, facts) => [h("div", {className: "cards"}, tile("Requests", format.number(row.requests), lately(row.since)), tile("Errors", format.number(row.errors), row.requests ? format.percent(row.errors / row.requests) : "4xx and 5xx", row.errors > 0 && "bad"),
  tile("Tokens", format.number(row.tokens), lately(row.since)), tile("Spent", format.usd(row.cost), lately(row.since))),
h("div", {className: "panel"}, h("dl", null, facts.filter(([, value]) => value && value.length !== 0).map(([name, value]) => [h("dt", null, name), h("dd", null, value)])))];
