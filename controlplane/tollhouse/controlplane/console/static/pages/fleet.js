import {get} from "../api.js";
import {format, h, load, replace, table} from "../dom.js";

export async function render(root) {
  const place = h("div");
  replace(root, place);
  const ask = () => load(place, () => get("fleet"), view);
  const timer = setInterval(() => { if (!document.hidden && !place.querySelector("[role=alert]")) get("fleet").then((told) => replace(place, view(told)), () => {}); }, 5000);
  await ask();
  return () => clearInterval(timer);
}

function view({nodes, newest, silent}) {
  const behind = nodes.filter((node) => node.applied_revision < newest);
  const refused = nodes.flatMap((node) => node.refused.map((one) => ({...one, node: node.id})));
  const sentence = !nodes.length ? null : behind.length
    ? h("p", {className: "warn"}, `${behind.length} of ${nodes.length} nodes do not serve revision ${newest} yet.`)
    : h("p", {className: "ok"}, nodes.length === 1 ? `The node serves revision ${newest}, the newest.` : `All ${nodes.length} nodes serve revision ${newest}, the newest.`);
  return [sentence, table([
    {title: "Node", cell: (row) => row.id},
    {title: "Revision", number: true, cell: (row) => h("span", {className: row.applied_revision < newest ? "warn" : "ok"}, String(row.applied_revision))},
    {title: "Workers", number: true, cell: (row) => h("span", {className: row.workers_alive < row.workers ? "bad" : ""}, `${row.workers_alive}/${row.workers}`)},
    {title: "State", cell: (row) => row.draining ? h("span", {className: "warn"}, "draining") : silent[row.id] ? h("span", {className: "bad"}, silent[row.id]) : "serving"},
    {title: "Serves", cell: (row) => row.http_address},
    {title: "Configuration from", cell: (row) => row.source},
    {title: "Version", cell: (row) => row.version},
    {title: "Up for", number: true, cell: (row) => format.ago(row.started_at)},
  ], nodes, "No node is registered. Start one with tollhouse-dataplane, or everything with gatewayctl up.", "Nodes"),
  refused.length ? [h("h2", null, "Refused objects"), table([
    {title: "Object", cell: (row) => h("a", {href: `#config/${row.kind}/${encodeURIComponent(row.id)}`}, `${row.kind}/${row.id}`)},
    {title: "Node", cell: (row) => row.node}, {title: "Why", cell: (row) => row.reason},
    {title: "Instead", cell: (row) => row.kept_revision ? `version ${row.kept_revision} is served on` : "it is not served"},
  ], refused, "", "Refused objects")] : null];
}
