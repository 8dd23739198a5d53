// Shows the state of the server.
import { counted, definitions, element, named, seconds } from "./elements.js";

const LAMPS = { ready: "ready", unready: "not ready", gone: "cannot be reached" };

/** Shows one line at the top of the page: `state` is "ready", "unready" or "gone". */
export function showHealth(state, info) {
  document.getElementById("lamp").className = `lamp ${state}`;
  const lean = info ? ` · Lean ${info.leanVersion.split(",")[0]}` : "";
  document.getElementById("health").textContent = `${LAMPS[state]}${state === "gone" ? "" : lean}`;
}

/** Shows the panel below that line. */
export function showInfo(info) {
  const { load } = info;
  const starting = Math.max(0, info.workers - load.idle - load.busy);
  const most = info.maximumBudget;
  document.getElementById("version").textContent = `leansieve ${info.version}`;
  const about = document.getElementById("about");
  about.replaceChildren(
    element("h2", {}, "Server"),
    definitions([
      ["leansieve", info.version],
      ["Lean", `${info.leanVersion.replace(/(commit \w{8})\w+/, "$1")}, ${info.runtime}`],
      ["workers", `${load.busy} busy, ${load.idle} idle${starting ? `, ${starting} starting` : ""}; ${counted(info.workers, "check")} at once`],
      ["waiting", `${load.queued} in the queue`],
      ["trust", `up to ${named(info.highestTrust, "TRUST_")}`],
      ["proposers", info.samplers.join(", ")],
      ["strategies", info.strategies.map((each) => named(each, "STRATEGY_")).join(", ")],
      ["policies", info.policies.join(", ")],
      ["a search", `at most ${most.proofs} proofs, ${seconds(most.timeout)} s, ${most.samples.toLocaleString("en")} candidates`],
      ["projects", info.projects.map((each) => `${each.name} ${each.leanVersion}`.trim()).join(", ")],
      ["store", info.store ? "proofs are kept" : "nothing is kept"],
    ]),
  );
  if (info.hosts.length) about.append(element("h2", {}, "Hosts"), hosts(info.hosts));
  if (info.models.length) about.append(element("h2", {}, "Models"), models(info.models));
}

function hosts(list) {
  return element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...["host", "workers", "in work"].map((text) => element("th", { scope: "col" }, text)))),
    element(
      "tbody",
      {},
      ...list.map(({ name, live, workers, inWork, problem }) =>
        element("tr", {}, ...[name, problem || `${live} of ${workers}`, inWork].map((text) => element("td", {}, String(text)))),
      ),
    ),
  );
}

/** Return how many of a model's replicas answer, and the errors of the others. */
function replicas(model) {
  if (!model.replicas.length) return [];
  const problems = [...new Set(model.replicas.map(({ problem }) => problem).filter(Boolean))];
  const live = `${model.replicas.filter((each) => each.live).length} of ${model.replicas.length}`;
  return [element("td", {}, [live, ...problems].join("; "))];
}

function models(list) {
  const best = ({ curves }) => {
    const ends = curves.filter((curve) => curve.points.length).map((curve) => [curve, curve.points.at(-1)]);
    if (!ends.length) return "not measured";
    const [curve, last] = ends.reduce((a, b) => (b[1].share > a[1].share ? b : a));
    return `${Math.round(100 * last.share)} % of ${curve.benchmark}, ${last.k} samples`;
  };
  return element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...["model", "α", "solves", ...(list.some(({ replicas }) => replicas.length) ? ["replicas"] : [])].map((text) => element("th", { scope: "col" }, text)))),
    element(
      "tbody",
      {},
      ...list.map((model) =>
        element("tr", {}, element("td", {}, model.name), element("td", {}, model.alpha ?? "–"), element("td", {}, best(model)), ...replicas(model)),
      ),
    ),
  );
}
