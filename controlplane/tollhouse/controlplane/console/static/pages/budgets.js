import {get} from "../api.js";
import {count, format, h, later, load, replace, silence} from "../dom.js";
import {budgetTable} from "../people/budgets.js";
import {pager} from "../people/list.js";

export const ABOUT = "What may be spent, by whom, in which time; and how much of it is gone. Those nearest to their end stand first.";

export async function render(root, {session, tools}) {
  let page = 1;
  const place = h("div"), text = h("input", {type: "search", size: "22", placeholder: "budget, agent, team …", "aria-label": "Show only budgets that hold this text", oninput: later(() => { page = 1; fill(); })});
  replace(tools, text, h("button", {type: "button", onclick: () => fill()}, "Look again"), session.writes.includes("budgets") && h("a", {className: "button main", href: "#config/budgets/+"}, "Add a budget"));
  replace(root, place);
  const fill = () => load(place, () => get(`budgets?${new URLSearchParams({search: text.value.trim(), page})}`), (told) => [silence(told.silent),
    budgetTable(told.budgets, {caption: count(told.total, "count"), note: text.value.trim() ? `${format.number(told.found)} of them fit` : "a budget for each has one for everybody it counts",
      empty: text.value.trim() ? ["No budget fits", "Take the filter away to see all of them."] : ["There are no budgets yet", "One says how much may be spent, by whom, in which time."]}),
    pager(page, told.pages, (to) => { page = to; fill(); })]);
  await fill();
}
