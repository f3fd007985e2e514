import {get} from "../api.js";
import {format, h, later, load, replace} from "../dom.js";
import {editor, prepared} from "../editor.js";
import {pager} from "../people/list.js";
import {table} from "../table.js";

export const ABOUT = "Everything the gateway does. Changes are checked by the server and shown as a difference before they are written; nodes serve them within a moment.";
const KINDS = [["routes", "Routes"], ["services", "Services"], ["upstreams", "Upstreams"], ["plugin_configs", "Plugin configs"], ["global_rules", "Global rules"], ["plugin_metadata", "Plugin metadata"],
  ["consumers", "Consumers"], ["consumer_groups", "Consumer groups"], ["models", "Models"], ["providers", "Providers"], ["budgets", "Budgets"], ["notifiers", "Notifiers"], ["ssls", "Certificates"], ["secrets", "Secret stores"]];

export async function render(root, {session, rest, tools, heading, hold}) {
  const [kind = "routes", id, ...more] = rest;
  const whole = more.length ? [id, ...more].join("/") : id;
  const title = (KINDS.find(([name]) => name === kind) || [kind, kind])[1];
  const place = h("div"), menu = h("div", {className: "kinds", role: "navigation", "aria-label": "Kinds of objects"}, KINDS.map(([name, shown]) => h("a", {href: `#config/${name}`, "aria-current": name === kind && "page"}, shown)));
  replace(root, h("div", {className: "config"}, menu, place));
  if (whole) {
    replace(tools, h("a", {className: "button", href: `#config/${kind}`}, `All ${title.toLowerCase()}`));
    const wanted = whole === "+" ? "" : whole;
    heading(wanted ? `${kind}/${wanted}` : `${kind}: a new one`);
    return load(place, () => prepared(kind, wanted), (found) => editor(session, kind, wanted, found, hold));
  }
  return list(place, tools, session, kind, title);
}

async function list(place, tools, session, kind, title) {
  let page = 1;
  const filter = h("input", {type: "search", size: "24", placeholder: "id, name, plugin …", "aria-label": "Show only objects that hold this text", oninput: later(() => { page = 1; fill(); })});
  const may = session.writes.includes(kind), wanted = () => filter.value.trim();
  replace(tools, filter, may && h("a", {className: "button main", href: `#config/${kind}/+`}, "Add one"));
  const fill = () => load(place, () => get(`objects/${kind}?${new URLSearchParams({search: wanted(), page})}`), (told) => [table([
    {title: "Id", cell: (row) => [h("a", {href: `#config/${kind}/${encodeURIComponent(row.id)}`}, row.id), row.value.name && h("span", {className: "sub"}, row.value.name)], sort: (row) => row.id},
    {title: "What", cell: (row) => summary(row.value)},
    {title: "Plugins", cell: (row) => Object.keys(row.value.plugins || {}).map((name) => h("span", {className: "tag"}, name))},
    {title: "Revision", number: true, cell: (row) => h("a", {href: `#history/${row.revision}`}, String(row.revision)), sort: (row) => row.revision},
  ], told.list, {caption: `${format.number(told.total)} ${title.toLowerCase()}`, note: wanted() ? `${format.number(told.found)} of them fit` : told.pages > 1 && "changed last first",
    empty: wanted() ? ["None fits", "Take the filter away to see all of them."] : [`There are no ${title.toLowerCase()} yet`, may ? "Add one here, or with gatewayctl apply." : ""]}),
  pager(page, told.pages, (to) => { page = to; fill(); })]);
  await fill();
}

function summary(value) {
  const where = value.uri || (value.uris || []).join(", ");
  const hosts = value.host || (value.hosts || []).join(", ");
  const budget = value.window && value.amount && `${value.unit === "usd" ? "$" : ""}${value.amount}${value.unit === "usd" ? "" : ` ${value.unit}`} a ${value.window}`;
  return [[hosts, where].filter(Boolean).join(" "), budget, value.type, (value.targets || []).map((one) => [one.provider, one.model].filter(Boolean).join("/")).join(", "), value.desc].filter(Boolean).slice(0, 2).join(" · ");
}
