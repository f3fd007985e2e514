import {get} from "../api.js";
import {chart} from "../chart.js";
import {failed, format, h, nothing, replace, select, tile} from "../dom.js";
import {health} from "../health.js";
import {table} from "../table.js";

export const ABOUT = "What all nodes serve now: traffic, money, failures.";
const EVERY_MS = 10000;
const TIMES = [[15, "Last 15 minutes"], [60, "Last hour"], [180, "Last 3 hours"], [360, "Last 6 hours"]];

export async function render(root, {session, tools}) {
  let minutes = Number(sessionStorage.getItem("minutes")) || 60, figures = [], timer = 0, ended = false;
  const choose = select("Time shown", TIMES, minutes, () => {
    minutes = Number(choose.value);
    sessionStorage.setItem("minutes", minutes);
    update();
  });
  const note = h("span", {className: "note", role: "status"});
  const state = h("div", {className: "health"}), place = h("div", null, h("p", {className: "loading"}, "Loading…"));
  replace(tools, note, choose);
  replace(root, state, place);

  async function update() {
    clearTimeout(timer);
    try {
      const [told, found, saved] = await Promise.all([get(`overview?minutes=${minutes}`), health(), session.ledger ? savings(minutes) : null]);
      if (ended) return;
      figures.forEach((one) => one.release());
      figures = [];
      replace(state, found);
      replace(place, picture(told, saved, figures));
      note.textContent = told.since ? `counted since ${format.time(told.since)}` : "";
    } catch (error) {
      if (ended || error.status === 401) return;
      note.textContent = "";
      replace(state);
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

/** What caches and routing saved, as the ledger has it; null where there is none. */
const savings = (minutes) => get(`admin/spend?from=${Math.floor(Date.now() / 1000) - minutes * 60}`).then((told) => told.total, (error) => { if (error.status === 401) throw error; return null; });

function saved(total) {
  if (!total || total.cache_saved_usd === undefined) return tile("Saved", "–", "there is no ledger to ask");
  const cache = Number(total.cache_saved_usd), routing = Number(total.routing_saved_usd);
  return tile("Saved", h("a", {href: "#spend"}, format.usd(cache + routing)), `${format.usd(cache)} by caches, ${format.usd(routing)} by routing`, cache + routing > 0 && "good");
}

function picture(told, ledger, figures) {
  const {totals, curves, at} = told;
  const troubles = [
    told.problem && failed({message: told.problem}),
    ...Object.entries(told.silent_nodes).map(([node, why]) => h("div", {className: "problem"}, h("strong", null, `Node ${node} does not tell its numbers.`), why)),
  ];
  if (!told.counted && at.length)
    troubles.push(h("div", {className: "notice"}, h("strong", null, "No node counts requests yet."),
      "Counting is done by the plugin prometheus: put it into a global rule, and send a request.", h("a", {href: "#config/global_rules"}, "Global rules")));
  if (at.length < 2) return [troubles, nothing("Collecting the first numbers", "Curves begin after two samples, some seconds apart.")];
  const share = totals.failed / totals.requests;
  const cards = [
    tile("Requests", format.number(totals.requests), `${format.number(told.active)} under way`),
    tile("Spent", format.usd(totals.cost), `${format.usd(last(curves.usd_per_hour))} an hour now`),
    saved(ledger),
    tile("Failed (5xx)", totals.requests ? format.percent(share) : "–", `${format.number(totals.failed)} ${totals.failed === 1 ? "request" : "requests"}`, share > 0.01 && "bad"),
    tile("Refused (4xx)", format.number(totals.refused), "limits, guards, keys"),
    tile("Tokens", format.number(totals.input_tokens + totals.output_tokens), `${format.number(totals.output_tokens)} written`),
    tile("Cached input", totals.input_tokens ? format.percent(totals.cached_tokens / totals.input_tokens) : "–", "read at a lower price"),
    tile("Failovers", format.number(totals.failovers), "to another target"),
  ];
  figures.push(
    chart("Requests per second", at, [
      {label: "all", values: curves.requests_per_s, colour: "--blue", show: format.number},
      {label: "4xx", values: curves.refused_per_s, colour: "--orange", show: format.number},
      {label: "5xx", values: curves.failed_per_s, colour: "--bad", show: format.number},
    ], `${format.number(last(curves.requests_per_s))}/s`),
    chart("US dollars per hour", at, [{label: "USD/h", values: curves.usd_per_hour, colour: "--good", show: format.usd}], format.usd(last(curves.usd_per_hour))),
    chart("Time to the first token", at, [{label: "p95", values: curves.first_token_p95_ms, colour: "--blue", show: format.ms}], format.ms(last(curves.first_token_p95_ms)), {note: "95th percentile"}),
    chart("Failovers per minute", at, [{label: "per minute", values: curves.failovers_per_min, colour: "--orange", show: format.number}], format.number(last(curves.failovers_per_min))),
  );
  const money = [{title: "Spent", number: true, cell: (row) => format.usd(row.cost || 0)}, {title: "Tokens", number: true, cell: (row) => format.number(row.tokens || 0)}];
  const spend = (name, value, next) => h("a", {href: `#spend/${encodeURIComponent(new URLSearchParams({days: 1, by: next, [name]: value}))}`}, value);
  return [troubles, h("div", {className: "cards four"}, cards), h("div", {className: "grid block"}, figures), h("div", {className: "grid three block"},
    table([{title: "Agent", cell: (row) => row.name ? spend("consumer", row.name, "model") : "(unknown)"}, money[0], {title: "Requests", number: true, cell: (row) => format.number(row.requests || 0)}],
      told.top.consumers, {empty: ["No agent has spent anything", "in this time"], caption: "Dearest agents"}),
    table([{title: "Model", cell: (row) => spend("model", row.name, "consumer")}, ...money], told.top.models, {empty: ["No model was paid for", "in this time"], caption: "Dearest models"}),
    table([{title: "Error", cell: (row) => h("code", null, row.name)}, {title: "Answers", number: true, cell: (row) => format.number(row.errors)}],
      told.top.errors, {empty: ["No errors", "in this time"], caption: "Errors"}))];
}

const last = (values) => values.length ? values[values.length - 1] : null;
