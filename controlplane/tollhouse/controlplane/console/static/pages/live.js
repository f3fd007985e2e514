import {get} from "../api.js";
import {badge, format, h, later, replace, select} from "../dom.js";
import {entry, money, status} from "../request.js";
import {table} from "../table.js";

export const ABOUT = "Requests as they end, on all nodes. Content is never shown. Choose one to see everything known of it.";
const KEPT = 300, AGAIN_MS = 3000;
const KINDS = [["all", "All answers"], ["errors", "4xx and 5xx"], ["failed", "5xx"], ["retried", "Several attempts"], ["judged", "With verdicts"]];
const brief = (text) => text.length > 44 ? h("span", {title: text}, `${text.slice(0, 43)}…`) : text;
const WANTED = {
  all: () => true, errors: (row) => row.status >= 400, failed: (row) => row.status >= 500,
  retried: (row) => (row.attempts || []).length > 1, judged: (row) => (row.verdicts || []).length,
};

export async function render(root, {tools}) {
  const rows = [];
  let lost = 0, held = false, due = 0, chosen = null;
  const filter = h("input", {type: "search", size: "30", placeholder: "agent, model, route, error …", "aria-label": "Show only requests that hold this text", oninput: later(draw, 120)});
  const kind = select("Which answers", KINDS, "all", draw);
  const hold = h("button", {type: "button", "aria-pressed": "false", onclick: () => {
    held = !held;
    hold.setAttribute("aria-pressed", String(held));
    hold.textContent = held ? "Go on" : "Hold";
    draw();
  }}, "Hold");
  const note = h("span", {role: "status"}, badge("", "connecting…"));
  const detail = h("div"), place = h("div");
  replace(tools, note, filter, kind, hold);
  replace(root, detail, place);
  let source = null, again = 0;
  const say = (kindOf, text) => replace(note, badge(kindOf, text));
  function listen() {
    source = new EventSource("api/tail?most=50");
    source.onopen = () => { say("good", "from now on"); draw(); };
    source.onmessage = heard;
    source.onerror = () => {
      say("warn", "the stream broke off; trying again…");
      if (source.readyState !== EventSource.CLOSED) return;
      get("fleet").catch(() => {}); // the session may be over: then this leads to the sign-in
      again = setTimeout(listen, AGAIN_MS);
    };
  }
  function heard(event) {
    const told = JSON.parse(event.data);
    lost += told.lost;
    if (told.lost) say("warn", `from now on; ${format.number(lost)} were too fast to show`);
    rows.unshift({...told.entry, node: told.node});
    rows.sort((one, other) => other.time.localeCompare(one.time)); // workers tell theirs in bundles
    rows.length = Math.min(rows.length, KEPT);
    if (!held && !due) due = setTimeout(() => { due = 0; draw(); }, 250);
  }

  function open(row) {
    chosen = row;
    replace(detail, h("section", {className: "group-box block", "aria-label": "The request"}, h("div", {className: "box-head"}, `${row.method} ${row.uri}`,
      h("span", {className: "note"}, row.time.slice(11, 23)), h("span", {className: "right"}, h("button", {type: "button", className: "small", onclick: shut}, "Close"))), entry(row)));
    draw();
    detail.querySelector("button").focus({preventScroll: true});
    detail.scrollIntoView({block: "start"});
  }

  function shut() {
    chosen = null;
    replace(detail);
    draw();
  }

  const columns = [
    {title: "When", className: "nowrap", cell: (row) => h("button", {type: "button", className: "small quiet", title: "Everything known of it", onclick: () => open(row)}, row.time.slice(11, 23))},
    {title: "Status", cell: (row) => [status(row.status), row.error && h("span", {className: "sub"}, row.error)]},
    {title: "Agent", cell: (row) => row.consumer},
    {title: "Request", cell: (row) => [brief(row.uri), h("span", {className: "sub"}, `${row.method} · ${row.route_id || "no route"}`)]},
    {title: "Model", cell: (row) => row.model ? [row.model, h("span", {className: "sub"}, row.target)] : row.target || row.asked_model && h("span", {className: "note"}, brief(row.asked_model))},
    {title: "Tries", number: true, cell: (row) => String((row.attempts || []).length)},
    {title: "Took", number: true, cell: (row) => format.ms(row.latency)},
    {title: "Tokens", number: true, cell: (row) => row.tokens ? `${format.number(row.tokens.input)} / ${format.number(row.tokens.output)}` : ""},
    {title: "Cost", number: true, cell: (row) => row.cost_usd ? money(row.cost_usd) : ""},
  ];

  function draw() {
    const wanted = filter.value.toLowerCase();
    const shown = rows.filter((row) => WANTED[kind.value](row) && (!wanted || JSON.stringify(row).toLowerCase().includes(wanted)));
    const focused = document.activeElement;
    const within = place.contains(focused) ? focused.textContent : null;
    replace(place, table(columns, shown, {dense: true, open: (row) => row === chosen,
      empty: rows.length ? ["None of the requests seen fits", "Take the filter away to see all of them."] : ["No request yet", "Those that come are shown here as they end."]}));
    if (within) [...place.querySelectorAll("button")].find((one) => one.textContent === within)?.focus({preventScroll: true});
  }
  const escaped = (event) => { if (event.key === "Escape" && chosen && !event.target.closest("input, select")) shut(); };
  window.addEventListener("keydown", escaped);
  draw();
  listen();
  return () => { clearTimeout(due); clearTimeout(again); source.close(); window.removeEventListener("keydown", escaped); };
}
