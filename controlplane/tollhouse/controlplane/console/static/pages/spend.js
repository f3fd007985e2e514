import {get} from "../api.js";
import {chart} from "../chart.js";
import {format, h, load, replace, table} from "../dom.js";

const BY = [["consumer", "agent"], ["group", "team"], ["model", "model"], ["provider", "provider"], ["route", "route"], ["session", "session"], ["outcome", "outcome"]];
const TIMES = [[1, "today and yesterday"], [7, "7 days"], [31, "31 days"], [90, "90 days"]];

export async function render(root, {rest}) {
  const wanted = new URLSearchParams(rest[0] || "");
  const filters = [...wanted].filter(([name]) => BY.some(([known]) => known === name));
  let figure = null;
  const pick = (label, choices, value) => h("select", {"aria-label": label, onchange: fill}, choices.map(([name, title]) => h("option", {value: String(name), selected: String(name) === String(value)}, title)));
  const days = pick("Time", TIMES, wanted.get("days") || 7), by = pick("By", BY, wanted.get("by") || "consumer");
  const place = h("div");
  const save = h("button", {type: "button", onclick: exported}, "Export as CSV");
  const chosen = filters.map(([name, value]) => h("a", {href: `#spend/${encodeURIComponent(query({[name]: null}))}`, title: "Take this filter away"}, `${BY.find(([known]) => known === name)[1]} ${value} ✕`));
  replace(root, h("p", {className: "note"}, "From the ledger: every attempt, with what it really cost. A click on a row looks closer."), h("div", {className: "tools"}, "The last", days, "by", by, chosen, h("span", {className: "right"}, save)), place);

  function query(changes) {
    const made = new URLSearchParams({days: days.value, by: by.value, ...Object.fromEntries(filters)});
    for (const [name, value] of Object.entries(changes)) if (value === null) made.delete(name); else made.set(name, value);
    return made.toString();
  }

  function address(grouping, more) {
    const from = new Date(Date.now() - Number(days.value) * 86400000).toISOString().slice(0, 10);
    return `admin/spend?${new URLSearchParams({group_by: grouping, from, ...Object.fromEntries(filters), ...more})}`;
  }

  async function fill() {
    const unit = Number(days.value) <= 7 ? "hour" : "day";
    await load(place, async () => {
      const [rows, over] = await Promise.all([get(address(by.value, {limit: "500"})), get(address(unit, {}))]);
      return {rows, over: over.list, total: over.total, unit};
    }, ({rows, over, total, unit}) => {
      if (figure) figure.release();
      figure = null;
      const usd = (row) => format.usd(Number(row.cost_usd));
      const points = over.map((row) => [Date.parse(row[unit]) / 1000, Number(row.cost_usd)]).filter(([at]) => Number.isFinite(at)).sort((one, other) => one[0] - other[0]);
      if (points.length > 1) figure = chart(`US dollars per ${unit}`, points.map(([at]) => at), [{label: "USD", values: points.map(([, value]) => value), colour: "--good", show: format.usd}], usd(total));
      return [
        h("div", {className: "cards"}, card("Spent", usd(total), Number(total.estimated_usd) ? `${format.usd(Number(total.estimated_usd))} of it estimated` : "all of it as the providers counted"),
          card("Requests", format.number(total.requests), `${format.number(total.attempts)} attempts`),
          card("Spent on failures", format.usd(Number(total.failed_usd)), `${format.number(total.failed)} attempts did not succeed`)),
        figure && h("div", {className: "grid"}, figure),
        table([
          {title: BY.find(([name]) => name === by.value)[1], cell: (row) => h("a", {href: `#spend/${encodeURIComponent(query({[by.value]: row[by.value], by: by.value === "model" ? "consumer" : "model"}))}`}, row[by.value] || "(none)")},
          {title: "USD", number: true, cell: usd},
          {title: "Share", number: true, cell: (row) => format.percent(Number(row.cost_usd) / Number(total.cost_usd))},
          {title: "Requests", number: true, cell: (row) => format.number(row.requests)},
          {title: "Attempts", number: true, cell: (row) => format.number(row.attempts)},
          {title: "Failed", number: true, cell: (row) => format.number(row.failed)},
        ], rows.list, "Nothing was spent in this time.", `Spend by ${BY.find(([name]) => name === by.value)[1]}`),
      ];
    });
  }

  async function exported() {
    const response = await fetch(`api/${address(by.value, {format: "csv"})}`, {credentials: "same-origin"});
    const link = h("a", {href: URL.createObjectURL(await response.blob()), download: `spend-by-${by.value}.csv`});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  await fill();
  return () => { if (figure) figure.release(); };
}

function card(title, value, text) {
  return h("div", {className: "card"}, h("span", null, title), h("strong", null, value), h("small", null, text));
}
