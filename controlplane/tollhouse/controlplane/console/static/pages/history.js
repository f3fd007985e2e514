import {admin} from "../api.js";
import {difference} from "../diff.js";
import {badge, done, failed, format, h, later, load, replace} from "../dom.js";
import {table} from "../table.js";

export const ABOUT = "Every write, the newest first: who, when, what. Rolling back makes a new revision; nothing is lost.";
const SIZE = 200, DRAWN = 100;
const KIND = {create: "good", delete: "bad", update: ""};

export async function render(root, {session, rest, tools, heading}) {
  if (rest[0]) heading(`Revision ${rest[0]}`);
  if (rest[0]) return one(root, session, Number(rest[0]), tools);
  const place = h("div"), list = h("div"), more = h("p", {className: "pager"});
  let writes = [];
  const filter = h("input", {type: "search", size: "28", placeholder: "who, kind, id …", "aria-label": "Show only writes that hold this text", oninput: later(draw, 150)});
  replace(tools, filter);
  replace(root, place);
  function draw() {
    const wanted = filter.value.toLowerCase();
    replace(list, view(writes.filter((row) => !wanted || `${row.author} ${row.via} ${row.purpose || ""} ${row.changes.map((change) => `${change.action} ${change.kind}/${change.id}`).join(" ")}`.toLowerCase().includes(wanted)), writes.length > 0));
  }
  const ask = (before) => admin("GET", `history?limit=${SIZE}${before ? `&before=${before}` : ""}`).then((told) => told.body.list);
  const fill = () => load(place, () => ask(writes.length ? writes[writes.length - 1].revision : 0), (found) => {
    writes.push(...found);
    draw();
    replace(more, found.length === SIZE && h("button", {type: "button", onclick: fill}, "Older ones"), writes.length > SIZE && `${writes.length} are shown`);
    return [list, more];
  });
  await fill();
}

const view = (writes, filtered) => table([
  {title: "Revision", cell: (row) => h("a", {href: `#history/${row.revision}`}, String(row.revision))},
  {title: "When", className: "nowrap", cell: (row) => [format.when(row.at), h("span", {className: "sub"}, `${format.ago(row.at)} ago`)]},
  {title: "Who", cell: (row) => [row.author, h("span", {className: "sub"}, `over ${row.via}`)]},
  {title: "What", cell: (row) => [row.purpose && h("span", {className: "sub"}, row.purpose),
    row.changes.slice(0, 4).map((change) => h("div", null, `${change.action} ${change.kind}/${change.id}`)), row.changes.length > 4 && h("span", {className: "sub"}, `and ${row.changes.length - 4} more`)]},
], writes, {empty: filtered ? ["No write fits", "Only those shown are searched; \"Older ones\" shows more."] : ["Nothing was written yet", "Writes through the Admin API, gatewayctl and this console appear here."]});

async function one(root, session, revision, tools) {
  const place = h("div"), action = h("div");
  replace(tools, h("a", {className: "button", href: "#history"}, "All writes"));
  replace(root, place, action);
  await load(place, async () => (await admin("GET", `history/${revision}`)).body, (write) => [
    h("div", {className: "panel"}, h("dl", null, h("dt", null, "Revision"), h("dd", null, String(write.revision)), h("dt", null, "When"), h("dd", null, format.when(write.at)),
      h("dt", null, "Who"), h("dd", null, `${write.author} over ${write.via}${write.address ? ` from ${write.address}` : ""}`),
      write.purpose && [h("dt", null, "Why"), h("dd", null, write.purpose)])),
    differences(write.changes),
  ]);
  if (session.may_write && !place.querySelector("[role=alert]"))
    replace(action, h("p", {className: "tools block"}, h("button", {type: "button", className: "danger", onclick: () => plan(action, revision)}, `Make everything as it was right after revision ${revision}…`)));
}

const changed = (change) => [h("h2", null, badge(KIND[change.action] ?? "", change.action), " ", h("a", {href: `#config/${change.kind}/${encodeURIComponent(change.id)}`}, `${change.kind}/${change.id}`)),
  difference(change.before, change.after, `${change.kind}/${change.id}`)];

/** As many as somebody reads; a write may be of ten thousand. */
function differences(changes) {
  const place = h("div"), more = h("p", {className: "pager"});
  let drawn = 0;
  const draw = () => {
    place.append(...changes.slice(drawn, drawn + DRAWN).flatMap(changed));
    drawn = Math.min(drawn + DRAWN, changes.length);
    replace(more, drawn < changes.length && [`${format.number(drawn)} of ${format.number(changes.length)} objects are shown.`, h("button", {type: "button", className: "small", onclick: draw}, "Show more")]);
  };
  draw();
  return [place, more];
}

async function plan(place, revision) {
  await load(place, async () => (await admin("POST", `history/${revision}/rollback?dry_run=true`)).body, (planned) => {
    const changes = planned.changes.filter((change) => change.action !== "unchanged");
    if (!changes.length) return done("That is how everything is now.");
    return [h("h2", null, `Going back to revision ${revision} would change ${changes.length} ${changes.length === 1 ? "object" : "objects"}`), differences(changes),
      h("p", {className: "tools block"}, h("button", {type: "button", className: "main", onclick: () => carryOut(place, revision)}, "Roll back now"), h("a", {className: "button", href: "#history"}, "Leave it"))];
  });
}

async function carryOut(place, revision) {
  try {
    const told = (await admin("POST", `history/${revision}/rollback`)).body;
    replace(place, done(`Written as revision ${told.revision}. `, h("a", {href: "#fleet"}, "See who serves it"), " · ", h("a", {href: "#history"}, "All writes")));
  } catch (error) {
    replace(place, failed(error, () => plan(place, revision)));
  }
}
