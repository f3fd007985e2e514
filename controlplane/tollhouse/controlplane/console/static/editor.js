// One object: as a form made of its schema, or as JSON; checked by the server while it is edited, and shown as a
// difference before it is written.

import {admin, get} from "./api.js";
import {difference} from "./diff.js";
import {badge, done, failed, h, later, replace} from "./dom.js";
import {form} from "./form/form.js";

const FIRST = {routes: ["name", "uri", "methods", "plugins", "upstream", "upstream_id", "service_id"], services: ["name", "plugins", "upstream"], consumers: ["group_id", "desc", "plugins"], models: ["name", "targets"],
  budgets: ["scope", "unit", "amount", "window", "on_exceed"], global_rules: ["plugins"], plugin_configs: ["desc", "plugins"], consumer_groups: ["desc", "plugins"], upstreams: ["name", "nodes", "type"], providers: ["type"]};
const SKELETON = {routes: {uri: "/", plugins: {}}, consumers: {plugins: {"key-auth": {key: ""}}}, global_rules: {plugins: {}}, plugin_configs: {plugins: {}}, consumer_groups: {plugins: {}}, budgets: {scope: {}, unit: "usd", amount: "10", window: "day"}};

/** What the editor needs to know of a kind of object. */
export async function prepared(kind, id) {
  const [stored, names] = await Promise.all([id ? admin("GET", `${kind}/${id}`) : null, get("admin/plugins/list")]);
  const schema = kind !== "plugin_metadata" ? await get(`admin/schema/${kind.replace(/s$/, "")}`)
    : id ? await get(`admin/schema/plugins/${id}?schema_type=metadata`) : {type: "object", properties: {}};
  return {stored, names, schema};
}

