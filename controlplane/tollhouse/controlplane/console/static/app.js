// The frame: signing in, the menu, and which page is shown.

import {UNANSWERED, call, get, keepToken} from "./api.js";
import {failed, h, replace} from "./dom.js";
import {icon} from "./icons.js";
import {countWaiting} from "./waiting.js";

const GROUPS = [
  ["Watch", [["overview", "Overview"], ["live", "Live requests"], ["requests", "Ledger"], ["spend", "Spend"]]],
  ["Govern", [["agents", "Agents"], ["budgets", "Budgets"], ["approvals", "Approvals"], ["verdicts", "Guard verdicts"]]],
  ["Operate", [["targets", "Models and targets"], ["config", "Configuration"], ["explain", "Explain"], ["history", "History"], ["fleet", "Fleet"]]],
];
const PAGES = GROUPS.flatMap(([, pages]) => pages);
/** Pages of what belongs to a team; the others tell of everybody. */
const NARROWED = new Set(["agents", "budgets", "approvals", "config"]);
const app = document.getElementById("app");
let leave = () => {};
let session = null;
let unsaved = () => false, shownAt = "";

function brand(href) {
  return h(href ? "a" : "div", {className: "brand", href}, icon("brand"), "Tollhouse");
}

function signIn(message) {
  leave();
  leave = () => {};
  session = null;
  document.title = "Sign in – Tollhouse";
  const key = h("input", {id: "key", type: "password", autocomplete: "current-password", required: true, autofocus: true});
  const said = h("p", {className: "said", role: "alert"}, message || "");
  const button = h("button", {type: "submit", className: "main"}, "Sign in");
  const other = h("div");
  const form = h("form", {className: "sign-in", onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      begin((await call("POST", "session", {key: key.value})).body);
    } catch (error) {
      said.textContent = error.status === 401 ? `That key was not accepted: ${error.message}.` : error.message;
      button.disabled = false;
      key.select();
    }
  }}, brand(), h("label", {for: "key"}, "Admin key"), key, button, said, other,
  h("p", {className: "hint"}, "The key that TOLLHOUSE_ADMIN_KEY holds, or, after ", h("code", null, "gatewayctl up"), ", the file ",
    h("code", null, ".tollhouse/admin.key"), ". A viewer's key works too, and may only look."));
  replace(app, h("main", {className: "centre"}, form));
  key.focus();
  offered(other);
}

/** The way through an identity provider, where there is one. */
async function offered(place) {
  const told = await fetch("oidc").then((answer) => answer.json(), () => ({})).catch(() => ({}));
  if (told.offered) replace(place, h("p", {className: "or"}, "or"), h("a", {className: "button wide", href: "oidc/start"}, `Sign in with ${new URL(told.issuer).host}`));
}

function begin(told) {
  session = told;
  keepToken(told.csrf);
  const menu = h("nav", {id: "menu", "aria-label": "Pages"}, GROUPS.map(([group, every]) => [group, every.filter(([name]) => !told.narrowed || NARROWED.has(name))]).filter(([, pages]) => pages.length).map(([group, pages]) => [h("div", {className: "group", "aria-hidden": "true"}, group),
    pages.map(([name, title]) => h("a", {href: `#${name}`, "data-page": name}, icon(name), title))]));
  const opener = h("button", {type: "button", className: "opener", "aria-expanded": "false", "aria-controls": "menu", onclick: () => {
    opener.setAttribute("aria-expanded", String(menu.classList.toggle("open")));
  }}, "Menu");
  menu.addEventListener("click", () => { menu.classList.remove("open"); opener.setAttribute("aria-expanded", "false"); });
  const out = h("button", {type: "button", className: "small", onclick: async () => {
    await call("DELETE", "session").catch(() => {});
    signIn("You are signed out.");
  }}, "Sign out");
  const toContent = (event) => { event.preventDefault(); document.getElementById("content").focus(); };
  const start = told.narrowed ? "#agents" : "#overview";
  replace(app, h("a", {className: "skip", href: "#content", onclick: toContent}, "Skip to the page"),
    h("div", {className: "frame"},
      h("header", {className: "side"}, brand(start), opener, menu,
        h("div", {className: "who"}, h("span", null, h("strong", null, told.name), told.may_write ? told.role : `${told.role}, may only look`), out)),
      h("main", {id: "content", tabindex: "-1"})));
  show();
}

