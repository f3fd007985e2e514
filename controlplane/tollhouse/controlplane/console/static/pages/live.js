import {format, h, replace, table} from "../dom.js";

const KEPT = 200;

export async function render(root) {
  const rows = [];
  let lost = 0, held = false, due = 0;
  const filter = h("input", {type: "search", size: "34", placeholder: "agent, model, route, status, error", "aria-label": "Show only requests that hold this text", oninput: draw});
  const hold = h("button", {type: "button", "aria-pressed": "false", onclick: () => {
    held = !held;
    hold.setAttribute("aria-pressed", String(held));
    hold.textContent = held ? "Go on" : "Hold";
    draw();
  }}, "Hold");
  const note = h("span", {className: "note", role: "status"}, "connecting…");
  const place = h("div");
  replace(root, h("div", {className: "tools"}, filter, hold, note), place);
  const source = new EventSource("api/tail?most=50");
  source.onopen = () => { note.textContent = "from now on"; draw(); };
  source.onerror = () => { note.textContent = "The stream broke off; trying again…"; };
  source.onmessage = (event) => {
    const told = JSON.parse(event.data);
    lost += told.lost;
    rows.unshift({...told.entry, node: told.node});
    rows.sort((one, other) => other.time.localeCompare(one.time)); // workers tell theirs in bundles
    rows.length = Math.min(rows.length, KEPT);
    if (!held && !due) due = setTimeout(() => { due = 0; draw(); }, 250);
  };
  function draw() {
    const wanted = filter.value.toLowerCase();
    const shown = rows.filter((row) => !wanted || JSON.stringify(row).toLowerCase().includes(wanted));
    if (lost) note.textContent = `from now on; ${format.number(lost)} were too fast to show`;
    replace(place, table(columns, shown, rows.length ? "None of the requests seen holds this text." : "No request yet. Those that come are shown here as they end.", "Requests"));
  }
  draw();
  return () => { clearTimeout(due); source.close(); };
}

const columns = [
  {title: "When", cell: (row) => row.time.slice(11, 23)},
  {title: "Status", cell: (row) => h("span", {className: row.status >= 500 ? "bad" : row.status >= 400 ? "warn" : "ok"}, String(row.status), row.error ? ` ${row.error}` : "")},
  {title: "Agent", cell: (row) => row.consumer},
  {title: "Request", cell: (row) => `${row.method} ${row.uri}`},
  {title: "Model", cell: (row) => row.model ? `${row.model} (${row.target})` : row.target},
  {title: "Tries", number: true, cell: (row) => (row.attempts || []).length},
  {title: "Took", number: true, cell: (row) => format.ms(row.latency)},
  {title: "Tokens", number: true, cell: (row) => row.tokens ? `${row.tokens.input} / ${row.tokens.output}` : ""},
  {title: "USD", number: true, cell: (row) => row.cost_usd ? format.usd(Number(row.cost_usd)) : ""},
  {title: "Node", cell: (row) => row.node},
];
