// The plugins of an object: each with the form of its own schema, which is asked for when it is shown.

import {failed, h, replace} from "../dom.js";

export function plugins(value, change, context, form) {
  let now = {...value};
  const place = h("div", {className: "rows grow"});
  const tell = () => change({...now});
  const open = new Set(Object.keys(now).length <= 2 ? Object.keys(now) : []);

  function draw() {
    const free = (context.plugins || []).filter((name) => !(name in now));
    const add = h("select", {"aria-label": "Add a plugin", onchange: () => { const name = add.value; now = {...now, [name]: {}}; open.add(name); tell(); draw(); document.getElementById(`plugin-${name}`)?.focus(); }},
      h("option", {value: ""}, "Add a plugin…"), free.map((name) => h("option", {value: name}, name)));
    replace(place, Object.keys(now).map(box), !context.locked && h("div", null, add));
  }

  function box(name) {
    const inner = h("div", {className: "block"});
    const path = context.path ? `${context.path}.${name}` : name;
    async function fill() {
      if (inner.childElementCount) return;
      replace(inner, h("p", {className: "loading"}, "Loading…"));
      try {
        const schema = await context.schemaOf(name);
        replace(inner, schema.description && h("p", {className: "hint"}, schema.description.replaceAll("``", "")),
          form(schema, now[name], (changed) => { now = {...now, [name]: changed ?? {}}; tell(); }, {...context, root: schema, path, first: []}));
      } catch (error) {
        replace(inner, failed(error, () => { replace(inner); fill(); }));
      }
    }
    const away = !context.locked && h("button", {type: "button", className: "small quiet", "aria-label": `Remove ${name}`, onclick: (event) => { event.preventDefault(); const {[name]: _gone, ...rest} = now; now = rest; tell(); draw(); }}, "Remove");
    const details = h("details", {className: "group-box", open: open.has(name), ontoggle: () => { if (details.open) { open.add(name); fill(); } else open.delete(name); }},
      h("summary", {id: `plugin-${name}`}, h("strong", null, name), h("span", {className: "note"}, ` ${brief(now[name])}`), " ", away), inner, h("p", {className: "wrong bad", "data-path": path, role: "alert"}));
    if (open.has(name)) fill();
    return details;
  }
  draw();
  return place;
}

const brief = (value) => { const names = Object.keys(value || {}); return names.length > 4 ? `${names.slice(0, 4).join(", ")} …` : names.join(", "); };
