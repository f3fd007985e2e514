// Curves over time, drawn by uPlot in the colours of the page. The value under the pointer stands in the heading.

import uPlot from "./vendor/uPlot.esm.js";
import {h} from "./dom.js";

const DAY_S = 86400;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function clock(at) {
  const wide = at.length > 1 && at[at.length - 1] - at[0] > 2 * DAY_S;
  return (seconds) => wide ? new Date(seconds * 1000).toLocaleDateString("sv").slice(5) : new Date(seconds * 1000).toLocaleTimeString("sv").replace(/:00$/, "");
}

/** series: [{label, values, colour: "--name", show(value), dash}]. Returns the figure; its `release` frees the chart.
 *  bars: columns instead of curves; onpick(moment): somebody chose one. */
export function chart(title, at, series, summary, {bars = false, note = "", onpick = null} = {}) {
  const place = h("div", {className: `plot${series.length > 1 ? "" : " alone"}${onpick ? " picked" : ""}`, "aria-hidden": "true"});
  const value = h("strong", null, summary || "");
  const figure = h("figure", null, h("figcaption", null, h("span", null, title, " ", note && h("small", null, note)), value), place);
  if (onpick) place.addEventListener("click", () => { const index = plot && plot.cursor.idx; if (index !== null && index !== undefined) onpick(at[index]); });
  const time = clock(at), step = at.length > 1 ? at[1] - at[0] : 3600;
  let plot = null, width = 0;
  const hovered = (chart) => {
    const index = chart.cursor.idx;
    const known = index === null || index === undefined ? null : series[0].values[index];
    value.textContent = known === null || known === undefined ? summary || "" : `${series[0].show(known)} · ${time(at[index])}`;
  };
  const draw = () => {
    if (plot) plot.destroy();
    const axis = {stroke: colour("--faint"), grid: {stroke: colour("--line"), width: 1}, ticks: {show: false}, font: `11px ${colour("--font")}`};
    plot = new uPlot({
      width: Math.max(220, place.clientWidth), height: 158, padding: [8, 20, 0, 0], legend: {show: true, live: series.length > 1},
      cursor: {points: {size: 6}, y: false}, scales: {x: bars ? {range: (_, low, high) => [low - step / 2, high + step / 2]} : {}, y: {range: (_, low, high) => [Math.min(0, low ?? 0), (high || 1) * 1.12]}},
      hooks: {setCursor: [hovered]},
      axes: [{...axis, size: 26, values: (_, ticks) => ticks.map(time)}, {...axis, size: 56, values: (_, ticks) => ticks.map(series[0].show)}],
      series: [{value: () => ""},
        ...series.map((one) => ({label: one.label, stroke: colour(one.colour), fill: one.dash ? undefined : `${colour(one.colour)}${bars ? "88" : "1c"}`,
          width: 1.6, dash: one.dash, spanGaps: false, points: {show: one.values.length < 3},
          paths: bars && !one.dash ? uPlot.paths.bars({size: [0.7, 40]}) : undefined,
          value: (_, told) => told === null || told === undefined ? "" : one.show(told)}))],
    }, [at, ...series.map((one) => one.values)], place);
  };
  const resized = new ResizeObserver(() => { if (place.clientWidth !== width) { width = place.clientWidth; draw(); } });
  const darker = matchMedia("(prefers-color-scheme: dark)");
  darker.addEventListener("change", draw);
  resized.observe(place);
  figure.release = () => {
    resized.disconnect();
    darker.removeEventListener("change", draw);
    if (plot) plot.destroy();
  };
  return figure;
}
