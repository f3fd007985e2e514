// What a JSON schema says about one field, in the few kinds a form knows.

const LONG = /cert|pem|private_key|template|content|prompt$|text$/;

/** {kind, schema, ...}: kind is one of choice, enum, boolean, number, text, list, map, object, plugins, any, refused. */
export function read(schema, root, name = "") {
  const whole = followed(schema, root);
  if (whole.not) return {kind: "refused", schema: whole};
  const options = (whole.anyOf || whole.oneOf || []).map((one) => followed(one, root)).filter((one) => one.type !== "null");
  if (options.length === 1) return read({...options[0], ...own(whole)}, root, name);
  if (options.length > 1) return several(options, whole, name);
  if (whole.const !== undefined) return {kind: "enum", schema: whole, values: [whole.const]};
  if (whole.enum) return {kind: "enum", schema: whole, values: whole.enum};
  switch (whole.type) {
    case "boolean": return {kind: "boolean", schema: whole};
    case "integer": case "number": return {kind: "number", schema: whole, whole: whole.type === "integer"};
    case "string": return {kind: "text", schema: whole, long: LONG.test(name)};
    case "array": return typeof whole.items === "object" && Object.keys(whole.items).length ? {kind: "list", schema: whole, items: whole.items} : {kind: "any", schema: whole};
    case "object": return ofObject(whole, name);
    default: return {kind: "any", schema: whole};
  }
}

function followed(schema, root) {
  let found = schema || {};
  for (let depth = 0; found.$ref && depth < 8; depth++)
    found = {...found.$ref.slice(2).split("/").reduce((value, part) => value && value[part], root), ...own(found)};
  return found;
}

/** What stands beside a reference or a choice, and says more than the thing referred to. */
function own(schema) {
  const {description, default: preset, title, secret} = schema;
  return Object.fromEntries(Object.entries({description, default: preset, title, secret}).filter(([, value]) => value !== undefined && value !== null));
}

function several(options, whole, name) {
  const plain = options.every((one) => ["string", "integer", "number"].includes(one.type) && !one.enum);
  if (!plain) return {kind: "choice", schema: whole, options};
  const numbers = options.some((one) => one.type !== "string");
  return {kind: "text", schema: {...options[0], pattern: undefined, ...own(whole)}, numbers, long: LONG.test(name)};
}

function ofObject(schema, name) {
  if (name === "plugins") return {kind: "plugins", schema};
  if (schema.properties && Object.keys(schema.properties).length) return {kind: "object", schema, fields: schema.properties, needed: new Set(schema.required || [])};
  const inner = schema.additionalProperties;
  if (inner && typeof inner === "object") return {kind: "map", schema, values: inner};
  return {kind: "any", schema};
}

/** A value to begin with when somebody adds a field. */
export function fresh(field, root) {
  const preset = field.schema.default;
  if (preset !== undefined && preset !== null) return structuredClone(preset);
  switch (field.kind) {
    case "object": return Object.fromEntries([...field.needed].map((name) => [name, fresh(read(field.fields[name], root, name), root)]));
    case "plugins": case "map": return {};
    case "list": return field.schema.minItems ? [fresh(read(field.items, root), root)] : [];
    case "enum": return field.values[0];
    case "boolean": return true;
    case "number": return Math.max(0, field.schema.minimum ?? (field.schema.exclusiveMinimum !== undefined ? field.schema.exclusiveMinimum + 1 : 0));
    case "choice": return fresh(read(field.options[0], root), root);
    case "any": return field.schema.type === "array" ? [] : {};
    default: return "";
  }
}

/** Which of several forms a value has. */
export function chosen(options, value) {
  const type = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  const fitting = options.map((one, index) => [index, one]).filter(([, one]) => one.type === type || (type === "number" && one.type === "integer"));
  if (type !== "object" || fitting.length < 2) return fitting.length ? fitting[0][0] : 0;
  const names = Object.keys(value), score = (one) => names.filter((name) => name in (one.properties || {})).length - (one.required || []).filter((name) => !(name in value)).length;
  return fitting.sort(([, one], [, other]) => score(other) - score(one))[0][0];
}

export const title = (option) => option.title || {array: "a list", object: "an object", boolean: "yes or no", string: "text", integer: "a number", number: "a number"}[option.type] || "other";
