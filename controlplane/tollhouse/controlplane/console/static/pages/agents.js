import {h} from "../dom.js";
import {agent} from "../people/agent.js";
import {agents} from "../people/list.js";
import {team, teams} from "../people/teams.js";

export const ABOUT = "Who calls, alone and as teams: what each did in the last hour, what it may spend, its keys, and its kill switch. Callers without a consumer are counted by a fingerprint of the key they showed.";

/** #agents, #agents/<filters>, #agents/one/<name>, #agents/teams, #agents/team/<id> */
export async function render(root, page) {
  const [what = "", ...more] = page.rest, name = more.join("/");
  const tabs = (now) => h("div", {className: "segments", role: "navigation", "aria-label": "Agents or teams"}, [["agents", "#agents", "Agents"], ["teams", "#agents/teams", "Teams"]].map(([one, href, title]) => h("a", {href, "aria-current": one === now && "page"}, title)));
  if (what === "one") return agent(root, {...page, name});
  if (what === "team") return team(root, {...page, name});
  if (what === "teams") return teams(root, {...page, tabs});
  return agents(root, {...page, tabs, wanted: new URLSearchParams(what)});
}
