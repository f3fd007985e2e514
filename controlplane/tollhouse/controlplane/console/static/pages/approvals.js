import {admin, get} from "../api.js";
import {badge, done, failed, format, h, load, replace, select} from "../dom.js";
import {table} from "../table.js";
import {countWaiting} from "../waiting.js";

export const ABOUT = "Budgets that ran out and ask for more. A grant is good for a time; whoever decides first has decided.";
const STATES = [["pending", "Waiting"], ["approved", "Approved"], ["denied", "Denied"], ["revoked", "Revoked"], ["expired", "Expired"], ["", "All"]];
const KIND = {pending: "warn", approved: "good", denied: "bad", revoked: "", expired: ""};
const TIMES = [["", "as the budget says"], ["1h", "1 hour"], ["2h", "2 hours"], ["8h", "8 hours"], ["1d", "1 day"]];
const amount = (one, value) => value === undefined || value === null || value === "" ? "–" : one.unit === "usd" ? format.usd(Number(value)) : `${format.number(Number(value))} ${Number(value) === 1 ? one.unit.replace(/s$/, "") : one.unit}`;

export async function render(root, {session, rest, tools}) {
  const state = select("State", STATES, rest[0] ?? "pending", fill);
  const said = h("div"), place = h("div");
  replace(tools, state, h("button", {type: "button", onclick: fill}, "Look again"));
  replace(root, said, place);
  const ask = async () => (await get(`admin/approvals${state.value ? `?state=${state.value}` : ""}`)).list.map((one) => one.value);
  function fill() { return load(place, ask, view); }

  function view(list) {
    const empty = state.value === "pending" ? ["Nobody waits for a decision", "A budget with on_exceed: escalate asks here when it is spent."] : ["There are none", "Choose another state to see others."];
    return table([
      {title: "Asked", className: "nowrap", cell: (one) => [format.when(one.opened_at), h("span", {className: "sub"}, one.state === "pending" ? `${format.span(Math.max(0, one.expires_at - Date.now() / 1000))} left to decide` : `${format.ago(one.opened_at)} ago`)]},
      {title: "Budget", cell: (one) => [h("a", {href: `#config/budgets/${encodeURIComponent(one.budget)}`}, one.budget), h("span", {className: "sub"}, one.key.slice(one.budget.length + 1).replaceAll("|", ", "))]},
      {title: "Who asks", cell: (one) => [one.context.consumer || "unknown", h("span", {className: "sub"}, [one.context.model, one.context.session && `session ${one.context.session}`, one.context.held && "the client waits"].filter(Boolean).join(" · "))]},
      {title: "Used of limit", number: true, cell: (one) => `${amount(one, one.used)} / ${amount(one, one.limit)}`},
      {title: "Needs", number: true, cell: (one) => amount(one, one.needed)},
      {title: "State", cell: (one) => [badge(KIND[one.state] ?? "", one.state), one.decided_by && h("span", {className: "sub"}, `${one.decided_by}${one.granted ? `: ${amount(one, one.granted)}` : ""}${one.until ? ` until ${format.when(one.until)}` : ""}`), one.note && h("span", {className: "sub"}, `“${one.note}”`)]},
      {title: "", className: "tight", cell: (one) => actions(one)},
    ], list, {empty});
  }

  function actions(one) {
    if (!session.writes.includes("approvals")) return "";
    if (one.state === "pending") return h("span", {className: "tools"}, h("button", {type: "button", className: "small main", onclick: () => form(one, "approve")}, "Approve…"), h("button", {type: "button", className: "small danger", onclick: () => form(one, "deny")}, "Deny…"));
    return one.state === "approved" && one.active ? h("button", {type: "button", className: "small danger", onclick: () => form(one, "revoke")}, "Revoke…") : "";
  }

  function form(one, verb) {
    const sum = h("input", {id: "approve-amount", inputmode: "decimal", value: one.suggested || one.needed || ""}), time = select("For how long", TIMES, "", () => {}), note = h("input", {id: "approve-note", maxlength: "200"});
    const field = (label, control, id) => h("div", {className: "field"}, h("label", {className: "name", for: id}, label), h("div", {className: "control"}, control));
    const send = async (event) => {
      event.preventDefault();
      const body = {};
      if (verb === "approve" && sum.value.trim()) body.amount = sum.value.trim();
      if (verb !== "revoke" && time.value) body.for = time.value;
      if (note.value.trim()) body.note = note.value.trim();
      try {
        const told = (await admin("POST", `approvals/${encodeURIComponent(one.id)}/${verb}`, body)).body.value;
        replace(said, done(badge(KIND[told.state] ?? "", told.state), `${one.budget} for ${one.context.consumer || "everybody"}${told.granted ? `: ${amount(one, told.granted)} more${told.until ? ` until ${format.when(told.until)}` : ""}` : ""}.`));
      } catch (error) {
        replace(said, failed(error));
      }
      await fill();
      countWaiting();
    };
    const title = {approve: `Grant more to ${one.budget}`, deny: `Deny ${one.budget}`, revoke: `End the grant to ${one.budget} now`}[verb];
    replace(said, h("form", {className: "group-box form", onsubmit: send}, h("div", {className: "box-head"}, title),
      verb === "approve" && field(`Amount (${one.unit})`, sum, "approve-amount"), verb !== "revoke" && field("For", time), field("Note", note, "approve-note"),
      h("p", {className: "tools"}, h("button", {type: "submit", className: verb === "approve" ? "main" : "danger"}, {approve: "Approve", deny: "Deny", revoke: "Revoke"}[verb]), h("button", {type: "button", onclick: () => replace(said)}, "Leave it"))));
    said.querySelector("input, select").focus();
    said.scrollIntoView({block: "nearest"});
  }
  await fill();
  const timer = setInterval(() => { if (!document.hidden && !said.querySelector("form") && !place.querySelector("[role=alert]")) ask().then((list) => replace(place, view(list)), () => {}); }, 10000);
  return () => clearInterval(timer);
}
