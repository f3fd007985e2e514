// The kill switch of an agent, a team or everybody: its state in a word, and the way to throw it.

import {admin} from "../api.js";
import {badge, done, failed, h, replace} from "../dom.js";
import {effect} from "../live.js";

const ID = {agent: (name) => `consumer.${name}`, team: (name) => `group.${name}`, everyone: () => "everyone"};
const VALUE = {agent: (name) => ({consumer: name}), team: (name) => ({consumer_group: name}), everyone: () => ({everyone: true})};
const CALLED = {agent: (name) => name, team: (name) => `team ${name}`, everyone: () => "everybody"};
const MEANS = {agent: "Every request of it is refused, on all nodes, from now on.", team: "Every request of its agents, and of the teams below it, is refused, on all nodes, from now on.",
  everyone: "Every request to a route that serves models is refused, whoever sends it, on all nodes, from now on."};

export const teamLink = (name) => h("a", {href: `#agents/team/${encodeURIComponent(name)}`}, name);

/** Whether somebody may call, and if not, which switch says so. */
export function state(stop, team) {
  if (!stop) return badge("good", "yes");
  if (stop.by === "team" && stop.of === team) return badge("bad", "stopped");
  if (stop.by === "everyone") return badge("bad", "everybody stopped");
  return stop.by === "team" ? [badge("bad", "team stopped"), h("span", {className: "sub"}, teamLink(stop.of))] : badge("bad", "stopped");
}

/** A name stays as it is written. */
const sentence = (called) => called.replace(/^(everybody|team )/, (word) => word[0].toUpperCase() + word.slice(1));

/** The switches of a page: `said` is where questions and answers stand, `again` draws the page anew. */
export function switches(session, said, again) {
  const may = session.writes.includes("stops"), mayResume = session.deletes.includes("stops");

  /** A button to stop or resume; nothing where another switch is the one that holds, or the session may only look. */
  function button(kind, name, stop, long) {
    const own = stop && (kind === "everyone" || stop.by === kind && stop.of === name);
    const called = CALLED[kind](name);
    if (kind === "everyone" && session.narrowed) return null;
    if (own) return mayResume && h("button", {type: "button", className: long ? "main" : "small", "aria-label": `Resume ${called}`, onclick: () => resume(called, stop)}, long ? `Resume ${called}` : "Resume");
    return may && !stop && h("button", {type: "button", className: long ? "danger" : "small danger", "aria-label": `Stop ${called}`, onclick: () => ask(kind, name)}, long ? `Stop ${called}…` : "Stop");
  }

  function ask(kind, name) {
    const called = CALLED[kind](name), before = document.activeElement;
    const why = h("input", {id: "why", maxlength: "200", size: "40", placeholder: "why (callers are told)", "aria-label": "Why; callers are told"});
    const leave = () => { replace(said); before?.focus?.(); };
    replace(said, h("form", {className: "problem", role: "alertdialog", "aria-label": `Stop ${called}?`, onkeydown: (event) => { if (event.key === "Escape") leave(); },
      onsubmit: (event) => { event.preventDefault(); stop(kind, name, why.value.trim()); }},
    h("strong", null, `Stop ${called}?`), h("span", {className: "grow"}, MEANS[kind]), why,
    h("button", {type: "submit", className: "danger"}, "Stop it"), h("button", {type: "button", onclick: leave}, "Leave it")));
    why.focus();
    said.scrollIntoView({block: "nearest"});
  }

  const stop = (kind, name, why) => carryOut(async () => admin("PUT", `stops/${ID[kind](name)}`, {...VALUE[kind](name), desc: why || "stopped in the console"}), `${sentence(CALLED[kind](name))} is stopped.`);
  const resume = (called, own) => carryOut(() => admin("DELETE", `stops/${encodeURIComponent(own.id)}`), `${sentence(called)} is served again.`);

  async function carryOut(write, told) {
    try {
      const written = await write();
      const reached = await effect(Number(written.revision));
      await again();
      replace(said, done(told, " ", reached));
    } catch (error) {
      replace(said, failed(error));
    }
  }

  /** A box that says what holds and has the button. */
  function box(kind, name, stop) {
    const whose = stop && (stop.by === "agent" ? "Its own switch is on" : stop.by === "team" ? ["The switch of team ", teamLink(stop.of), " is on"] : "The switch of everybody is on");
    return h("div", {className: stop ? "problem switch" : "panel switch"}, h("strong", null, stop ? "May not call. " : "May call. "),
      h("span", {className: "grow"}, stop ? [whose, stop.desc && `: ${stop.desc}`] : "No kill switch is on."), button(kind, name, stop, true));
  }

  return {button, box};
}
