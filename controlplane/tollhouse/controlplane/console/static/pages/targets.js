import {admin, get} from "../api.js";
import {format, h, load, replace, table} from "../dom.js";

export async function render(root) {
  const targets = h("div"), models = h("div");
  const again = h("button", {type: "button", onclick: fill}, "Look again");
  replace(root, h("div", {className: "tools"}, h("span", {className: "note"}, "Health as the workers of all nodes see it; attempts of the last hour."), again), targets, h("h2", null, "Models"), models);
  async function fill() {
    await Promise.all([load(targets, () => get("targets"), health), load(models, async () => (await admin("GET", "models")).body.list, listed)]);
  }
  await fill();
}

function health(told) {
  const silent = Object.entries(told.silent).map(([node, why]) => h("div", {className: "problem"}, h("strong", null, `Node ${node} does not answer. `), why));
  return [silent, table([
    {title: "Target", cell: (row) => row.name},
    {title: "Health", cell: (row) => !row.workers ? h("span", {className: "note"}, "not used by a worker now")
      : row.healthy === row.workers ? h("span", {className: "ok"}, "well")
        : h("span", {className: "bad"}, `${row.workers - row.healthy} of ${row.workers} workers leave it alone: ${row.reason}`)},
    {title: "Models", cell: (row) => (row.models || []).join(", ")},
    {title: "Under way", number: true, cell: (row) => format.number(row.in_flight)},
    {title: "First byte", number: true, cell: (row) => format.ms(row.first_byte_ms)},
    {title: "Attempts", number: true, cell: (row) => format.number(row.attempts || 0)},
    {title: "Failed", number: true, cell: (row) => h("span", {className: row.failures ? "bad" : ""}, format.number(row.failures || 0))},
  ], told.targets, "No target was used yet. Workers know a target from its first request on.", "Targets")];
}

function listed(models) {
  return table([
    {title: "Model", cell: (row) => h("a", {href: `#config/models/${encodeURIComponent(row.value.id)}`}, row.value.name || row.value.id)},
    {title: "Provider", cell: (row) => row.value.provider || (row.value.targets || []).map((one) => one.provider).join(", ")},
    {title: "USD per million tokens in / out", cell: (row) => price(row.value)},
  ], models, "No models are configured. Routes may name models themselves; here those with a name of their own are listed.", "Models");
}

function price(model) {
  const known = model.price || model.pricing;
  if (!known) return "from the built-in table, where it is known there";
  const shown = Object.entries(known).filter(([, value]) => typeof value === "number" || typeof value === "string");
  return shown.map(([name, value]) => `${name} ${value}`).join(", ");
}
