// Agents, a page at a time: searched, sorted and paged by the server.

import {get} from "../api.js";
import {count, format, h, lately, later, load, replace, select} from "../dom.js";
import {table} from "../table.js";
import {state, switches, teamLink} from "./switch.js";

const SORTS = [["cost", "Dearest first"], ["requests", "Busiest first"], ["errors", "Most errors first"], ["tokens", "Most tokens first"], ["name", "By name"], ["group", "By team"]];
const SHOWN = [["", "All agents"], ["true", "Stopped ones"]];

export async function agents(root, {session, tools, wanted, tabs}) {
  let page = 1, chosen = wanted.get("group") || "";
  const anew = () => { page = 1; return fill(); };
  const text = h("input", {type: "search", size: "22", placeholder: "name, team, description …", "aria-label": "Show only agents that hold this text", value: wanted.get("search") || "", oninput: later(anew)});
  const sort = select("Order", SORTS, wanted.get("sort") || "cost", anew), stopped = select("Which", SHOWN, wanted.get("stopped") || "", anew);
  const group = h("select", {"aria-label": "Team", onchange: () => { chosen = group.value; anew(); }}, h("option", {value: ""}, "Every team"));
  const said = h("div"), place = h("div"), every = h("div");
  const {button} = switches(session, said, () => fill());
  replace(tools, text, group, stopped, sort, session.writes.includes("consumers") && h("a", {className: "button main", href: "#config/consumers/+"}, "Add an agent"));
  replace(root, h("div", {className: "tools between"}, tabs("agents"), every), said, place);
  const fill = () => load(place, () => get(`agents?${new URLSearchParams({search: text.value.trim(), group: chosen, stopped: stopped.value, sort: sort.value, page})}`), shown);

  function shown(told) {
    const groups = chosen && !told.groups.includes(chosen) ? [chosen, ...told.groups] : told.groups;
    replace(group, h("option", {value: ""}, "Every team"), groups.map((name) => h("option", {value: name, selected: name === chosen}, name)));
    replace(every, !told.everyone && button("everyone", "", null, true));
    const filtered = text.value.trim() || chosen || stopped.value;
    const turn = (to) => { page = to; fill().then(() => scrollTo(0, 0)); };
    return [
      stopBar(told.everyone, button),
      agentTable(told.list, button, {caption: count(told.total, "agent"), note: filtered ? `${format.number(told.found)} of them fit` : lately(told.since),
        empty: filtered ? ["No agent fits", "Take the filter away to see all of them."] : ["There are no agents yet", "A consumer is one: add it here, or with gatewayctl apply."]}),
      pager(page, told.pages, turn),
    ];
  }

  await fill();
}

/** Everybody is stopped: nothing on the page says more. */
export const stopBar = (everyone, button) => everyone && h("div", {className: "problem"}, h("strong", null, "Everybody is stopped."), h("span", {className: "grow"}, everyone.desc || ""), button("everyone", "", everyone, true));

export const pager = (page, pages, turn) => pages > 1 && h("p", {className: "pager"}, h("button", {type: "button", disabled: page <= 1, onclick: () => turn(page - 1)}, "Before"), `Page ${page} of ${pages}`,
  h("button", {type: "button", disabled: page >= pages, onclick: () => turn(page + 1)}, "Next"));

export function agentTable(list, button, options) {
  return table([
    {title: "Agent", cell: (row) => [row.known ? h("a", {href: `#agents/one/${encodeURIComponent(row.name)}`}, row.name) : h("code", null, row.name), h("span", {className: "sub"}, row.known ? row.desc : "no consumer has this key")]},
    {title: "Team", cell: (row) => row.group ? teamLink(row.group) : ""},
    ...figures((row) => h("a", {href: `#spend/${encodeURIComponent(new URLSearchParams({days: 1, by: "model", consumer: row.name}))}`}, format.usd(row.cost))),
    {title: "May call", className: "tight nowrap", cell: (row) => row.known && h("span", {className: "tools between"}, h("span", {title: (row.stop || {}).desc}, state(row.stop)), button("agent", row.name, row.stop))},
  ], list, options);
}

/** What was done in the last hour. */
export const figures = (spent) => [
  {title: "Requests", number: true, cell: (row) => format.number(row.requests)},
  {title: "Errors", number: true, cell: (row) => h("span", {className: row.errors ? "bad" : ""}, format.number(row.errors))},
  {title: "Tokens", number: true, cell: (row) => format.number(row.tokens)},
  {title: "Spent", number: true, cell: spent},
];
