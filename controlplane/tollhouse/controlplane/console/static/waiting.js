// How many people wait for a decision, beside the page that decides.

import {get} from "./api.js";
import {h} from "./dom.js";

const EVERY_MS = 15000;
let timer = 0;

/** Count again now, and then from time to time while somebody looks. */
export async function countWaiting() {
  clearTimeout(timer);
  const link = document.querySelector("nav [data-page=approvals]");
  if (!link) return;
  if (!document.hidden) {
    const waiting = await get("admin/approvals?state=pending").then((told) => told.list.length, () => 0);
    link.querySelector(".count")?.remove();
    if (waiting) link.append(h("span", {className: "count", "aria-label": `${waiting} waiting`}, String(waiting)));
  }
  clearTimeout(timer);
  timer = setTimeout(countWaiting, EVERY_MS);
}
