import {admin, get} from "../api.js";
import {badge, bar, format, h, load, replace, silence} from "../dom.js";
import {table} from "../table.js";

export const ABOUT = "What may be spent, by whom, in which time; and how much of it is gone.";
const amount = (row, value) => row.unit === "usd" ? format.usd(value) : `${format.number(value)} ${row.unit}`;

export async function render(root, {session, tools}) {
  const place = h("div");
  replace(tools, h("button", {type: "button", onclick: fill}, "Look again"), session.may_write && h("a", {className: "button main", href: "#config/budgets/+"}, "Add a budget"));
  replace(root, place);
  async function fill() {
    await load(place, async () => {
      const [told, listed] = await Promise.all([get("budgets"), admin("GET", "budgets?page=1&page_size=500")]);
      return {...told, configured: listed.body.list.map((one) => one.value)};
    }, view);
  }
  await fill();
}

function view({budgets, silent, configured}) {
  const seen = new Set(budgets.map((row) => row.budget)), about = new Map(configured.map((one) => [one.id, one]));
  const unused = configured.filter((one) => !seen.has(one.id)).map((one) => ({budget: one.id, key: one.id, unit: one.unit, window: one.window, limit: Number(one.amount), spent: 0, reserved: 0, resets: null, enforced: one.on_exceed !== "alert", unused: true}));
  const rows = [...budgets, ...unused];
  return [silence(silent), table([
    {title: "Budget", cell: (row) => [h("a", {href: `#config/budgets/${encodeURIComponent(row.budget)}`}, row.budget), h("span", {className: "sub"}, whom(row, about.get(row.budget)))], sort: (row) => row.key},
    {title: "Spent", number: true, cell: (row) => amount(row, row.spent), sort: (row) => row.spent},
    {title: "Limit", number: true, cell: (row) => `${amount(row, row.limit)} / ${row.window}`, sort: (row) => row.limit},
    {title: "Used", cell: (row) => row.unused ? badge("", "nothing yet") : [h("span", {className: row.spent >= row.limit * 0.9 ? "bad" : ""}, format.percent(row.spent / row.limit)), bar(row.spent / row.limit)], sort: (row) => row.spent / row.limit},
    {title: "Reserved", number: true, cell: (row) => amount(row, row.reserved), sort: (row) => row.reserved},
    {title: "Begins anew", className: "nowrap", cell: (row) => row.resets ? format.when(row.resets) : ""},
    {title: "When it is spent", cell: (row) => { const then = (about.get(row.budget) || {}).on_exceed || "reject"; return row.enforced ? badge(then === "reject" ? "warn" : "", then) : badge("", "only counted"); }},
  ], rows, {empty: ["There are no budgets yet", "One says how much may be spent, by whom, in which time."]})];
}

function whom(row, budget) {
  if (row.key !== row.budget) return row.key.slice(row.budget.length + 1);
  const scope = Object.entries((budget || {}).scope || {}).filter(([, value]) => value);
  return scope.length ? scope.map(([name, value]) => `${name.replace("_", " ")} ${value}`).join(", ") : "everybody, everything";
}
