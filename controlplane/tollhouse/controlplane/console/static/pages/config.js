import {admin, get} from "../api.js";
import {difference} from "../diff.js";
import {failed, h, load, replace, table} from "../dom.js";

const KINDS = ["routes", "services", "upstreams", "consumers", "consumer_groups", "plugin_configs", "global_rules", "plugin_metadata", "models", "providers", "budgets", "ssls", "secrets"];

export async function render(root, {session, rest}) {
  const [kind = "routes", id, ...more] = rest;
  const whole = more.length ? [id, ...more].join("/") : id;
  const choose = h("select", {"aria-label": "Kind of object", onchange: () => { location.hash = `config/${choose.value}`; }}, KINDS.map((one) => h("option", {value: one, selected: one === kind}, one)));
  const place = h("div");
  replace(root, h("div", {className: "tools"}, choose, whole && h("a", {href: `#config/${kind}`}, `All ${kind}`), session.may_write && !whole && h("a", {className: "right", href: `#config/${kind}/+`}, "Add one")), place);
  if (!whole) return list(place, kind);
  return edit(place, session, kind, whole === "+" ? "" : whole);
}

const SIZE = 200;

async function list(place, kind, page = 1) {
  const pages = (total) => total > SIZE && h("p", {className: "tools"},
    h("button", {type: "button", disabled: page === 1, onclick: () => list(place, kind, page - 1)}, "Before"), `Page ${page} of ${Math.ceil(total / SIZE)}`,
    h("button", {type: "button", disabled: page * SIZE >= total, onclick: () => list(place, kind, page + 1)}, "Next"));
  await load(place, async () => (await admin("GET", `${kind}?page=${page}&page_size=${SIZE}`)).body, ({list: items, total}) => [table([
    {title: "Id", cell: (row) => h("a", {href: `#config/${kind}/${encodeURIComponent(own(kind, row))}`}, own(kind, row))},
    {title: "Name", cell: (row) => row.value.name},
    {title: "What", cell: (row) => summary(row.value)},
    {title: "Plugins", cell: (row) => Object.keys(row.value.plugins || {}).join(", ")},
    {title: "Revision", number: true, cell: (row) => String(row.modifiedIndex)},
  ], items, `There are no ${kind} yet.`, `${total} ${kind}`), pages(total)]);
}

const own = (kind, row) => kind === "consumers" ? row.value.username : kind === "plugin_metadata" || kind === "secrets" ? row.key.split(`/${kind}/`)[1] : String(row.value.id);

function summary(value) {
  const where = value.uri || (value.uris || []).join(", ") || value.desc || "";
  const hosts = value.host || (value.hosts || []).join(", ");
  return [hosts, where].filter(Boolean).join(" ");
}

async function edit(place, session, kind, id) {
  await load(place, async () => {
    const stored = id ? await admin("GET", `${kind}/${id}`) : null;
    const names = await get("admin/plugins/list");
    return {stored, names};
  }, ({stored, names}) => editor(place, session, kind, id, stored, names));
}