export function editor(session, kind, id, {stored, names, schema}, hold) {
  let before = stored ? shown(stored.body.value) : null;
  let value = before ? structuredClone(before) : structuredClone(SKELETON[kind] || {});
  let begun = JSON.stringify(value);
  hold(() => JSON.stringify(text ? parsed() ?? text.value : value) !== begun);
  const locked = !session.writes.includes(kind);
  const name = h("input", {id: "new-id", placeholder: kind === "consumers" ? "the agent's name" : kind === "plugin_metadata" ? "name of a plugin" : kind === "secrets" ? "vault/main" : "id", required: true, size: "30", oninput: later(checked)});
  const check = h("span", {id: "check", role: "status", className: "note"}, locked ? "Your key may only look." : before ? "" : "Give it an id, and fill in what it needs.");
  const result = h("div"), place = h("div");
  const tabs = ["Form", "JSON"].map((title) => h("button", {type: "button", "aria-pressed": "false", onclick: () => view(title)}, title));
  const review = h("button", {type: "button", className: "main", onclick: reviewed}, "Review the change…");
  const soon = later(checked, 400);
  let text = null;

  function view(title) {
    if (text && parsed() === null) return;
    reviewing(false);
    tabs.forEach((one) => one.setAttribute("aria-pressed", String(one.textContent === title)));
    sessionStorage.setItem("editor", title);
    text = null;
    if (title === "JSON") {
      text = h("textarea", {id: "document", rows: "26", spellcheck: "false", readonly: locked, "aria-label": "The object as JSON", "aria-describedby": "check", value: JSON.stringify(value, null, 2), oninput: () => { replace(result); soon(); }});
      replace(place, text);
    } else {
      const context = {root: schema, locked, first: FIRST[kind] || [], plugins: names, schemaOf: pluginSchema};
      replace(place, h("div", {className: "panel"}, form(schema, value, (changed) => { value = changed; replace(result); soon(); }, context)));
    }
  }
  const type = kind === "consumers" ? "consumer" : "";
  const schemas = new Map();
  function pluginSchema(plugin) {
    if (!schemas.has(plugin)) schemas.set(plugin, get(`admin/schema/plugins/${plugin}${type ? `?schema_type=${type}` : ""}`).catch(() => get(`admin/schema/plugins/${plugin}`)));
    return schemas.get(plugin);
  }

  function say(kindOf, message) {
    check.className = kindOf;
    check.textContent = message;
  }

  function parsed() {
    if (!text) return value;
    try {
      const told = JSON.parse(text.value);
      if (!told || typeof told !== "object" || Array.isArray(told)) throw new Error("expected an object");
      value = told;
      return told;
    } catch (error) {
      say("bad", `No JSON: ${error.message}`);
      return null;
    }
  }

  async function checked() {
    const told = parsed();
    if (!told || locked) return false;
    const wanted = id || name.value.trim();
    try {
      await admin("POST", "configs/validate", {[kind]: [named(kind, wanted || "new", told)]});
      point([]);
      say("ok", "It fits the schema.");
      return true;
    } catch (error) {
      const problems = ((error.body && error.body.errors) || []).map((one) => problem(one.error));
      say("bad", problems.length ? problems.map(([path, message]) => path ? `${path}: ${message}` : message).join("; ") : error.message);
      point(problems);
      return false;
    }
  }

  /** Say at each field what is wrong with it. */
  function point(problems) {
    for (const wrong of place.querySelectorAll("[data-path]")) {
      const own = problems.find(([path]) => path === wrong.dataset.path);
      wrong.textContent = own ? own[1] : "";
    }
  }

  async function reviewed() {
    const told = parsed(), wanted = id || name.value.trim();
    if (!told) return;
    if (!wanted) { say("bad", "Give it an id."); name.focus(); return; }
    if (!(await checked())) return;
    const sent = kind === "consumers" ? named(kind, wanted, told) : told;
    replace(result, h("h2", null, "This will change"), difference(before, sent, "the change"), h("p", {className: "tools block"},
      h("button", {type: "button", className: "main", id: "save", onclick: () => save(wanted, sent)}, "Save"), h("button", {type: "button", onclick: () => { reviewing(false); replace(result); }}, "Go on editing")));
    reviewing(true);
    result.querySelector("#save").focus({preventScroll: true});
    scrollTo(0, 0);
  }

  /** While somebody looks at the difference there is nothing else to look at. */
  function reviewing(now) {
    for (const one of [place, actions]) one.classList.toggle("hidden", now);
  }

  async function save(wanted, sent) {
    reviewing(false);
    try {
      const told = await admin("PUT", `${kind}/${wanted}`, sent, stored ? {"If-Match": stored.etag} : {"If-None-Match": "*"});
      replace(result, done(`Saved as revision ${told.revision}. `, (told.body.notes || []).join(" "), " ", h("a", {href: "#fleet"}, "See who serves it"), " · ", h("a", {href: `#history/${told.revision}`}, "Its place in the history")));
      begun = JSON.stringify(text ? parsed() : value);
      if (!id) { location.hash = `config/${kind}/${encodeURIComponent(wanted)}`; return; }
      stored = await admin("GET", `${kind}/${wanted}`);
      before = shown(stored.body.value);
      value = structuredClone(before);
      begun = JSON.stringify(value);
      view(sessionStorage.getItem("editor") || "Form");
    } catch (error) {
      const changed = error.status === 412 && {message: stored ? "Somebody else changed it meanwhile. Load it again and look." : "There is one with this id already."};
      replace(result, failed(changed || error));
    }
  }

  async function remove() {
    try {
      await admin("DELETE", `${kind}/${id}`, undefined, {"If-Match": stored.etag});
      hold(() => false);
      location.hash = `config/${kind}`;
    } catch (error) {
      replace(result, failed(error));
    }
  }

  const doubt = () => {
    const keep = h("button", {type: "button", onclick: () => replace(result)}, "Keep it");
    replace(result, h("div", {className: "problem", role: "alertdialog", "aria-label": "Delete it?"}, h("strong", null, `Delete ${kind}/${id}?`), "It can be brought back from the history.",
      h("button", {type: "button", className: "danger right", onclick: remove}, "Delete it"), keep));
    keep.focus();
  };
  const actions = h("div", {className: "actions"}, !locked && review, !locked && id && h("button", {type: "button", className: "danger", onclick: doubt}, "Delete…"), check);
  const made = h("div", null,
    h("div", {className: "tools"}, h("div", {className: "segments", role: "group", "aria-label": "How it is edited"}, tabs), id ? [h("code", null, `${kind}/${id}`), stored && badge("", `revision ${stored.body.modifiedIndex}`)] : h("label", {for: "new-id"}, "Id ", name),
      h("span", {className: "hint right"}, "Secrets show as ********; left so, they stay as they are.")),
    h("div", {className: "block"}, place), result, actions);
  view(sessionStorage.getItem("editor") || "Form");
  return made;
}

const named = (kind, id, value) => kind === "consumers" ? {...value, username: id} : {...value, id};

/** The path of a field, as the form names it, and what is wrong with it. */
function problem(text) {
  const ofPlugin = /^failed to check the configuration of plugin (\S+) err: (.*)$/s.exec(text);
  const inner = ofPlugin ? ofPlugin[2] : text.replace(/^invalid configuration: /, "");
  const place = /^([\w.$-]+(?:\[\d+\][\w.$-]*)*): (.*)$/s.exec(inner);
  const path = (place ? place[1] : "").replace(/\[(\d+)\]/g, ".$1");
  return [ofPlugin ? ["plugins", ofPlugin[1], path].filter(Boolean).join(".") : path, place ? place[2] : inner];
}

function shown(value) {
  const {create_time: _created, update_time: _updated, ...rest} = value;
  return rest;
}
