// The frame: signing in, the menu, and which page is shown.

import {call, get, keepToken} from "./api.js";
import {failed, h, replace} from "./dom.js";

const PAGES = [
  ["overview", "Overview"], ["live", "Live requests", "Live"], ["spend", "Spend"], ["agents", "Agents"], ["targets", "Models and targets", "Targets"],
  ["config", "Configuration"], ["history", "History"], ["fleet", "Fleet"], ["explain", "Explain"],
];
const app = document.getElementById("app");
let leave = () => {};
let session = null;

function signIn(message) {
  leave();
  leave = () => {};
  session = null;
  document.title = "Sign in – Tollhouse";
  const key = h("input", {id: "key", type: "password", autocomplete: "current-password", required: true, autofocus: true});
  const said = h("p", {className: "said", role: "alert"}, message || "");
  const button = h("button", {type: "submit", className: "main"}, "Sign in");
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
  }}, h("h1", null, "Tollhouse"), h("label", {for: "key"}, "Admin key"), key, button, said,
  h("p", {className: "hint"}, "The key that TOLLHOUSE_ADMIN_KEY holds, or, after ", h("code", null, "gatewayctl up"), ", the file ",
    h("code", null, ".tollhouse/admin.key"), ". A viewer's key works too, and may only look."));
  replace(app, h("main", {className: "centre"}, form));
  key.focus();
}

function begin(told) {
  session = told;
  keepToken(told.csrf);
  const links = PAGES.map(([name, title, short]) => h("a", {href: `#${name}`, "data-page": name}, short || title));
  const menu = h("nav", {id: "menu", "aria-label": "Pages"}, links);
  const opener = h("button", {type: "button", className: "opener", "aria-expanded": "false", "aria-controls": "menu", onclick: () => {
    opener.setAttribute("aria-expanded", String(menu.classList.toggle("open")));
  }}, "Menu");
  menu.addEventListener("click", () => { menu.classList.remove("open"); opener.setAttribute("aria-expanded", "false"); });
  const out = h("button", {type: "button", onclick: async () => {
    await call("DELETE", "session").catch(() => {});
    signIn("You are signed out.");
  }}, "Sign out");
  replace(app, h("a", {className: "skip", href: "#content", onclick: (event) => { event.preventDefault(); document.getElementById("content").focus(); }}, "Skip to the page"),
    h("header", null, h("span", {className: "brand"}, "Tollhouse"), opener, menu,
      h("span", {className: "who"}, `${told.name} (${told.role})`, out)),
    h("main", {id: "content", tabindex: "-1"}));
  show();
}

async function show() {
  if (!session) return;
  leave();
  leave = () => {};
  const [name, ...rest] = (location.hash.slice(1) || "overview").split("/");
  const page = PAGES.find(([known]) => known === name);
  const main = document.getElementById("content");
  for (const link of document.querySelectorAll("nav a"))
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  if (!page) {
    replace(main, h("h1", null, "There is no such page"), h("p", null, h("a", {href: "#overview"}, "To the overview")));
    return;
  }
  document.title = `${page[1]} – Tollhouse`;
  const root = h("div");
  replace(main, h("h1", null, page[1]), root);
  try {
    const module = await import(`./pages/${name}.js`);
    const ended = await module.render(root, {session, rest: rest.map(decodeURIComponent)});
    if (typeof ended === "function") leave = ended;
  } catch (error) {
    if (error.status !== 401) replace(root, failed(error, show));
  }
}

window.addEventListener("hashchange", show);
window.addEventListener("signed-out", () => { if (session) signIn("Your session is over. Sign in again."); });
get("session").then((told) => told.name ? begin(told) : signIn(), (error) => signIn(error.message));
