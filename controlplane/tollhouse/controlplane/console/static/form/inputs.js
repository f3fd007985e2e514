// Single values: text, numbers, yes or no, one of a few, and anything else as JSON.

import {h} from "../dom.js";

export function input(field, value, change, context) {
  const common = {id: context.id, disabled: Boolean(context.locked), "aria-label": context.label, "aria-describedby": field.schema.description && context.id ? `${context.id}-what` : null};
  switch (field.kind) {
    case "boolean": return pick([[true, "yes"], [false, "no"]], value, change, context, common, field);
    case "enum": return pick(field.values.map((one) => [one, String(one)]), value, change, context, common, field);
    case "number": return number(field, value, change, context, common);
    case "text": return text(field, value, change, context, common);
    case "refused": return h("span", {className: "note"}, "This gateway refuses it: take it out in the JSON view.");
    default: return json(value, change, context, common);
  }
}

const preset = (field) => {
  const value = field.schema.default;
  return value === undefined || value === null || value === "" ? "" : typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
};

function pick(choices, value, change, context, common, field) {
  const made = h("select", {...common, onchange: () => change(made.value === "" ? undefined : choices[Number(made.value)][0])},
    !context.needed && h("option", {value: ""}, preset(field) ? `default (${preset(field)})` : "not set"),
    choices.map(([one, title], index) => h("option", {value: String(index), selected: one === value}, title)));
  if (context.needed && value === undefined) made.prepend(h("option", {value: "", selected: true}, "choose"));
  return made;
}

function number(field, value, change, context, common) {
  const {minimum, maximum, exclusiveMinimum} = field.schema;
  const made = h("input", {...common, type: "number", value: value ?? "", min: minimum ?? exclusiveMinimum, max: maximum, step: field.whole ? 1 : "any", placeholder: preset(field),
    oninput: () => change(made.value === "" ? undefined : Number(made.value))});
  return made;
}

function text(field, value, change, context, common) {
  const told = (raw) => {
    if (raw === "" && !context.needed) return change(undefined);
    return change(field.numbers && /^-?\d+(\.\d+)?$/.test(raw) ? Number(raw) : raw);
  };
  const shown = value === undefined || value === null ? "" : String(value);
  if (field.long || shown.includes("\n")) {
    const area = h("textarea", {...common, rows: "4", value: shown, spellcheck: "false", oninput: () => told(area.value)});
    return area;
  }
  const secret = field.schema.secret && !shown.startsWith("$");
  const made = h("input", {...common, type: secret ? "password" : "text", value: shown, autocomplete: "off", spellcheck: "false",
    placeholder: preset(field) || (field.schema.secret ? "$env://NAME" : ""), oninput: () => told(made.value)});
  return made;
}

function json(value, change, context, common) {
  const shown = value === undefined ? "" : JSON.stringify(value, null, 2);
  const area = h("textarea", {...common, rows: String(Math.min(8, shown.split("\n").length + 1)), value: shown, spellcheck: "false", placeholder: "JSON", oninput: () => {
    if (!area.value.trim()) { area.setCustomValidity(""); change(undefined); return; }
    try {
      const read = JSON.parse(area.value);
      area.setCustomValidity("");
      change(read);
    } catch (error) {
      area.setCustomValidity(`No JSON: ${error.message}`);
    }
    area.reportValidity();
  }});
  return area;
}
