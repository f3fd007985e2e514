// A form made of a JSON schema. Values are never changed in place: each control tells its parent the new value, and
// undefined when the field is to be left out.

import {h, replace} from "../dom.js";
import {plugins} from "./plugins.js";
import {input} from "./inputs.js";
import {chosen, fresh, read, title} from "./schema.js";

const HIDDEN = new Set(["create_time", "update_time", "id", "username"]);
const SCALAR = new Set(["text", "number", "boolean", "enum"]);

/** context: {root: schema with its $defs, locked, hidden: names, schemaOf(plugin) -> promise}. */
export function form(schema, value, change, context) {
  return control(read(schema, context.root), value, change, {...context, path: context.path || ""});
}

function control(field, value, change, context) {
  switch (field.kind) {
    case "object": return object(field, value || {}, change, context);
    case "list": return list(field, value || [], change, context);
    case "map": return map(field, value || {}, change, context);
    case "choice": return choice(field, value, change, context);
    case "plugins": return plugins(value || {}, change, context, form);
    default: return input(field, value, change, context);
  }
}

function object(field, value, change, context) {
  const now = {...value};
  const place = h("div", {className: "form"});
  const names = Object.keys(field.fields).filter((name) => !(context.path === "" && (HIDDEN.has(name) || (context.hidden || []).includes(name))));
  const fields = new Map(names.map((name) => [name, read(field.fields[name], context.root, name)]));
  const shownFirst = names.filter((name) => name in now || field.needed.has(name) || (context.path === "" && (context.first || []).includes(name)));
  const others = names.filter((name) => !shownFirst.includes(name) && fields.get(name).kind !== "refused");
  const strangers = Object.keys(now).filter((name) => !(name in field.fields) && !(context.path === "" && HIDDEN.has(name)));
  const set = (name) => (changed) => {
    if (changed === undefined) delete now[name]; else now[name] = changed;
    change({...now});
  };
  const one = (name) => line(name, fields.get(name) || {kind: "any", schema: {}}, now[name], set(name), field.needed.has(name), context);
  replace(place, [...shownFirst, ...strangers].map(one), others.length > 0 && more(others, one, context));
  if (!names.length && !strangers.length) replace(place, h("p", {className: "note"}, "It takes no settings."));
  return place;
}

/** Settings nobody set yet: drawn only when somebody looks. */
function more(names, one, context) {
  const inner = h("div", {className: "form"});
  const details = h("details", {className: "more", ontoggle: () => { if (details.open && !inner.childElementCount) replace(inner, names.map(one)); }},
    h("summary", null, context.locked ? `${names.length} settings that are not set` : `${names.length} more settings`), inner);
  return details;
}

/** A field with its name, its control and what it means. */
function line(name, field, value, change, needed, context) {
  const path = context.path ? `${context.path}.${name}` : name;
  const id = `field-${path}`, inner = {...context, path, id, needed, name};
  const label = h("label", {className: "name", for: id}, name, needed && h("span", {className: "needed", title: "required"}, " *"));
  const what = field.schema.description && h("p", {className: "what", id: `${id}-what`}, field.schema.description.replaceAll("``", ""));
  const wrong = h("p", {className: "wrong", "data-path": path, role: "alert"});
  if (SCALAR.has(field.kind) || field.kind === "any" || field.kind === "refused")
    return h("div", {className: "field"}, label, h("div", {className: "control"}, input(field, value, change, inner)), what, wrong);
  return h("div", {className: "field wide"}, h("span", {className: "name"}, name, needed && h("span", {className: "needed"}, " *")), what,
    h("div", {className: "control"}, part(field, value, change, inner)), wrong);
}

/** Something with parts: there or not there. */
function part(field, value, change, context) {
  const place = h("div", {className: "grow"});
  const draw = (present) => {
    if (present === undefined && !context.needed && field.kind !== "plugins") {
      const preset = field.schema.default;
      replace(place, context.locked ? h("span", {className: "note"}, "not set") : h("button", {type: "button", className: "small", "aria-label": `Set ${context.name}`, onclick: () => { const begun = fresh(field, context.root); change(begun); draw(begun); }},
        preset === undefined || preset === null ? "Set" : "Change from the default"), preset !== undefined && preset !== null && h("span", {className: "hint"}, ` ${brief(preset)}`));
      return;
    }
    const bare = field.kind === "list" || field.kind === "map" || field.kind === "plugins";
    const inside = control(field, present, change, context);
    const leave = !context.needed && !context.locked && field.kind !== "plugins" && h("button", {type: "button", className: "small quiet", "aria-label": `Leave ${context.name} out`, onclick: () => { change(undefined); draw(undefined); }}, "Leave out");
    replace(place, bare ? [inside, leave] : h("div", {className: "group-box"}, inside, leave));
  };
  draw(value);
  return place;
}

