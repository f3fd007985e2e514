import {admin, get} from "../api.js";
import {format, h, load, replace, table} from "../dom.js";

const SIZE = 100;

export async function render(root, {rest}) {
  const page = Math.max(1, Number(rest[0]) || 1);
  const place = h("div");
  replace(root, h("p", {className: "note"}, "Consumers, with what each did in the last hour. Callers without a consumer are counted by a fingerprint of the key they showed."), place);
  await load(place, async () => {
    const [listed, did] = await Promise.all([admin("GET", `consumers?page=${page}&page_size=${SIZE}`), get("agents")]);
    return {consumers: listed.body.list, total: listed.body.total, did};
  }, ({consumers, total, did}) => {
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
        {title: "What it is", cell: (row) => row.value ? row.value.desc : "no consumer has this key"},
      ], rows, "There are no agents yet. A consumer is one: add it under Configuration, or with gatewayctl apply.", `${format.number(total)} agents`),
      pages > 1 && h("p", {className: "tools"}, page > 1 && h("a", {href: `#agents/${page - 1}`}, "Before"), `Page ${page} of ${pages}`, page < pages && h("a", {href: `#agents/${page + 1}`}, "Next")),
    ];
  });
}
