import {get} from "../api.js";
import {chart} from "../chart.js";
import {failed, format, h, replace, table} from "../dom.js";

const EVERY_MS = 10000;

export async function render(root) {
  let minutes = Number(sessionStorage.getItem("minutes")) || 60, figures = [], timer = 0, ended = false;
  const choose = h("select", {"aria-label": "Time shown", onchange: () => {
    minutes = Number(choose.value);
    sessionStorage.setItem("minutes", minutes);
    update();
  }}, [[15, "15 minutes"], [60, "1 hour"], [180, "3 hours"], [360, "6 hours"]].map(([value, title]) =>
    h("option", {value: String(value), selected: value === minutes}, title)));
  const note = h("span", {className: "note", role: "status"});
  const place = h("div", null, h("p", {className: "loading"}, "Loading…"));
  replace(root, h("div", {className: "tools"}, "The last", choose, note), place);

  async function update() {
    clearTimeout(timer);
    try {
      const told = await get(`overview?minutes=${minutes}`);
      if (ended) return;
      figures.forEach((one) => one.release());
      figures = [];
      replace(place, picture(told, figures));
      note.textContent = told.since ? `counted since ${format.time(told.since)}` : "";
    } catch (error) {
      if (ended || error.status === 401) return;
      note.textContent = "";
      replace(place, failed(error, update));
    }
    timer = setTimeout(update, EVERY_MS);
  }
  await update();
  return () => {
    ended = true;
    clearTimeout(timer);
    figures.forEach((one) => one.release());
  };
}

function picture(told, figures) {
  const {totals, curves, at} = told;
  const troubles = [
    told.problem && failed({message: told.problem}),
    ...Object.entries(told.silent_nodes).map(([node, why]) => h("div", {className: "problem"}, h("strong", null, `Node ${node} does not tell its numbers. `), why)),
  ];
  if (!told.counted && at.length)
    troubles.push(h("div", {className: "panel"}, h("strong", null, "No node counts requests yet. "),
      "Counting is done by the plugin prometheus: put it into a global rule, and send a request.",
      h("p", null, h("a", {href: "#config/global_rules"}, "To the global rules"))));
  if (at.length < 2) return [troubles, h("p", {className: "empty"}, "Collecting the first numbers: two samples are needed, ten seconds apart.")];
  const share = totals.failed / totals.requests;
  const cards = [
    card("Requests", format.number(totals.requests), `${format.number(told.active)} under way`),
    card("Spent", format.usd(totals.cost), `${format.usd(last(curves.usd_per_hour))} per hour now`),
    card("Failed (5xx)", totals.requests ? format.percent(share) : "–", `${format.number(totals.failed)} requests`, share > 0.01),
    card("Refused (4xx)", format.number(totals.refused), "by limits, guards, and for wrong keys"),
    card("Tokens", format.number(totals.input_tokens + totals.output_tokens), `${format.number(totals.output_tokens)} written`),
    card("Read from caches", totals.input_tokens ? format.percent(totals.cached_tokens / totals.input_tokens) : "–", "of the input tokens, at a lower price"),
    card("Failovers", format.number(totals.failovers), "to another target"),
  ];
  figures.push(
    chart("Requests per second", at, [
      {label: "all", values: curves.requests_per_s, colour: "--blue", show: format.number},
      {label: "4xx", values: curves.refused_per_s, colour: "--orange", show: format.number},
      {label: "5xx", values: curves.failed_per_s, colour: "--bad", show: format.number},
    ], `${format.number(last(curves.requests_per_s))}/s`),
    chart("US dollars per hour", at, [{label: "USD/h", values: curves.usd_per_hour, colour: "--good", show: format.usd}], format.usd(last(curves.usd_per_hour))),
    chart("Time to the first token (p95)", at, [{label: "p95", values: curves.first_token_p95_ms, colour: "--blue", show: format.ms}], format.ms(last(curves.first_token_p95_ms))),
    chart("Failovers per minute", at, [{label: "per minute", values: curves.failovers_per_min, colour: "--orange", show: format.number}], format.number(last(curves.failovers_per_min))),
  );
  const money = [{title: "USD", number: true, cell: (row) => format.usd(row.cost || 0)}, {title: "Tokens", number: true, cell: (row) => format.number(row.tokens || 0)}];
  return [troubles, h("div", {className: "cards"}, cards), h("div", {className: "grid"}, figures), h("div", {className: "grid"},
    table([{title: "Agent", cell: (row) => row.name || "(unknown)"}, ...money, {title: "Requests", number: true, cell: (row) => format.number(row.requests || 0)}],
      told.top.consumers, "No agent has spent anything in this time.", "Dearest agents"),
    table([{title: "Model", cell: (row) => row.name}, ...money], told.top.models, "No model was paid for in this time.", "Dearest models"),
    table([{title: "Error", cell: (row) => row.name}, {title: "Answers", number: true, cell: (row) => format.number(row.errors)}],
      told.top.errors, "No errors in this time.", "Errors"))];
}

const last = (values) => values.length ? values[values.length - 1] : null;

function card(title, value, text, bad) {
  return h("div", {className: bad ? "card bad" : "card"}, h("span", null, title), h("strong", null, value), h("small", null, text));
}