const brief = (preset) => { const text = JSON.stringify(preset); return text.length > 90 ? `${text.slice(0, 90)}…` : text; };

function list(field, value, change, context) {
  const inner = read(field.items, context.root, context.name);
  if (inner.kind === "enum" && inner.values.length <= 12) return ticks(inner, value, change, context);
  let now = [...value];
  const place = h("div", {className: "rows"});
  const draw = (focus) => {
    replace(place, now.map((one, index) => row(one, index)), !context.locked && h("button", {type: "button", className: "small", "aria-label": `Add to ${context.name}`, onclick: () => { now = [...now, fresh(inner, context.root)]; change(now); draw(true); }}, "Add"));
    if (focus) place.querySelector(".row:last-of-type input, .row:last-of-type select")?.focus();
  };
  const row = (one, index) => {
    const path = `${context.path}.${index}`;
    const changed = (to) => { now = now.map((old, at) => at === index ? (to === undefined ? "" : to) : old); change(now); };
    const parts = control(inner, one, changed, {...context, path, id: `field-${path}`, needed: true, label: `${context.name} ${index + 1}`});
    const away = !context.locked && h("button", {type: "button", className: "small quiet", "aria-label": `Remove ${context.name} ${index + 1}`, onclick: () => { now = now.filter((_, at) => at !== index); change(now); draw(); }}, "Remove");
    if (SCALAR.has(inner.kind) || inner.kind === "any") return h("div", {className: "row"}, parts, away);
    const headline = one && typeof one === "object" ? one.name || one.id || `${index + 1}` : `${index + 1}`;
    return h("div", {className: "row"}, h("div", {className: "group-box"}, h("div", {className: "box-head"}, String(headline), h("span", {className: "right"}, away)), parts));
  };
  draw();
  return place;
}

/** A list of few possible values: one tick each. */
function ticks(field, value, change, context) {
  const now = new Set(value);
  return h("div", {className: "tools", role: "group", "aria-label": context.name}, field.values.map((one) => h("label", {className: "tag"}, h("input", {type: "checkbox", checked: now.has(one), disabled: context.locked, onchange: (event) => {
    if (event.target.checked) now.add(one); else now.delete(one);
    change(field.values.filter((known) => now.has(known)));
  }}), " ", String(one))));
}

function map(field, value, change, context) {
  const inner = read(field.values, context.root, context.name);
  let now = Object.entries(value);
  const place = h("div", {className: "rows"});
  const tell = () => change(Object.fromEntries(now.filter(([name]) => name !== "")));
  const draw = () => replace(place, now.map(([name, one], index) => h("div", {className: "row"},
    h("input", {value: name, placeholder: "name", "aria-label": `Name ${index + 1} in ${context.name}`, disabled: context.locked, onchange: (event) => { now[index] = [event.target.value.trim(), now[index][1]]; tell(); }}),
    control(inner, one, (to) => { now[index] = [now[index][0], to === undefined ? "" : to]; tell(); }, {...context, path: `${context.path}.${name}`, id: `field-${context.path}-${index}`, needed: true, label: `Value ${index + 1} in ${context.name}`}),
    !context.locked && h("button", {type: "button", className: "small quiet", "aria-label": `Remove ${name} from ${context.name}`, onclick: () => { now = now.filter((_, at) => at !== index); tell(); draw(); }}, "Remove"))),
  !context.locked && h("button", {type: "button", className: "small", "aria-label": `Add to ${context.name}`, onclick: () => { now = [...now, ["", fresh(inner, context.root)]]; draw(); place.querySelector(".row:last-of-type input").focus(); }}, "Add"));
  draw();
  return place;
}

/** One of several forms: the select says which. */
function choice(field, value, change, context) {
  const place = h("div", {className: "rows grow"}), inner = h("div");
  let index = value === undefined ? 0 : chosen(field.options, value);
  const draw = (now) => replace(inner, control(read(field.options[index], context.root, context.name), now, change, context));
  const pick = h("select", {"aria-label": `Form of ${context.name || "it"}`, disabled: context.locked, onchange: () => { index = Number(pick.value); const begun = fresh(read(field.options[index], context.root), context.root); change(begun); draw(begun); }},
    field.options.map((one, at) => h("option", {value: String(at), selected: at === index}, title(one))));
  replace(place, h("div", null, pick), inner);
  draw(value === undefined ? fresh(read(field.options[0], context.root), context.root) : value);
  return place;
}
