import {get} from "../api.js";
import {chart} from "../chart.js";
import {exact, failed, format, h, load, replace, select, tile} from "../dom.js";
import {forecast} from "../forecast.js";
import {table} from "../table.js";
import {TIMES, between, kept, time, within} from "../times.js";

export const ABOUT = "From the ledger: every attempt, with what it really cost. Choose a row or a column to look closer, down to single requests.";
const BY = [["consumer", "agent"], ["group", "team"], ["model", "model"], ["provider", "provider"], ["route", "route"], ["session", "session"], ["outcome", "outcome"], ["day", "day"], ["hour", "hour"]];
const NEXT = {consumer: "model", group: "consumer", model: "consumer", provider: "model", route: "consumer", session: "model", outcome: "consumer", day: "hour", hour: "consumer"};
const EXPORTS = [["rows", "this table"], ["records", "every attempt"], ["focus", "FOCUS 1.2 charges"]];

export async function render(root, {rest, tools}) {
  const wanted = new URLSearchParams(rest[0] || ""), chosen = time(wanted);
  const filters = [...wanted].filter(([name]) => BY.some(([known]) => known === name) && !["day", "hour"].includes(name));
  const filtered = Object.fromEntries(filters);
  let figure = null;
  const days = select("Time", chosen.title ? [["", "as chosen"], ...TIMES] : TIMES, chosen.days, () => days.value && go({days: days.value, from: null, to: null}));
  const by = select("Grouped by", BY.map(([name, title]) => [name, `By ${title}`]), wanted.get("by") || "consumer", () => go({by: by.value}));
  const what = select("What to export", EXPORTS, "rows", () => {}, {className: "joined"});
  const place = h("div"), said = h("div"), ahead = h("div", {className: "block"});
  const title = (name) => BY.find(([known]) => known === name)[1];
  const chip = (text, changes) => h("a", {className: "chip", href: `#spend/${encodeURIComponent(query(changes))}`, title: "Take this filter away"}, text, " ✕");
  const chips = [...filters.map(([name, value]) => chip(`${title(name)}: ${value || "(none)"}`, {[name]: null})), ...(chosen.title ? [chip(chosen.title, {from: null, to: null})] : [])];
  const requests = (more) => `#requests/${encodeURIComponent(new URLSearchParams({...kept(chosen), order: "dearest", ...filtered, ...more}))}`;
  replace(tools, by, days, h("a", {className: "button", href: requests({})}, "Requests"), h("span", {className: "join"}, what, h("button", {type: "button", onclick: exported}, "Export CSV")));
  replace(root, chips.length > 0 && h("div", {className: "tools"}, chips), said, place, ahead);

  function query(changes) {
    const made = new URLSearchParams({...kept(chosen), by: by.value, ...filtered});
    for (const [name, value] of Object.entries(changes)) if (value === null) made.delete(name); else made.set(name, value);
    return made.toString();
  }
  function go(changes) { location.hash = `spend/${encodeURIComponent(query(changes))}`; }
  const address = (view, more) => `admin/spend${view}?${new URLSearchParams({...between(chosen), ...filtered, ...more})}`;
  const timed = by.value === "day" || by.value === "hour", unit = chosen.hours ? "hour" : "day";

  async function fill() {
    await load(place, async () => {
      const [rows, over, top] = await Promise.all([get(address("", {group_by: by.value, limit: "500"})), get(address("", {group_by: unit})),
        get(address("/top", {by: timed ? "consumer" : by.value, limit: "500"})).catch(() => ({list: [], total: {}}))]);
      return {rows, over: over.list, total: over.total, top};
    }, (told) => {
      if (figure) figure.release();
      figure = columnsOver(told);
      return view(told);
    });
  }

  const usd = (row) => exact(row.cost_usd);
  function columnsOver({over, total}) {
    const step = unit === "hour" ? 3600 : 86400;
    const known = new Map(over.map((row) => [Date.parse(row[unit]) / 1000, Number(row.cost_usd)]).filter(([at]) => Number.isFinite(at)));
    if (!known.size) return null;
    const end = chosen.to ? Date.parse(chosen.to) / 1000 - step : Math.floor(Date.now() / 1000 / step) * step;
    const first = Math.min(...known.keys()), at = [];
    for (let moment = Math.max(chosen.title ? Date.parse(chosen.from) / 1000 : Math.min(first, end - step * 11), end - step * 400); moment <= end; moment += step) at.push(moment);
    const closer = chosen.title && chosen.step <= step * 1000 ? null : (moment) => go({...within(unit, new Date(moment * 1000).toISOString()), days: null});
    return chart(`US dollars per ${unit}`, at, [{label: "USD", values: at.map((moment) => known.get(moment) || 0), colour: "--good", show: format.usd}], format.usd(Number(total.cost_usd)), {bars: true, note: closer ? "choose a column to look closer" : "", onpick: closer});
  }

  function view({rows, total, top}) {
    const before = new Map(top.list.map((row) => [row.key, row])), name = by.value;
    const saved = Number(total.cache_saved_usd || 0) + Number(total.routing_saved_usd || 0);
    const change = Number(top.total.before_usd) > 0 ? Number(total.cost_usd) / Number(top.total.before_usd) - 1 : NaN;
    const closer = (row) => timed ? {...within(name, row[name]), days: null, by: NEXT[name]} : {[name]: row[name], by: NEXT[name]};
    const single = (row) => requests(timed ? {...within(name, row[name]), days: ""} : {[name]: row[name]});
    const shown = (row) => timed ? row[name].replace("T", " ").replace("Z", "") : row[name] || "(none)";
    const columns = [
      {title: title(name).replace(/^./, (letter) => letter.toUpperCase()), cell: (row) => h("a", {href: `#spend/${encodeURIComponent(query(closer(row)))}`}, shown(row)), sort: (row) => row[name]},
      {title: "USD", number: true, cell: usd, sort: (row) => Number(row.cost_usd)},
      {title: "Share", number: true, cell: (row) => format.percent(Number(row.cost_usd) / Number(total.cost_usd)), sort: (row) => Number(row.cost_usd)},
      !timed && {title: "Before", number: true, cell: (row) => before.has(row[name]) ? format.usd(Number(before.get(row[name]).before_usd)) : "", sort: (row) => Number((before.get(row[name]) || {}).before_usd || 0)},
      {title: "Requests", number: true, cell: (row) => format.number(row.requests), sort: (row) => row.requests},
      {title: "Failed", number: true, cell: (row) => row.failed ? h("span", {className: "bad"}, format.number(row.failed)) : "0", sort: (row) => row.failed},
      {title: "Tokens", number: true, cell: (row) => format.number(row.input_tokens + row.output_tokens), sort: (row) => row.input_tokens + row.output_tokens},
      {title: "", cell: (row) => h("a", {className: "button small", "aria-label": `Requests of ${shown(row)}`, href: single(row)}, "Requests"), className: "tight number"},
    ].filter(Boolean);
    return [
      h("div", {className: "cards"},
        tile("Spent", exact(total.cost_usd), Number(total.estimated_usd) ? `${format.usd(Number(total.estimated_usd))} of it estimated` : "all of it as the providers counted"),
        Number.isFinite(change) && tile("Against before", `${change > 0 ? "+" : ""}${format.percent(change)}`, `${format.usd(Number(top.total.before_usd))} in the time before`, change > 0.5 && "bad"),
        tile("Requests", format.number(total.requests), `${format.number(total.attempts)} attempts`),
        tile("Spent on failures", format.usd(Number(total.failed_usd)), `${format.number(total.failed)} attempts did not succeed`),
        total.cache_saved_usd !== undefined && tile("Saved", format.usd(saved), `${format.usd(Number(total.cache_saved_usd))} by caches, ${format.usd(Number(total.routing_saved_usd))} by routing`, saved > 0 && "good"),
        total.unpriced > 0 && tile("Without a price", format.number(total.unpriced), "attempts nobody knows the price of", "bad")),
      h("div", {className: "block"}, figure), h("div", {className: "block"}, table(columns, timed ? [...rows.list].reverse() : rows.list, {caption: `Spend by ${title(name)}`, note: rows.list.length >= 500 && "the 500 dearest; the export has all", empty: ["Nothing was spent in this time", "Choose a longer time, or take a filter away."]}))];
  }

  async function exported() {
    try {
      const kind = what.value, asked = kind === "rows" ? address("", {group_by: by.value, format: "csv"}) : address("/export", {what: kind, format: "csv"});
      const response = await fetch(`api/${asked}`, {credentials: "same-origin"});
      if (!response.ok) throw new Error(`the export was refused with status ${response.status}`);
      const link = h("a", {href: URL.createObjectURL(await response.blob()), download: kind === "rows" ? `spend-by-${by.value}.csv` : `spend-${kind}.csv`});
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    } catch (error) {
      replace(said, failed(error));
    }
  }

  await Promise.all([fill(), forecast(ahead, filters)]);
  return () => { if (figure) figure.release(); };
}