/** Somebody goes elsewhere: at once, or after having been asked, where something was written and not saved. */
function changed() {
  if (!session || !unsaved()) return show();
  const wanted = location.hash, main = document.getElementById("content");
  history.replaceState(null, "", shownAt || "#overview");
  const go = () => { unsaved = () => false; question.remove(); location.hash = wanted; };
  const stay = h("button", {type: "button", className: "main", onclick: () => question.remove()}, "Stay");
  const question = h("div", {id: "unsaved", className: "notice", role: "alertdialog", "aria-label": "Leave without saving?", onkeydown: (event) => { if (event.key === "Escape") question.remove(); }},
    h("strong", null, "What you changed is not saved."), h("span", {className: "grow"}), stay, h("button", {type: "button", onclick: go}, "Leave without saving"));
  document.getElementById("unsaved")?.remove();
  main.prepend(question);
  stay.focus();
  scrollTo(0, 0);
}

async function show() {
  if (!session) return;
  unsaved = () => false;
  shownAt = location.hash;
  leave();
  leave = () => {};
  const [name, ...rest] = (location.hash.slice(1) || (session.narrowed ? "agents" : "overview")).split("/");
  const page = PAGES.find(([known]) => known === name);
  const main = document.getElementById("content");
  countWaiting();
  for (const link of document.querySelectorAll("nav a"))
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  if (!page) {
    replace(main, h("h1", null, "There is no such page"), h("p", null, h("a", {href: "#overview"}, "To the overview")));
    return;
  }
  document.title = `${page[1]} – Tollhouse`;
  const root = h("div"), about = h("p"), title = h("h1", null, page[1]), tools = h("div", {className: "tools"});
  replace(main, h("div", {className: "head"}, h("div", null, title, about), tools), root);
  scrollTo(0, 0);
  if (document.activeElement === document.body) main.focus({preventScroll: true}); // what had the focus is gone
  /** A page about one thing is called like it. */
  const heading = (one) => {
    replace(title, h("a", {href: `#${name}`, className: "crumb"}, page[1]), h("span", {className: "crumb", "aria-hidden": "true"}, "/"), one);
    about.remove();
    document.title = `${one} – ${page[1]} – Tollhouse`;
  };
  try {
    replace(root, h("p", {className: "loading", role: "status"}, "Loading…"));
    const module = await import(`./pages/${name}.js`).catch(() => null);
    if (!module) { // browsers do not ask again for a module they once did not get
      replace(root, failed({message: UNANSWERED}, () => location.reload()));
      return;
    }
    replace(root);
    about.textContent = module.ABOUT || "";
    const ended = await module.render(root, {session, rest: rest.map(decodeURIComponent), tools, heading, hold: (asked) => { unsaved = asked; }});
    if (typeof ended !== "function") return;
    if (root.isConnected) leave = ended;
    else ended(); // somebody went on before the page was there
  } catch (error) {
    if (error.status !== 401) replace(root, failed(error, show));
  }
}

window.addEventListener("hashchange", changed);
window.addEventListener("beforeunload", (event) => { if (session && unsaved()) event.preventDefault(); });
window.addEventListener("signed-out", () => { if (session) signIn("Your session is over. Sign in again."); });
window.addEventListener("keydown", (event) => { // "/" goes to the page's search field
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const search = document.querySelector("main input[type=search]");
  if (search) { event.preventDefault(); search.focus(); }
});

/** What went wrong at the identity provider comes back in the address; an address may also be cut, or made up. */
function refused() {
  if (!location.hash.startsWith("#error=")) return "";
  const said = location.hash.slice("#error=".length);
  history.replaceState(null, "", location.pathname);
  try {
    return decodeURIComponent(said);
  } catch {
    return "Signing in did not work. Try again.";
  }
}
const refusal = refused();
get("session").then((told) => told.name ? begin(told) : signIn(refusal), (error) => signIn(error.message));
