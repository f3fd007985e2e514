import {admin, get} from "../api.js";
import {failed, format, h, load, replace, table} from "../dom.js";

const SIZE = 100;

export async function render(root, {rest, session}) {
  const page = Math.max(1, Number(rest[0]) || 1);
  const place = h("div"), budgets = h("div"), said = h("div");
  replace(root, h("p", {className: "note"}, "Consumers, with what each did in the last hour. Callers without a consumer are counted by a fingerprint of the key they showed."),
    said, place, h("h2", null, "Budgets"), budgets);

  const fill = () => load(place, async () => {
    const [listed, did, stops] = await Promise.all([admin("GET", `consumers?page=${page}&page_size=${SIZE}`), get("agents"), admin("GET", "stops")]);
    return {consumers: listed.body.list, total: listed.body.total, did, stops: stops.body.list.map((one) => one.value)};
  }, shown);

  function shown({consumers, total, did, stops}) {
    const known = new Set(consumers.map((one) => one.value.username));
    const others = page === 1 ? Object.values(did).filter((row) => !known.has(row.name) && row.name.startsWith("key-")) : [];
    const rows = [...consumers.map((one) => ({...did[one.value.username], name: one.value.username, value: one.value})), ...others];
    const pages = Math.max(1, Math.ceil(total / SIZE));
    return [
      table([
        {title: "Agent", cell: (row) => row.value ? h("a", {href: `#config/consumers/${encodeURIComponent(row.name)}`}, row.name) : row.name},
        {title: "Group", cell: (row) => row.value && row.value.group_id},
        {title: "Requests", number: true, cell: (row) => format.number(row.requests || 0)},
        {title: "Errors", number: true, cell: (row) => h("span", {className: row.errors ? "bad" : ""}, format.number(row.errors || 0))},
        {title: "Tokens", number: true, cell: (row) => format.number(row.tokens || 0)},
        {title: "USD", number: true, cell: (row) => format.usd(row.cost || 0)},
        {title: "May call", cell: (row) => row.value && allowed(row.name, stops)},
        {title: "What it is", cell: (row) => row.value ? row.value.desc : "no consumer has this key"},
      ], rows, "There are no agents yet. A consumer is one: add it under Configuration, or with gatewayctl apply.", `${format.number(total)} agents`),
      pages > 1 && h("p", {className: "tools"}, page > 1 && h("a", {href: `#agents/${page - 1}`}, "Before"), `Page ${page} of ${pages}`, page < pages && h("a", {href: `#agents/${page + 1}`}, "Next")),
    ];
  }

  function allowed(name, stops) {
    const wide = stops.find((one) => one.everyone), own = stops.find((one) => one.consumer === name);
    const state = wide ? h("span", {className: "bad"}, "no: everybody is stopped")
      : own ? h("span", {className: "bad"}, own.desc ? `no: ${own.desc}` : "no: stopped") : h("span", {className: "ok"}, "yes");
    if (!session.may_write || wide) return state;
    return [state, " ", own ? h("button", {type: "button", "aria-label": `Resume ${name}`, onclick: () => switched(name, own)}, "Resume")
      : h("button", {type: "button", className: "danger", "aria-label": `Stop ${name}`, onclick: () => ask(name)}, "Stop")];
  }

  function ask(name) {
    replace(said, h("div", {className: "problem"}, `Refuse every request of ${name}, on all nodes, from now on? `,
      h("button", {type: "button", className: "danger", onclick: () => switched(name, null)}, "Stop it"),
      h("button", {type: "button", onclick: () => replace(said)}, "Leave it")));
    said.scrollIntoView({block: "nearest"});
  }

  async function switched(name, own) {
    try {
      const done = own ? await admin("DELETE", `stops/${own.id}`) : await admin("PUT", `stops/consumer.${name}`, {consumer: name, desc: "stopped in the console"});
      replace(said, h("p", {className: "done", role: "status"}, `${name} is ${own ? "served again" : "stopped"} (revision ${done.revision}).`));
      await fill();
    } catch (error) {
      replace(said, failed(error));
    }
  }

  await Promise.all([fill(), load(budgets, () => get("budgets"), standing)]);
}

function standing({budgets, silent}) {
  const amount = (row, value) => row.unit === "usd" ? format.usd(value) : `${format.number(value)} ${row.unit}`;
  return [
    Object.entries(silent).map(([node, why]) => h("div", {className: "problem"}, h("strong", null, `Node ${node} does not answer. `), why)),
    table([
      {title: "Budget", cell: (row) => h("a", {href: `#config/budgets/${encodeURIComponent(row.budget)}`}, row.budget)},
      {title: "For", cell: (row) => row.key === row.budget ? "all it covers" : row.key.slice(row.budget.length + 1)},
      {title: "Limit", number: true, cell: (row) => `${amount(row, row.limit)} / ${row.window}`},
      {title: "Spent", number: true, cell: (row) => amount(row, row.spent)},
      {title: "Of it", number: true, cell: (row) => h("span", {className: row.spent >= row.limit * 0.9 ? "bad" : ""}, format.percent(row.spent / row.limit))},
      {title: "Reserved", number: true, cell: (row) => amount(row, row.reserved)},
      {title: "Begins anew", cell: (row) => row.resets ? format.when(row.resets) : ""},
      {title: "Enforced", cell: (row) => row.enforced ? "yes" : "no, only counted"},
    ], budgets, "There are no budgets yet. One says how much may be spent, by whom, in which time.", "Budgets"),
  ];
}
