// Where the running month will end. Left out where the ledger cannot tell.

import {get} from "./api.js";
import {format, h, replace, tile} from "./dom.js";

export async function forecast(place, filters) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const told = await get(`admin/spend/forecast?${new URLSearchParams({period: "month", timezone: zone, ...Object.fromEntries(filters)})}`).catch(() => null);
  if (!told || !Number(told.total.spent_usd)) return;
  const usd = (name) => format.usd(Number(told.total[name]));
  replace(place, h("h2", null, "This month"), h("div", {className: "cards"}, tile("So far", usd("spent_usd"), `since ${told.from.slice(0, 10)}`),
    tile("Expected at its end", usd("expected_usd"), `four times in five between ${usd("low_usd")} and ${usd("high_usd")}`),
    tile("A day, of late", usd("rate_usd"), "at the present pace"), tile("The month before", usd("before_usd"), "all of it")));
}
