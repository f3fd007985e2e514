// One look: is everything fine, and if not, what is wrong and where to go.

import {get} from "./api.js";
import {badge, format, h} from "./dom.js";
import {whom} from "./people/budgets.js";

const MOST = 8;

/** What needs somebody, the worst first, or that nothing does. A question that is not answered is itself a finding. */
export async function health() {
  const asked = await Promise.allSettled([get("fleet"), get("targets"), get("budgets?at_least=80"), get("admin/approvals?state=pending"), get("admin/stops")]);
  for (const one of asked) if (one.status === "rejected" && one.reason.status === 401) throw one.reason;
  const [fleet, targets, budgets, approvals, stops] = asked.map((one) => one.status === "fulfilled" ? one.value : null);
  const unanswered = new Set(asked.filter((one) => one.status === "rejected").map((one) => one.reason.message)); // often one reason for all
  const found = [...unanswered].map((message) => ["bad", message, "fleet", "Fleet"]);
  const all = stops && stops.list.find((one) => one.value.everyone);
  if (all) found.unshift(["bad", `Everybody is stopped: agents are refused${all.value.desc ? ` (${all.value.desc})` : ""}.`, "agents", "Agents"]);
  if (fleet) found.push(...ofFleet(fleet));
  if (targets) found.push(...ofTargets(targets));
  if (budgets) found.push(...ofBudgets(budgets));
  const waiting = approvals ? approvals.list.length : 0;
  if (waiting) found.push(["warn", waiting === 1 ? "A budget asks for more and waits for a decision." : `${waiting} budgets ask for more and wait for a decision.`, "approvals", "Approvals"]);
  if (!found.length) return h("div", {className: "done", role: "status"}, badge("good", "All is well"), "Nodes serve the newest configuration, targets answer, no budget is near its end, nobody waits for a decision.");
  found.sort((one, other) => (one[0] === "bad" ? 0 : 1) - (other[0] === "bad" ? 0 : 1));
  const items = found.slice(0, MOST).map(([kind, text, page, title]) => h("li", null, badge(kind, kind === "bad" ? "Act" : "Look"), text, h("a", {href: `#${page}`}, title)));
  return h("div", {className: found[0][0] === "bad" ? "problem" : "notice", role: "status"}, h("ul", null, items,
    found.length > MOST && h("li", null, `and ${found.length - MOST} more`)));
}

function* ofFleet({nodes, newest, silent}) {
  if (!nodes.length) yield ["bad", "No node is registered: nobody serves traffic.", "fleet", "Fleet"];
  for (const node of nodes) {
    if (silent[node.id]) yield ["bad", `Node ${node.id} does not answer: ${silent[node.id]}`, "fleet", "Fleet"];
    if (node.workers_alive < node.workers) yield ["bad", `Node ${node.id} has ${node.workers_alive} of ${node.workers} workers.`, "fleet", "Fleet"];
    if (node.applied_revision < newest) yield ["warn", `Node ${node.id} serves revision ${node.applied_revision}; the newest is ${newest}.`, "fleet", "Fleet"];
    for (const one of node.refused) yield ["bad", `Node ${node.id} refuses ${one.kind}/${one.id}: ${one.reason}`, `config/${one.kind}/${encodeURIComponent(one.id)}`, "Open it"];
  }
}

function* ofTargets({targets}) {
  for (const row of targets) {
    if (row.workers && row.healthy < row.workers) yield [row.healthy ? "warn" : "bad", `Target ${row.name}: ${row.workers - row.healthy} of ${row.workers} workers leave it alone (${row.reason || "it fails"}).`, "targets", "Targets"];
    else if (row.attempts >= 20 && row.failures / row.attempts > 0.2) yield ["warn", `Target ${row.name}: ${format.percent(row.failures / row.attempts)} of its attempts failed in the last hour.`, "targets", "Targets"];
  }
}

function* ofBudgets({budgets}) {
  for (const row of budgets) {
    const whose = row.key === row.budget ? row.budget : `${row.budget} of ${whom(row)}`;
    yield [row.enforced && row.spent >= row.limit ? "bad" : "warn", `Budget ${whose} is ${format.percent(row.spent / row.limit)} spent${row.resets ? `; it begins anew ${format.when(row.resets)}` : ""}.`, "budgets", "Budgets"];
  }
}
