import {get} from "../api.js";
import {badge, format, h, load, replace, tile} from "../dom.js";
import {table} from "../table.js";

export const ABOUT = "Every node that serves traffic, and which revision of the configuration it serves.";

export async function render(root) {
  const place = h("div");
  replace(root, place);
  const timer = setInterval(() => { if (!document.hidden && !place.querySelector("[role=alert]")) get("fleet").then((told) => replace(place, view(told)), () => {}); }, 5000);
  await load(place, () => get("fleet"), view);
  return () => clearInterval(timer);
}

function view({nodes, newest, silent}) {
  const behind = nodes.filter((node) => node.applied_revision < newest).length;
  const refused = nodes.flatMap((node) => node.refused.map((one) => ({...one, node: node.id})));
  const sum = (name) => nodes.reduce((total, node) => total + node[name], 0);
  const sentence = !nodes.length ? null : behind
    ? h("div", {className: "notice"}, `${behind} of ${nodes.length} nodes do not serve revision ${newest} yet.`)
    : h("div", {className: "done"}, nodes.length === 1 ? `The node serves revision ${newest}, the newest.` : `All ${nodes.length} nodes serve revision ${newest}, the newest.`);
  return [sentence,
    nodes.length > 0 && h("div", {className: "cards"}, tile("Nodes", format.number(nodes.length), behind ? `${behind} behind` : "all up to date", behind && "bad"),
      tile("Workers", `${sum("workers_alive")} / ${sum("workers")}`, "alive", sum("workers_alive") < sum("workers") && "bad"),
      tile("Newest revision", String(newest), h("a", {href: `#history/${newest}`}, "what it changed")),
      tile("Refused objects", format.number(refused.length), refused.length ? "see below" : "everything is served", refused.length && "bad")),
    h("div", {className: "block"}, table([
      {title: "Node", cell: (row) => [row.id, row.hostname && h("span", {className: "sub"}, row.hostname)], sort: (row) => row.id},
      {title: "State", cell: (row) => silent[row.id] ? [badge("bad", "silent"), h("span", {className: "sub"}, silent[row.id])] : row.draining ? badge("warn", "draining") : row.workers_alive < row.workers ? badge("warn", "short of workers") : badge("good", "serving")},
      {title: "Revision", number: true, cell: (row) => h("span", {className: row.applied_revision < newest ? "warn" : ""}, String(row.applied_revision)), sort: (row) => row.applied_revision},
      {title: "Workers", number: true, cell: (row) => `${row.workers_alive} / ${row.workers}`},
      {title: "Serves", cell: (row) => h("span", {className: "mono"}, row.http_address)},
      {title: "Configuration from", cell: (row) => row.source},
      {title: "Version", cell: (row) => row.version},
      {title: "Up for", number: true, cell: (row) => format.ago(row.started_at), sort: (row) => -row.started_at},
    ], nodes, {caption: "Nodes", empty: ["No node is registered", "Start one with tollhouse-dataplane, or everything with gatewayctl up."]}),
    refused.length > 0 && table([
      {title: "Object", cell: (row) => h("a", {href: `#config/${row.kind}/${encodeURIComponent(row.id)}`}, `${row.kind}/${row.id}`)},
      {title: "Node", cell: (row) => row.node}, {title: "Why", cell: (row) => row.reason},
      {title: "Instead", cell: (row) => row.kept_revision ? `version ${row.kept_revision} is served on` : "it is not served"},
    ], refused, {caption: "Refused objects"}))];
}
