// The times a page of money is about: some days until now, a month, or a moment somebody chose.

const DAY_MS = 86400000;

export const TIMES = [["1", "Today and yesterday"], ["7", "Last 7 days"], ["31", "Last 31 days"], ["90", "Last 90 days"], ["month", "This month (UTC)"], ["last", "Last month (UTC)"]];

/** What the address says: {days, from, to, title, hours}. `title` is there when it is no choice of TIMES. */
export function time(wanted) {
  const from = wanted.get("from"), to = wanted.get("to");
  if (from && to) {
    const hours = Date.parse(to) - Date.parse(from) <= 7 * DAY_MS, clock = (text) => text.slice(0, 16).replace("T", " ");
    return {days: "", from, to, hours, title: `${clock(from)} to ${clock(to)} UTC`, step: Date.parse(to) - Date.parse(from)};
  }
  const days = wanted.get("days") || "7", now = new Date();
  if (days === "month" || days === "last") {
    const first = (back) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 10);
    return days === "month" ? {days, from: first(0), to: "", hours: false} : {days, from: first(1), to: first(0), hours: false};
  }
  return {days, from: new Date(Date.now() - Number(days) * DAY_MS).toISOString().slice(0, 10), to: "", hours: Number(days) <= 7};
}

/** The part of a question that is about time. */
export const between = ({from, to}) => to ? {from, to} : {from};

/** The part of an address that keeps it. */
export const kept = (chosen) => chosen.title ? {from: chosen.from, to: chosen.to} : {days: chosen.days};

/** The hour or day a row is about, as an address keeps it. */
export function within(unit, text) {
  const from = Date.parse(text), iso = (ms) => new Date(ms).toISOString().slice(0, 19) + "Z";
  return {from: iso(from), to: iso(from + (unit === "hour" ? 3600000 : DAY_MS))};
}