function editor(place, session, kind, id, stored, names) {
  const before = stored ? stored.body.value : null;
  const text = h("textarea", {id: "document", rows: "24", spellcheck: "false", readonly: !session.may_write, "aria-describedby": "check", value: JSON.stringify(shown(before) || skeleton(kind), null, 2)});
  const name = h("input", {id: "new-id", placeholder: "id", required: true});
  const check = h("p", {id: "check", role: "status", className: "note"}, session.may_write ? "" : "Your key may only look.");
  const result = h("div");
  const review = h("button", {type: "button", className: "main", onclick: reviewed}, "Review the change…");
  let timer = 0;
  text.addEventListener("input", () => { clearTimeout(timer); replace(result); timer = setTimeout(checked, 400); });

  function parsed() {
    try {
      const value = JSON.parse(text.value);
      if (value && typeof value === "object" && !Array.isArray(value)) return value;
      throw new Error("expected an object");
    } catch (error) {
      check.className = "bad";
      check.textContent = `No JSON: ${error.message}`;
      return null;
    }
  }

  async function checked() {
    const value = parsed();
    if (!value) return false;
    try {
      await admin("POST", `schema/validate/${kind}`, kind === "plugin_metadata" || kind === "secrets" || kind === "consumers" ? value : {id: id || name.value || "new", ...value});
      check.className = "ok";
      check.textContent = "It fits the schema.";
      return true;
    } catch (error) {
      check.className = "bad";
      check.textContent = error.message;
      return false;
    }
  }

  async function reviewed() {
    const value = parsed();
    const wanted = id || name.value.trim();
    if (!value) return;
    if (!wanted) { check.className = "bad"; check.textContent = "Give it an id."; name.focus(); return; }
    if (!(await checked())) return;
    replace(result, h("h2", null, "This will change"), difference(shown(before), value, "the change"), h("p", {className: "tools"},
      h("button", {type: "button", className: "main", id: "save", onclick: () => save(wanted, value)}, "Save"), h("button", {type: "button", onclick: () => replace(result)}, "Go on editing")));
    result.scrollIntoView({block: "nearest"});
  }

  async function save(wanted, value) {
    try {
      const headers = stored ? {"If-Match": stored.etag} : {"If-None-Match": "*"};
      const done = await admin("PUT", `${kind}/${wanted}`, value, headers);
      replace(result, h("p", {className: "done", role: "status"}, `Saved as revision ${done.revision}. `, (done.body.notes || []).join(" "), " ", h("a", {href: "#fleet"}, "See who serves it"), " · ", h("a", {href: `#history/${done.revision}`}, "Its place in the history")));
      stored = done;
      if (!id) location.hash = `config/${kind}/${encodeURIComponent(wanted)}`;
      else stored = await admin("GET", `${kind}/${wanted}`);
    } catch (error) {
      const told = error.status === 412 ? {message: "Somebody else changed it meanwhile. Load it again and look."} : error;
      replace(result, failed(told));
    }
  }

  async function remove() {
    try {
      await admin("DELETE", `${kind}/${id}`, undefined, {"If-Match": stored.etag});
      location.hash = `config/${kind}`;
    } catch (error) {
      replace(result, failed(error));
    }
  }

  const confirmed = h("button", {type: "button", className: "danger", onclick: () => replace(result, h("div", {className: "problem"}, `Delete ${kind}/${id}? `, h("button", {type: "button", className: "danger", onclick: remove}, "Delete it"), h("button", {type: "button", onclick: () => replace(result)}, "Keep it")))}, "Delete…");
  return h("div", {className: "editor"},
    h("div", null, !id && h("p", null, h("label", {for: "new-id"}, "Id "), name), h("label", {for: "document"}, id ? `${kind}/${id}` : `New in ${kind}`), text, check,
      session.may_write && h("p", {className: "tools"}, review, id && confirmed, h("span", {className: "note"}, "Secrets show as ********; left so, they stay as they are.")), result),
    help(names));
}

function shown(value) {
  if (!value) return null;
  const {create_time: _created, update_time: _updated, ...rest} = value;
  return rest;
}

function skeleton(kind) {
  if (kind === "routes") return {uri: "/", plugins: {}, upstream: {type: "roundrobin", nodes: {"127.0.0.1:8080": 1}}};
  if (kind === "consumers") return {username: "", plugins: {"key-auth": {key: ""}}};
  return {};
}

function help(names) {
  const place = h("div");
  const choose = h("select", {id: "plugin", onchange: show}, h("option", {value: ""}, "Choose a plugin"), names.map((name) => h("option", {value: name}, name)));
  async function show() {
    if (!choose.value) { replace(place); return; }
    await load(place, () => get(`admin/schema/plugins/${choose.value}`), (schema) => fields(schema, schema));
  }
  return h("aside", {className: "panel"}, h("label", {for: "plugin"}, "What a plugin takes "), choose, place);
}

function fields(schema, root) {
  const described = Object.entries(schema.properties || {});
  if (!described.length) return h("p", {className: "empty"}, "It takes no fields.");
  return [schema.description && h("p", null, schema.description), described.map(([name, one]) => {
    const inner = resolved(one, root);
    const needed = (schema.required || []).includes(name) ? " (required)" : inner.default !== undefined ? ` (default ${JSON.stringify(inner.default)})` : "";
    return h("details", null, h("summary", null, h("code", null, name), ` ${kindOf(one, root)}${needed}`), h("p", null, one.description || inner.description || ""), inner.properties && fields(inner, root));
  })];
}

function resolved(one, root) {
  if (one.$ref) return resolvedPath(one.$ref, root);
  const choices = (one.anyOf || one.oneOf || []).find((choice) => choice.$ref);
  return choices ? {...resolvedPath(choices.$ref, root), description: one.description} : one;
}

const resolvedPath = (path, root) => path.slice(2).split("/").reduce((value, part) => value && value[part], root) || {};

function kindOf(one, root) {
  const inner = resolved(one, root);
  if (inner.enum) return inner.enum.join(" | ");
  if (one.anyOf) return one.anyOf.map((choice) => choice.type || "object").join(" or ");
  return inner.type || "";
}
