import {admin} from "../api.js";
import {difference} from "../diff.js";
import {failed, format, h, load, replace, table} from "../dom.js";

export async function render(root, {session, rest}) {
  if (rest[0]) return one(root, session, Number(rest[0]));
  const place = h("div");
  replace(root, h("p", {className: "note"}, "Every write, the newest first. Rolling back makes a new revision; nothing is lost."), place);
  await load(place, async () => (await admin("GET", "history?limit=200")).body.list, (writes) => table([
    {title: "Revision", cell: (row) => h("a", {href: `#history/${row.revision}`}, String(row.revision))},
    {title: "When", cell: (row) => format.when(row.at)},
    {title: "Who", cell: (row) => row.author}, {title: "By", cell: (row) => row.via},
    {title: "What", cell: (row) => `${row.purpose ? `${row.purpose}: ` : ""}${row.changes.slice(0, 3).map((change) => `${change.action} ${change.kind}/${change.id}`).join(", ")}${row.changes.length > 3 ? ` and ${row.changes.length - 3} more` : ""}`},
  ], writes, "Nothing was written through the Admin API yet.", "Writes"));
}

async function one(root, session, revision) {
  const place = h("div"), action = h("div");
  replace(root, h("p", null, h("a", {href: "#history"}, "All writes")), place, action);
  await load(place, async () => (await admin("GET", `history/${revision}`)).body, (write) => [
    h("dl", null, h("dt", null, "Revision"), h("dd", null, String(write.revision)), h("dt", null, "When"), h("dd", null, format.when(write.at)),
      h("dt", null, "Who"), h("dd", null, `${write.author} over ${write.via}${write.address ? ` from ${write.address}` : ""}`),
      write.purpose && [h("dt", null, "Why"), h("dd", null, write.purpose)]),
    write.changes.map((change) => [h("h2", null, `${change.action} ${change.kind}/${change.id}`), difference(change.before, change.after, `${change.kind}/${change.id}`)]),
  ]);
  if (session.may_write)
    replace(action, h("p", {className: "tools"}, h("button", {type: "button", className: "danger", onclick: () => plan(action, revision)}, `Make everything as it was right after revision ${revision}…`)));
}

async function plan(place, revision) {
  await load(place, async () => ({...(await admin("POST", `history/${revision}/rollback?dry_run=true`)).body, fleet: null}), (planned) => {
    const changes = planned.changes.filter((change) => change.action !== "unchanged");
    if (!changes.length) return h("p", {className: "done"}, "That is how everything is now.");
    return [h("h2", null, `Going back to revision ${revision} would`), changes.map((change) => [h("h3", null, `${change.action} ${change.kind}/${change.id}`), difference(change.before, change.after, `${change.kind}/${change.id}`)]),
      h("p", {className: "tools"}, h("button", {type: "button", className: "main", onclick: () => carryOut(place, revision)}, "Roll back now"), h("a", {href: "#history"}, "Leave it"))];
  });
}

async function carryOut(place, revision) {
  try {
    const done = (await admin("POST", `history/${revision}/rollback`)).body;
    replace(place, h("p", {className: "done", role: "status"}, `Written as revision ${done.revision}. `, h("a", {href: "#fleet"}, "See who serves it"), " · ", h("a", {href: "#history"}, "All writes")));
  } catch (error) {
    replace(place, failed(error, () => plan(place, revision)));
  }
}
