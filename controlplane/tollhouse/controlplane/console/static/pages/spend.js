import {get} from "../api.js";
import {chart} from "../chart.js";
import {failed, format, h, load, replace, select, tile} from "../dom.js";
import {table} from "../table.js";

export const ABOUT = "From the ledger: every attempt, with what it really cost. Choose a row to look closer, down to single requests.";
const BY = [["consumer", "agent"], ["group", "team"], ["model", "model"], ["provider", "provider"], ["route", "route"], ["session", "session"], ["outcome", "outcome"]];
const TIMES = [[1, "Today and yesterday"], [7, "Last 7 days"], [31, "Last 31 days"], [90, "Last 90 days"]];
const NEXT = {consumer: "model", group: "consumer", model: "consumer", provider: "model", route: "consumer", session: "model", outcome: "consumer"};

export async function render(root, {rest, tools}) {
  const wanted = new URLSearchParams(rest[0] || "");
  const filters = [...wanted].filter(([name]) => BY.some(([known]) => known === name));
  let figure = null;
  const days = select("Time", TIMES, wanted.get("days") || 7, () => go()), by = select("Grouped by", BY.map(([name, title]) => [name, `By ${title}`]), wanted.get("by") || "consumer", () => go());
  const place = h("div"), said = h("div"), ahead = h("div", {className: "block"});
  const title = (name) => BY.find(([known]) => known === name)[1];
  const chips = filters.map(([name, value]) => h("a", {className: "chip", href: `#spend/${encodeURIComponent(query({[name]: null}))}`, title: "Take this filter away"}, `${title(name)}: ${value || "(none)"}`, " ✕"));
  replace(tools, by, days, h("a", {className: "button", href: `#requests/${encodeURIComponent(new URLSearchParams({days: days.value, order: "dearest", ...Object.fromEntries(filters)}))}`}, "Requests"),
    h("button", {type: "button", onclick: exported}, "Export as CSV"));
  replace(root, chips.length > 0 && h("div", {className: "tools"}, chips), said, place, ahead);

  function query(changes) {
    const made = new URLSearchParams({days: days.value, by: by.value, ...Object.fromEntries(filters)});
    for (const [name, value] of Object.entries(changes)) if (value === null) made.delete(name); else made.set(name, value);
    return made.toString();
  }
  function go() { location.hash = `spend/${encodeURIComponent(query({}))}`; }
  const since = () => new Date(Date.now() - Number(days.value) * 86400000).toISOString().slice(0, 10);
  const address = (grouping, more) => `admin/spend?${new URLSearchParams({group_by: grouping, from: since(), ...Object.fromEntries(filters), ...more})}`;

  async function fill() {
    const unit = Number(days.value) <= 7 ? "hour" : "day";
    await load(place, async () => {
      const [rows, over, top] = await Promise.all([get(address(by.value, {limit: "500"})), get(address(unit, {})),
        get(`admin/spend/top?${new URLSearchParams({by: by.value, from: since(), limit: "500", ...Object.fromEntries(filters)})}`).catch(() => ({list: [], total: {}}))]);
      return {rows, over: over.list, total: over.total, unit, top};
    }, (told) => {
      if (figure) figure.release();
      figure = columnsOver(told);
      return view(told);
    });
  }

  const usd = (row) => format.usd(Number(row.cost_usd));
  function columnsOver({over, unit, total}) {
    const step = unit === "hour" ? 3600 : 86400;
    const known = new Map(over.map((row) => [Date.parse(row[unit]) / 1000, Number(row.cost_usd)]).filter(([at]) => Number.isFinite(at)));
    if (!known.size) return null;
    const first = Math.min(...known.keys()), last = Math.floor(Date.now() / 1000 / step) * step, at = [];
    for (let time = Math.max(Math.min(first, last - step * 11), last - step * 400); time <= last; time += step) at.push(time);
    return chart(`US dollars per ${unit}`, at, [{label: "USD", values: at.map((time) => known.get(time) || 0), colour: "--good", show: format.usd}], usd(total), {bars: true});
  }

  function view({rows, total, top}) {
    const before = new Map(top.list.map((row) => [row.key, row]));
    const saved = Number(total.cache_saved_usd || 0) + Number(total.routing_saved_usd || 0);
    const change = Number(top.total.before_usd) > 0 ? Number(total.cost_usd) / Number(top.total.before_usd) - 1 : NaN;
    const name = by.value;
    return [
      h("div", {className: "cards"},
        tile("Spent", usd(total), Number(total.estimated_usd) ? `${format.usd(Number(total.estimated_usd))} of it estimated` : "all of it as the providers counted"),
        Number.isFinite(change) && tile("Against before", `${change > 0 ? "+" : ""}${format.percent(change)}`, `${format.usd(Number(top.total.before_usd))} in the time before`, change > 0.5 && "bad"),
        tile("Requests", format.number(total.requests), `${format.number(total.attempts)} attempts`),
        tile("Spent on failures", format.usd(Number(total.failed_usd)), `${format.number(total.failed)} attempts did not succeed`),
        total.cache_saved_usd !== undefined && tile("Saved", format.usd(saved), `${format.usd(Number(total.cache_saved_usd))} by caches, ${format.usd(Number(total.routing_saved_usd))} by routing`, saved > 0 && "good"),
        total.unpriced > 0 && tile("Without a price", format.number(total.unpriced), "attempts nobody knows the price of", "bad")),
      h("div", {className: "block"}, figure), h("div", {className: "block"}, table([
        {title: title(name).replace(/^./, (letter) => letter.toUpperCase()), cell: (row) => h("a", {href: `#spend/${encodeURIComponent(query({[name]: row[name], by: NEXT[name]}))}`}, row[name] || "(none)"), sort: (row) => row[name]},
        {title: "USD", number: true, cell: usd, sort: (row) => Number(row.cost_usd)},
        {title: "Share", number: true, cell: (row) => format.percent(Number(row.cost_usd) / Number(total.cost_usd)), sort: (row) => Number(row.cost_usd)},
        {title: "Before", number: true, cell: (row) => before.has(row[name]) ? format.usd(Number(before.get(row[name]).before_usd)) : "", sort: (row) => Number((before.get(row[name]) || {}).before_usd || 0)},
        {title: "Requests", number: true, cell: (row) => format.number(row.requests), sort: (row) => row.requests},
        {title: "Failed", number: true, cell: (row) => row.failed ? h("span", {className: "bad"}, format.number(row.failed)) : "0", sort: (row) => row.failed},
        {title: "Tokens", number: true, cell: (row) => format.number(row.input_tokens + row.output_tokens), sort: (row) => row.input_tokens + row.output_tokens},
        {title: "", cell: (row) => h("a", {className: "button small", "aria-label": `Requests of ${row[name] || "(none)"}`, href: `#requests/${encodeURIComponent(new URLSearchParams({days: days.value, order: "dearest", ...Object.fromEntries(filters), [name]: row[name]}))}`}, "Requests"), className: "tight number"},
      ], rows.list, {caption: `Spend by ${title(name)}`, empty: ["Nothing was spent in this time", "Choose a longer time, or take a filter away."]}))];
  }

  async function exported() {
    try {
      const response = await fetch(`api/${address(by.value, {format: "csv"})}`, {credentials: "same-origin"});
      if (!response.ok) throw new Error(`the export was refused with status ${response.status}`);
      const link = h("a", {href: URL.createObjectURL(await response.blob()), download: `spend-by-${by.value}.csv`});
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    } catch (error) {
      replace(said, failed(error));
    }
  }

  await Promise.all([fill(), forecast(ahead, filters)]);
  return () => { if (figure) figure.release(); };
}

/** Where the running month will end. Left out where the ledger cannot tell. */
async function forecast(place, filters) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const told = await get(`admin/spend/forecast?${new URLSearchParams({period: "month", timezone: zone, ...Object.fromEntries(filters)})}`).catch(() => null);
  if (!told || !Number(told.total.spent_usd)) return;
  const usd = (name) => format.usd(Number(told.total[name]));
  replace(place, h("h2", null, "This month"), h("div", {className: "cards"}, tile("So far", usd("spent_usd"), `since ${told.from.slice(0, 10)}`),
    tile("Expected at its end", usd("expected_usd"), `four times in five between ${usd("low_usd")} and ${usd("high_usd")}`),
    tile("A day, of late", usd("rate_usd"), "at the present pace"), tile("The month before", usd("before_usd"), "all of it")));
}
