// How far a write got: nodes follow within a moment, and whoever stops somebody wants to know that they did.

import {get} from "./api.js";

const WAIT_MS = 5000, STEP_MS = 150;

/** Waits until every node serves a revision, for some seconds. A sentence about it. */
export async function effect(revision) {
  const begun = performance.now();
  for (;;) {
    const told = await get("fleet").catch(() => null);
    const took = (performance.now() - begun) / 1000;
    if (!told) return `Written as revision ${revision}.`;
    const behind = told.nodes.filter((node) => node.applied_revision < revision);
    if (!told.nodes.length) return `Written as revision ${revision}; no node is there to serve it.`;
    if (!behind.length) return `In effect on ${told.nodes.length === 1 ? "the node" : `all ${told.nodes.length} nodes`} after ${took.toFixed(1)} s (revision ${revision}).`;
    if (took * 1000 > WAIT_MS) return `Written as revision ${revision}; ${behind.map((node) => node.id).join(", ")} ${behind.length === 1 ? "does" : "do"} not serve it yet.`;
    await new Promise((then) => setTimeout(then, STEP_MS));
  }
}
