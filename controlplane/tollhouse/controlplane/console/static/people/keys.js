// Keys of an agent: issued (shown once), rotated with an overlap, revoked. What gatewayctl keys does, and as it does it:
// the key is made here, and the gateway keeps its digest.

import {admin, get} from "../api.js";
import {badge, done, failed, format, h, load, replace, select} from "../dom.js";
import {effect} from "../live.js";
import {table} from "../table.js";

const KINDS = [["key-auth", "API key"], ["jwt-auth", "secret for tokens (JWT)"], ["hmac-auth", "secret for signatures (HMAC)"]];
const LIVES = [[0, "until it is revoked"], [86400, "1 day"], [30 * 86400, "30 days"], [90 * 86400, "90 days"], [365 * 86400, "1 year"]];
const OVERLAPS = [[0, "ends at once"], [3600, "is good for another hour"], [86400, "is good for another day"], [7 * 86400, "is good for another week"]];
const moment = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19) + "+00:00";

function random(bytes) {
  const drawn = crypto.getRandomValues(new Uint8Array(bytes));
  return btoa(String.fromCharCode(...drawn)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const hex = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((one) => one.toString(16).padStart(2, "0")).join("");

function plugin(kind, agent, id, key) {
  if (kind === "key-auth") return [{key}, ""];
  const name = `${agent}-${id}`;
  return kind === "jwt-auth" ? [{key: name, secret: key}, `claim key: ${name}, HS256`] : [{key_id: name, secret_key: key}, `keyId: ${name}`];
}

const ending = (seconds) => { const at = Math.floor(Date.now() / 1000) + seconds; return {expires_at: at, labels: {expires: moment(at)}}; };

export function keys(session, agent, known, inline) {
  const base = `consumers/${encodeURIComponent(agent)}/credentials`, may = session.writes.includes("credentials");
  const said = h("div", {"aria-live": "polite"}), place = h("div");
  const fill = () => load(place, async () => (await get(`agents/${encodeURIComponent(agent)}`)).keys, view);

  function view(list) {
    const rows = [...list.sort((one, other) => (other.create_time || 0) - (one.create_time || 0)), ...inline.map((name) => ({id: "", plugins: [name], inline: true}))];
    return table([
      {title: "Key", cell: (row) => row.inline ? [h("a", {href: `#config/consumers/${encodeURIComponent(agent)}`}, "in the agent's own object"), h("span", {className: "sub"}, "change it there")] : [h("code", null, row.id), row.desc && h("span", {className: "sub"}, row.desc)]},
      {title: "Recognised by", cell: (row) => row.plugins.map((name) => h("span", {className: "tag"}, name))},
      {title: "Since", className: "nowrap", cell: (row) => row.create_time ? format.when(row.create_time) : ""},
      {title: "Good", className: "nowrap", cell: (row) => good(row)},
      {title: "", className: "tight", cell: (row) => may && !row.inline && h("span", {className: "tools"},
        KINDS.some(([kind]) => row.plugins.includes(kind)) && h("button", {type: "button", className: "small", "aria-label": `Rotate ${row.id}`, onclick: () => rotating(row)}, "Rotate…"),
        h("button", {type: "button", className: "small danger", "aria-label": `Revoke ${row.id}`, onclick: () => revoking(row)}, "Revoke…"))},
    ], rows, {empty: ["It has no keys", "Without one nobody recognises it."]});
  }

  function good(row) {
    if (!row.expires_at) return row.inline ? "" : "until it is revoked";
    const left = row.expires_at - Date.now() / 1000;
    return [badge(left < 7 * 86400 ? "warn" : "", left > 0 ? `for ${format.span(left)}` : "over"), h("span", {className: "sub"}, `until ${format.when(row.expires_at)}`)];
  }

  function issuing() {
    const kind = select("Kind", KINDS, "key-auth", () => {}), life = select("Good for", LIVES, 90 * 86400, () => {}), what = h("input", {maxlength: "100", size: "28", placeholder: "what it is for", "aria-label": "What it is for"});
    form("Issue a key", [kind, life, what], "Issue", "main", async () => {
      const {shown} = await issue(kind.value, Number(life.value), what.value.trim());
      replace(said, shown);
    });
  }

  async function issue(kind, seconds, desc) {
    const id = `key-${hex(4)}`, key = `tlh-${random(32)}`;
    const [config, public_] = plugin(kind, agent, id, key);
    const told = await admin("PUT", `${base}/${id}${seconds ? `?ttl=${seconds}` : ""}`, {plugins: {[kind]: config}, ...(desc ? {desc} : {}), ...(seconds ? ending(seconds) : {})}, {"If-None-Match": "*"});
    return {shown: once(id, key, public_, await effect(Number(told.revision)))};
  }

  /** The one time a key is seen. */
  function once(id, key, public_, sentence) {
    const field = h("input", {id: "new-key", className: "mono", readonly: true, value: key, size: String(key.length + 2), "aria-label": `The key ${id}`, onfocus: () => field.select()});
    const copy = h("button", {type: "button", className: "main", onclick: async () => {
      field.select();
      const copied = navigator.clipboard ? await navigator.clipboard.writeText(key).then(() => true, () => false) : document.execCommand("copy");
      copy.textContent = copied ? "Copied" : "Copy it by hand";
    }}, "Copy");
    return h("div", {className: "done once", role: "status"}, h("strong", null, `This is ${id}. It is not shown again.`), field, copy, h("button", {type: "button", onclick: () => replace(said)}, "I have it"),
      h("span", {className: "hint"}, [public_, sentence].filter(Boolean).join(" · ")));
  }

  function rotating(row) {
    const kind = KINDS.find(([name]) => row.plugins.includes(name))[0], life = select("The new one is good for", LIVES, row.expires_at ? 90 * 86400 : 0, () => {}), overlap = select("The old one", OVERLAPS, 3600, () => {});
    form(`Rotate ${row.id}`, ["A new key of its kind", life, "the old one", overlap], "Rotate", "main", async () => {
      const {shown} = await issue(kind, Number(life.value), row.desc);
      const seconds = Number(overlap.value);
      if (!seconds) await admin("DELETE", `${base}/${row.id}`);
      else {
        const stored = await admin("GET", `${base}/${row.id}`);
        const {id: _id, create_time: _created, update_time: _updated, ...kept} = stored.body.value;
        const end = ending(seconds);
        await admin("PUT", `${base}/${row.id}?ttl=${seconds}`, {...kept, ...end, labels: {...kept.labels, ...end.labels}}, {"If-Match": stored.etag});
      }
      replace(said, shown);
    });
  }

  function revoking(row) {
    form(`Revoke ${row.id}?`, ["Whoever shows it is refused, on all nodes, from now on."], "Revoke it", "danger", async () => {
      const told = await admin("DELETE", `${base}/${row.id}`);
      replace(said, done(`${row.id} is revoked. `, await effect(Number(told.revision))));
    });
  }

  function form(title, parts, verb, className, carryOut) {
    const before = document.activeElement, leave = () => { replace(said); before?.focus?.(); };
    const button = h("button", {type: "submit", className}, verb);
    const send = async (event) => {
      event.preventDefault();
      button.disabled = true;
      await carryOut().catch((error) => replace(said, failed(error)));
      await fill();
    };
    replace(said, h("form", {className: className === "danger" ? "problem" : "notice ask", role: className === "danger" ? "alertdialog" : null, "aria-label": title, onsubmit: send, onkeydown: (event) => { if (event.key === "Escape") leave(); }},
      h("strong", null, title), parts.map((one) => typeof one === "string" ? h("span", null, one) : one), button, h("button", {type: "button", onclick: leave}, "Leave it")));
    (said.querySelector("select, input") || said.querySelector("button")).focus();
    said.scrollIntoView({block: "nearest"});
  }

  replace(place, view(known));
  return h("section", {"aria-label": "Keys"}, h("div", {className: "tools between"}, h("h2", null, "Keys ", h("small", null, "kept as digests: nobody can look at one again")), may && h("button", {type: "button", onclick: issuing}, "Issue a key…")), said, place);
}
