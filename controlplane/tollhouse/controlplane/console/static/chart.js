// Curves over time, drawn by uPlot in the colours of the page, with the same numbers as a table for those who read.

import uPlot from "./vendor/uPlot.esm.js";
import {h} from "./dom.js";

const clock = (seconds) => {
  const text = new Date(seconds * 1000).toLocaleTimeString("sv");
  return text.endsWith(":00") ? text.slice(0, 5) : text;
};
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** series: [{label, values, colour: "--name", show(value)}]. Returns the figure; its `remove` frees the chart. */
export function chart(title, at, series, summary) {
  const place = h("div", {className: "plot", "aria-hidden": "true"});
  const figure = h("figure", null, h("figcaption", null, h("span", null, title), summary && h("strong", null, summary)), place);
  let plot = null;
  const draw = () => {
    if (plot) plot.destroy();
    const axis = {stroke: colour("--faint"), grid: {stroke: colour("--line"), width: 1}, ticks: {show: false}, font: "11px system-ui"};
    plot = new uPlot({
      width: Math.max(220, place.clientWidth), height: 170, padding: [8, 8, 0, 0], legend: {show: true, live: true},
      cursor: {points: {size: 6}}, scales: {y: {range: (_, low, high) => [Math.min(0, low ?? 0), (high || 1) * 1.1]}},
      axes: [{...axis, values: (_, ticks) => ticks.map(clock)}, {...axis, size: 62, values: (_, ticks) => ticks.map(series[0].show)}],
      series: [{value: (_, value) => value ? new Date(value * 1000).toLocaleTimeString("sv") : "–"},
        ...series.map((one) => ({label: one.label, stroke: colour(one.colour), fill: `${colour(one.colour)}22`, width: 1.5,
          spanGaps: false, value: (_, value) => value === null || value === undefined ? "–" : one.show(value)}))],
    }, [at, ...series.map((one) => one.values)], place);
  };
  const resized = new ResizeObserver(draw);
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
