// Small drawings beside the names of pages. Each is one path on a field of 24 by 24.

const PATHS = {
  brand: "M4 20V9l8-5 8 5v11M9 20v-6h6v6M2 20h20",
  overview: "M3 3h7v9H3zM14 3h7v5h-7zM14 12h7v9h-7zM3 16h7v5H3z",
  live: "M2 12h4l3-8 5 16 3-8h5",
  requests: "M4 5h16M4 10h16M4 15h10M4 20h7",
  spend: "M12 2v20M17 6.5C16 5 14 4.5 12 4.5c-3 0-5 1.5-5 3.6 0 5 10 2.7 10 7.6 0 2.3-2.2 3.8-5 3.8-2.4 0-4.3-.8-5.3-2.4",
  agents: "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21c0-4 3-6.5 7-6.5s7 2.5 7 6.5M16 3.5a4 4 0 0 1 0 7.3M18.5 15c2.2.9 3.5 3 3.5 6",
  budgets: "M12 21a9 9 0 1 1 9-9M12 12l5-5M21 17h-6M18 14v6",
  approvals: "M9 11l3 3 8-8M20 12v7a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2h10",
  verdicts: "M12 3l8 3v6c0 5-3.4 8-8 9-4.6-1-8-4-8-9V6zM9 12l2 2 4-4",
  targets: "M4 5h16v5H4zM4 14h16v5H4zM8 7.5h.01M8 16.5h.01M12 7.5h5M12 16.5h5",
  config: "M4 6h10M18 6h2M4 12h2M10 12h10M4 18h8M16 18h4M16 4v4M8 10v4M14 16v4",
  explain: "M9.1 9a3 3 0 0 1 5.8 1c0 2-3 2.6-3 4M12 18h.01M12 22a10 10 0 1 0 0-20 10 10 0 0 0 0 20z",
  history: "M3 12a9 9 0 1 0 3-6.7L3 8M3 3v5h5M12 7v5l3.5 2",
  fleet: "M12 3v6M6 21v-5h12v5M12 9a3 3 0 0 0 0 7M12 9a3 3 0 0 1 0 7M4 21h4M16 21h4",
};
const SVG = "http://www.w3.org/2000/svg";

export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  for (const [key, value] of [["class", "icon"], ["viewBox", "0 0 24 24"], ["aria-hidden", "true"]]) drawing.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] || PATHS.requests);
  drawing.append(path);
  return drawing;
}
