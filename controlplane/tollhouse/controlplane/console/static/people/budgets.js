// Budgets as rows of a table: of everybody, of a team, or of one agent.

import {badge, bar, exact, format, h} from "../dom.js";
import {table} from "../table.js";

const NAMES = {consumer: "agent", consumer_group: "team"};
export const amount = (row, value) => row.unit === "usd" ? format.usd(value) : `${format.number(value)} ${row.unit}`;

export function budgetTable(rows, options) {
  return table([
    {title: "Budget", cell: (row) => [h("a", {href: `#config/budgets/${encodeURIComponent(row.budget)}`}, row.budget), h("span", {className: "sub"}, whom(row))], sort: (row) => row.key},
    {title: "Spent", number: true, cell: (row) => row.unit === "usd" ? exact(row.spent) : amount(row, row.spent), sort: (row) => row.spent},
    {title: "Limit", number: true, cell: (row) => `${amount(row, row.limit)} / ${row.window}`, sort: (row) => row.limit},
    {title: "Used", cell: (row) => row.unused ? badge("", "nothing yet") : [h("span", {className: row.spent >= row.limit * 0.9 ? "bad" : ""}, format.percent(row.spent / row.limit)), bar(row.spent / row.limit)], sort: (row) => row.spent / row.limit},
    {title: "Reserved", number: true, cell: (row) => amount(row, row.reserved), sort: (row) => row.reserved},
    {title: "Begins anew", className: "nowrap", cell: (row) => row.resets ? format.when(row.resets) : ""},
    {title: "When it is spent", cell: (row) => row.enforced ? badge(row.on_exceed === "reject" ? "warn" : "", row.on_exceed) : badge("", "only counted")},
  ], rows, options);
}

/** Whose spending a key counts: its own values where the budget is for each, else the scope's. */
export function whom(row) {
  if (row.key !== row.budget) return row.key.slice(row.budget.length + 1).split("|").map((part) => part.replace("=", " ").replace(/^\S+/, (name) => NAMES[name] || name)).join(", ");
  const scope = Object.entries(row.scope);
  return scope.length ? scope.map(([name, value]) => `${NAMES[name] || name} ${value}`).join(", ") : "everybody, everything";
}
