import {admin} from "../api.js";
import {h, later, load, replace} from "../dom.js";
import {editor, prepared} from "../editor.js";
import {table} from "../table.js";

export const ABOUT = "Everything the gateway does. Changes are checked by the server and shown as a difference before they are written; nodes serve them within a moment.";
const KINDS = [["routes", "Routes"], ["services", "Services"], ["upstreams", "Upstreams"], ["plugin_configs", "Plugin configs"], ["global_rules", "Global rules"], ["plugin_metadata", "Plugin metadata"],
  ["consumers", "Consumers"], ["consumer_groups", "Consumer groups"], ["models", "Models"], ["providers", "Providers"], ["budgets", "Budgets"], ["notifiers", "Notifiers"], ["ssls", "Certificates"], ["secrets", "Secret stores"]];
const SIZE = 200;

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
  let page = 1, rows = [], total = 0;
  const filter = h("input", {type: "search", size: "24", placeholder: "id, name, plugin …", "aria-label": "Show only objects that hold this text", oninput: later(() => replace(place, view()), 150)});
  replace(tools, filter, session.writes.includes(kind) && h("a", {className: "button main", href: `#config/${kind}/+`}, "Add one"));
  const fill = () => load(place, async () => (await admin("GET", `${kind}?page=${page}&page_size=${SIZE}`)).body, (told) => { rows = told.list; total = told.total; return view(); });
  function view() {
    const wanted = filter.value.toLowerCase();
    const shown = rows.filter((row) => !wanted || JSON.stringify(row.value).toLowerCase().includes(wanted) || own(kind, row).toLowerCase().includes(wanted));
    return [table([
      {title: "Id", cell: (row) => [h("a", {href: `#config/${kind}/${encodeURIComponent(own(kind, row))}`}, own(kind, row)), row.value.name && h("span", {className: "sub"}, row.value.name)], sort: (row) => own(kind, row)},
      {title: "What", cell: (row) => summary(row.value)},
      {title: "Plugins", cell: (row) => Object.keys(row.value.plugins || {}).map((name) => h("span", {className: "tag"}, name))},
      {title: "Revision", number: true, cell: (row) => h("a", {href: `#history/${row.modifiedIndex}`}, String(row.modifiedIndex)), sort: (row) => row.modifiedIndex},
    ], shown, {caption: `${total} ${title.toLowerCase()}`, note: wanted && `${shown.length} of this page fit`, empty: rows.length ? ["None fits", "Take the filter away to see all of them."] : [`There are no ${title.toLowerCase()} yet`, session.writes.includes(kind) ? "Add one here, or with gatewayctl apply." : ""]}),
    total > SIZE && h("p", {className: "pager"}, h("button", {type: "button", disabled: page === 1, onclick: () => { page--; fill(); }}, "Before"), `Page ${page} of ${Math.ceil(total / SIZE)}`,
      h("button", {type: "button", disabled: page * SIZE >= total, onclick: () => { page++; fill(); }}, "Next"))];
  }
  await fill();
}

const own = (kind, row) => kind === "consumers" ? row.value.username : kind === "plugin_metadata" || kind === "secrets" ? row.key.split(`/${kind}/`)[1] : String(row.value.id);

function summary(value) {
  const where = value.uri || (value.uris || []).join(", ");
  const hosts = value.host || (value.hosts || []).join(", ");
  const budget = value.window && value.amount && `${value.unit === "usd" ? "$" : ""}${value.amount}${value.unit === "usd" ? "" : ` ${value.unit}`} a ${value.window}`;
  return [[hosts, where].filter(Boolean).join(" "), budget, value.type, (value.targets || []).map((one) => [one.provider, one.model].filter(Boolean).join("/")).join(", "), value.desc].filter(Boolean).slice(0, 2).join(" · ");
}
