// Teams as the tree they are, and one team: whether it may call, what it did, what it may spend, who is in it.

import {get} from "../api.js";
import {count, format, h, lately, later, load, replace, silence} from "../dom.js";
import {table} from "../table.js";
import {summary} from "./agent.js";
import {budgetTable} from "./budgets.js";
import {agentTable, figures, pager, stopBar} from "./list.js";
import {state, switches, teamLink} from "./switch.js";

const spend = (team) => `#spend/${encodeURIComponent(new URLSearchParams({days: 7, by: "consumer", group: team}))}`;
const members = (team) => `#agents/${encodeURIComponent(new URLSearchParams({group: team}))}`;

export async function teams(root, {session, tools, tabs}) {
  let page = 1;
  const text = h("input", {type: "search", size: "22", placeholder: "team, description …", "aria-label": "Show only teams that hold this text", oninput: later(() => { page = 1; fill(); })});
  const said = h("div"), place = h("div"), every = h("div");
  const {button} = switches(session, said, () => fill());
  replace(tools, text, session.writes.includes("consumer_groups") && h("a", {className: "button main", href: "#config/consumer_groups/+"}, "Add a team"));
  replace(root, h("div", {className: "tools between"}, tabs("teams"), every), said, place);
  const fill = () => load(place, () => get(`teams?${new URLSearchParams({search: text.value.trim(), page})}`), (told) => {
    replace(every, !told.everyone && button("everyone", "", null, true));
    return [stopBar(told.everyone, button), teamTable(told.list, button, !text.value.trim(), {caption: count(told.total, "team"), note: text.value.trim() ? `${format.number(told.found)} of them fit` : `each with those below it, ${lately(told.since)}`,
      empty: text.value.trim() ? ["No team fits", "Take the filter away to see all of them."] : ["There are no teams yet", "A consumer group is one: add it here, or with gatewayctl apply."]}),
    pager(page, told.pages, (to) => { page = to; fill(); })];
  });
  await fill();
}

function teamTable(list, button, tree, options) {
  return table([
    {title: "Team", cell: (row) => indented(tree ? row.depth : 0, [teamLink(row.id), h("span", {className: "sub"}, row.name || row.desc)])},
    {title: "Agents", number: true, cell: (row) => h("a", {href: members(row.id)}, format.number(row.agents))},
    ...figures((row) => h("a", {href: spend(row.id)}, format.usd(row.cost))),
    {title: "Budgets", number: true, cell: (row) => row.budgets ? format.number(row.budgets) : ""},
    {title: "May call", className: "tight nowrap", cell: (row) => h("span", {className: "tools between"}, h("span", {title: (row.stop || {}).desc}, state(row.stop, row.id)), button("team", row.id, row.stop))},
  ], list, options);
}

function indented(depth, content) {
  const made = h("div", null, content);
  made.style.paddingLeft = `${Math.min(depth, 6) * 18}px`;
  return made;
}

export async function team(root, {session, tools, name, heading}) {
  const said = h("div"), place = h("div");
  heading(name);
  replace(tools, !session.narrowed && h("a", {className: "button", href: spend(name)}, "Spend"), h("a", {className: "button", href: members(name)}, "All its agents"),
    h("a", {className: "button", href: `#config/consumer_groups/${encodeURIComponent(name)}`}, session.writes.includes("consumer_groups") ? "Edit" : "Configuration"));
  replace(root, said, place);
  const {box, button} = switches(session, said, () => fill());
  const fill = () => load(place, async () => {
    const [row, dearest] = await Promise.all([get(`teams/${encodeURIComponent(name)}`), get(`agents?${new URLSearchParams({group: name})}`)]);
    return {row, dearest};
  }, view);

  function view({row, dearest}) {
    const facts = [["Belongs to", row.line.flatMap((one, index) => [index ? " in " : "", teamLink(one)])], ["What it is", [row.name, row.desc].filter(Boolean).join(" · ")],
      ["Agents", `${format.number(row.agents)}${row.agents > row.direct ? `, ${format.number(row.direct)} of them its own` : ""}`], ["Plugins", row.plugins.map((one) => h("span", {className: "tag"}, one))]];
    return h("div", {className: "stack"}, box("team", name, row.stop), summary(row, facts), silence(row.silent),
      budgetTable(row.budgets, {caption: "Budgets", note: "that count what it spends as a whole", empty: ["No budget counts what it spends", session.writes.includes("budgets") ? h("a", {href: "#config/budgets/+"}, "Add one") : ""]}),
      row.teams.length > 0 && teamTable(row.teams, button, false, {caption: "Teams below it"}),
      agentTable(dearest.list, button, {caption: "Agents", note: dearest.pages > 1 ? `the dearest ${dearest.list.length} of ${format.number(dearest.found)}` : `the dearest first, ${lately(row.since)}`, empty: ["Nobody is in it", "An agent's group_id says to which team it belongs."]}));
  }
  await fill();
}
