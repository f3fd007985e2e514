import {admin, get} from "../api.js";
import {badge, done, failed, format, h, later, load, replace, select} from "../dom.js";
import {table} from "../table.js";

export const ABOUT = "Consumers, with what each did in the last hour. Callers without a consumer are counted by a fingerprint of the key they showed.";
const SORTS = [["cost", "Dearest first"], ["requests", "Busiest first"], ["errors", "Most errors first"], ["tokens", "Most tokens first"], ["name", "By name"], ["group", "By team"]];

export async function render(root, {rest, session, tools}) {
  const wanted = new URLSearchParams(rest[0] || "");
  let page = 1;
  const text = h("input", {type: "search", size: "24", placeholder: "name, team, description …", "aria-label": "Show only agents that hold this text", value: wanted.get("search") || "", oninput: later(() => { page = 1; fill(); })});
  const sort = select("Order", SORTS, wanted.get("sort") || "cost", () => { page = 1; fill(); });
  const group = h("select", {"aria-label": "Team", onchange: () => { page = 1; fill(); }}, h("option", {value: ""}, "Every team"));
  const said = h("div"), place = h("div");
  replace(tools, text, group, sort, session.may_write && h("a", {className: "button main", href: "#config/consumers/+"}, "Add an agent"));
  replace(root, said, place);
  let chosen = wanted.get("group") || "";

  const fill = () => load(place, () => {
    if (group.options.length > 1) chosen = group.value;
    return get(`agents?${new URLSearchParams({search: text.value.trim(), group: chosen, sort: sort.value, page})}`);
  }, shown);

  function shown(told) {
    replace(group, h("option", {value: ""}, "Every team"), told.groups.map((name) => h("option", {value: name, selected: name === chosen}, name)));
    const filtered = text.value.trim() || chosen;
    return [
      stopped(told.stops),
      table([
        {title: "Agent", cell: (row) => [row.known ? h("a", {href: `#config/consumers/${encodeURIComponent(row.name)}`}, row.name) : h("code", null, row.name), h("span", {className: "sub"}, row.known ? row.desc : "no consumer has this key")]},
        {title: "Team", cell: (row) => row.group ? h("a", {href: `#spend/${encodeURIComponent(new URLSearchParams({days: 7, by: "consumer", group: row.group}))}`}, row.group) : ""},
        {title: "Requests", number: true, cell: (row) => format.number(row.requests)},
        {title: "Errors", number: true, cell: (row) => h("span", {className: row.errors ? "bad" : ""}, format.number(row.errors))},
        {title: "Tokens", number: true, cell: (row) => format.number(row.tokens)},
        {title: "Spent", number: true, cell: (row) => h("a", {href: `#spend/${encodeURIComponent(new URLSearchParams({days: 1, by: "model", consumer: row.name}))}`}, format.usd(row.cost))},
        {title: "Known by", cell: (row) => row.plugins.map((name) => h("span", {className: "tag"}, name))},
        {title: "May call", className: "tight nowrap", cell: (row) => row.known && allowed(row.name, told.stops)},
      ], told.list, {caption: `${format.number(told.total)} agents`, note: filtered ? `${format.number(told.found)} of them fit` : "",
        empty: filtered ? ["No agent fits", "Take the filter away to see all of them."] : ["There are no agents yet", "A consumer is one: add it here, or with gatewayctl apply."]}),
      told.pages > 1 && h("p", {className: "pager"}, h("button", {type: "button", disabled: page <= 1, onclick: () => { page--; fill(); }}, "Before"), `Page ${page} of ${told.pages}`,
        h("button", {type: "button", disabled: page >= told.pages, onclick: () => { page++; fill(); }}, "Next")),
    ];
  }

  function stopped(stops) {
    const wide = stops.find((one) => one.everyone);
    return wide && h("div", {className: "problem"}, h("strong", null, "Everybody is stopped."), wide.desc || "", session.may_write && h("button", {type: "button", className: "small", onclick: () => switched("everybody", wide)}, "Resume everybody"));
  }

  function allowed(name, stops) {
    const wide = stops.find((one) => one.everyone), own = stops.find((one) => one.consumer === name);
    const state = wide ? badge("bad", "everybody stopped") : own ? badge("bad", "stopped") : badge("good", "yes");
    if (!session.may_write || wide) return state;
    return h("span", {className: "tools", title: own && own.desc}, state, own ? h("button", {type: "button", className: "small", "aria-label": `Resume ${name}`, onclick: () => switched(name, own)}, "Resume")
      : h("button", {type: "button", className: "small danger", "aria-label": `Stop ${name}`, onclick: () => ask(name)}, "Stop"));
  }

  function ask(name) {
    const leave = h("button", {type: "button", onclick: () => replace(said)}, "Leave it");
    replace(said, h("div", {className: "problem", role: "alertdialog", "aria-label": `Stop ${name}?`}, h("strong", null, `Stop ${name}?`), "Every request of it is refused, on all nodes, from now on.",
      h("button", {type: "button", className: "danger right", onclick: () => switched(name, null)}, "Stop it"), leave));
    leave.focus();
    said.scrollIntoView({block: "nearest"});
  }

  async function switched(name, own) {
    try {
      const told = own ? await admin("DELETE", `stops/${own.id}`) : await admin("PUT", `stops/consumer.${name}`, {consumer: name, desc: "stopped in the console"});
      replace(said, done(`${name} is ${own ? "served again" : "stopped"} (revision ${told.revision}).`));
      await fill();
    } catch (error) {
      replace(said, failed(error));
    }
  }

  await fill();
}
