import {admin, get} from "../api.js";
import {badge, format, h, load, replace, silence} from "../dom.js";
import {table} from "../table.js";

export const ABOUT = "Health as the workers of all nodes see it, with the attempts of the last hour; and the models that have a name of their own.";

export async function render(root, {tools}) {
  const targets = h("div"), models = h("div", {className: "block"});
  replace(tools, h("button", {type: "button", onclick: fill}, "Look again"), h("a", {className: "button", href: "#config/models"}, "Edit models"));
  replace(root, targets, models);
  async function fill() {
    await Promise.all([load(targets, () => get("targets"), health), load(models, async () => (await admin("GET", "models")).body.list, listed)]);
  }
  await fill();
}

function state(row) {
  if (!row.workers) return badge("", "not in use now");
  if (row.healthy === row.workers) return badge("good", "well");
  return [badge(row.healthy ? "warn" : "bad", row.healthy ? "partly left alone" : "left alone"), h("span", {className: "sub"}, `${row.workers - row.healthy} of ${row.workers} workers: ${row.reason || "it fails"}`)];
}

function health(told) {
  return [silence(told.silent), table([
    {title: "Target", cell: (row) => row.name, sort: (row) => row.name},
    {title: "Health", cell: state, sort: (row) => row.workers ? row.healthy / row.workers : 2},
    {title: "Models", cell: (row) => (row.models || []).map((one) => h("span", {className: "tag"}, one))},
    {title: "Under way", number: true, cell: (row) => format.number(row.in_flight), sort: (row) => row.in_flight},
    {title: "First byte", number: true, cell: (row) => format.ms(row.first_byte_ms), sort: (row) => row.first_byte_ms || 0},
    {title: "Attempts", number: true, cell: (row) => format.number(row.attempts || 0), sort: (row) => row.attempts || 0},
    {title: "Failed", number: true, cell: (row) => row.failures ? h("span", {className: "bad"}, `${format.number(row.failures)} (${format.percent(row.failures / row.attempts)})`) : "0", sort: (row) => row.failures || 0},
  ], told.targets, {caption: "Targets", note: "a target whose breaker is open is left alone", empty: ["No target was used yet", "Workers know a target from its first request on."]})];
}

function listed(models) {
  return table([
    {title: "Model", cell: (row) => h("a", {href: `#config/models/${encodeURIComponent(row.value.id)}`}, row.value.name || row.value.id), sort: (row) => row.value.name || row.value.id},
    {title: "Also called", cell: (row) => (row.value.aliases || []).map((one) => h("span", {className: "tag"}, one))},
    {title: "Targets", cell: (row) => (row.value.targets || []).map((one) => h("span", {className: "tag"}, [one.provider, one.model].filter(Boolean).join(" / ")))},
    {title: "Price", cell: (row) => price(row.value)},
  ], models, {caption: "Models", note: "those with a name of their own; routes may name others themselves", empty: ["No models are configured", "Routes may name models themselves."]});
}

function price(model) {
  const known = model.price || model.pricing || (model.targets || []).map((one) => one.price || one.pricing).find(Boolean);
  if (!known) return h("span", {className: "note"}, "built-in table");
  return Object.entries(known).filter(([, value]) => typeof value === "number" || typeof value === "string").map(([name, value]) => h("span", {className: "tag"}, `${name.replaceAll("_", " ")} ${value}`));
}
