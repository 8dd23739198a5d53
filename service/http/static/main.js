// The form: sends requests and shows their answers.
import { Problem, call, events } from "./calls.js";
import { capital, counted, element, named, printable, seconds } from "./elements.js";
import { leanInput } from "./lean-input.js";
import { SearchResults, checkResult, messages } from "./results.js";
import { showHealth, showInfo } from "./status.js";
import { teacher } from "./teacher.js";
import { tutor } from "./tutor.js";

const EXAMPLES = [
  ["arithmetic", "theorem swap (a b : Nat) : a + b = b + a"],
  ["logic", "theorem contrapose (p q : Prop) : (p → q) → ¬q → ¬p"],
  ["lists", "theorem twice {α : Type} (xs : List α) : (xs ++ xs).length = 2 * xs.length"],
  ["divisibility", "theorem divides (a b c : Nat) (h : a ∣ b) : a ∣ b * c"],
];
const TEXTS = ["statement", "header", "context", "proof"];
const POLL_MILLISECONDS = 5000;

const $ = (id) => document.getElementById(id);
// Where a search and a check show their results: next to the button that started them.
const SEARCH = { said: $("said"), found: $("found") };
const CHECK = { said: $("check-said"), found: $("checked") };
let running = null; // aborts the current request
let info = null;
let refused = null; // the token that the server rejected

function theorem() {
  return {
    statement: $("statement").value,
    header: $("header").value,
    context: $("context").value,
    ...($("project").value ? { project: $("project").value } : {}),
  };
}

function options() {
  return {
    budget: { proofs: $("proofs").valueAsNumber, timeout: `${$("seconds").value}s`, samples: $("samples").valueAsNumber },
    minimise: $("minimise").checked,
    minimumTrust: trust(),
    ...($("strategy").value ? { strategy: $("strategy").value } : {}),
    ...($("aim").disabled ? {} : { sampling: { focus: $("focus").valueAsNumber } }),
  };
}

const trust = () => ($("isolated").checked ? "TRUST_ISOLATED_REPLAY" : "TRUST_KERNEL_REPLAYED");

async function search(signal) {
  const asked = { theorem: theorem(), options: options() };
  const { budget } = asked.options;
  const results = new SearchResults(asked.theorem, { ...budget, seconds: seconds(budget.timeout) });
  SEARCH.found.replaceChildren(results.root);
  let ended = false;
  try {
    for await (const [name, data] of events("v1/prove", asked, $("token").value, signal)) {
      const sentence = results.take(name, data);
      if (sentence) say(sentence, SEARCH);
      ended ||= name === "summary";
    }
    if (!ended) throw new Problem("The connection was lost before the search ended.");
  } finally {
    results.stop();
    if (!ended && !results.spent) results.root.remove();
  }
}

async function check(signal) {
  const asked = { theorem: theorem(), proof: $("proof").value, minimumTrust: trust() };
  const { verdict } = await call("v1/check-proof", asked, $("token").value, signal);
  CHECK.found.replaceChildren(checkResult(verdict, asked.theorem, asked.proof));
  say(`Your proof is ${verdict.kind === "VERDICT_KIND_VERIFIED" ? "verified" : `not verified: ${named(verdict.kind, "VERDICT_KIND_")}`}.`, CHECK);
}

/** Runs one request at a time, with a button to cancel it, and shows its result. */
async function run(action, began, place) {
  if (running || !$("ask").reportValidity()) return;
  running = new AbortController();
  if (place === SEARCH) choose(TABS[0]);
  forgive();
  place.found.replaceChildren();
  say(began, place);
  busy(true);
  try {
    await action(running.signal);
    if (place === SEARCH && $("results").getBoundingClientRect().top > innerHeight / 2) $("results").scrollIntoView(); // on a phone
  } catch (error) {
    if (running.signal.aborted) say("Cancelled; the proofs found so far remain.", place);
    else show(error, place);
  } finally {
    running = null;
    busy(false);
    refresh();
  }
  if (place === CHECK) $("verdict").scrollIntoView({ block: "nearest" });
}

function busy(now) {
  const [gone, come] = now ? [$("find"), $("cancel")] : [$("cancel"), $("find")];
  const focused = document.activeElement === gone;
  gone.hidden = true;
  come.hidden = false;
  $("check").disabled = now;
  $("results").setAttribute("aria-busy", String(now));
  if (focused) come.focus();
}

function say(text, place) {
  place.said.textContent = text;
}

// Element of each field of the contract; errors of other fields appear next to the results.
const FIELDS = {
  "theorem.statement": "statement",
  "theorem.header": "header",
  "theorem.context": "context",
  "budget.proofs": "proofs",
  "budget.timeout": "seconds",
  "budget.samples": "samples",
};

function show(error, place) {
  if (!(error instanceof Problem)) throw error;
  say("", place);
  if (error.status === "UNAUTHENTICATED") wantToken();
  const sentence = error.messages.length ? `${error.message.split(/ at [a-z]+ \d|:/)[0]}:` : error.message; // Lean's messages follow
  const problem = element("p", {}, capital(sentence));
  place.found.prepend(element("div", { class: "problem", role: "alert" }, problem, messages(error.messages)));
  for (const { field, description } of error.violations) blame(field.replace(/^options\./, ""), description);
  const first = error.messages.find((each) => each.severity === "SEVERITY_ERROR");
  if (first?.line) pointAt($(named(first.region, "REGION_")), first);
}

function blame(field, text) {
  const id = FIELDS[field];
  if (id === undefined) return;
  $(id).setAttribute("aria-invalid", "true");
  $(`${id}-fault`).textContent = printable(text);
  $(`${id}-fault`).hidden = false;
  const fold = $(id).closest("details");
  if (fold) fold.open = true;
}

function forgive() {
  for (const field of document.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  for (const fault of document.querySelectorAll(".fault")) fault.hidden = true;
}

/** Put the cursor at the place of Lean's message: lines from 1, columns in code points from 0. */
function pointAt(area, { line, column = 0 }) {
  if (!(area instanceof HTMLTextAreaElement)) return;
  const lines = area.value.split("\n");
  const before = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  const at = before + [...(lines[line - 1] ?? "")].slice(0, column).join("").length;
  area.focus();
  area.setSelectionRange(at, at);
}

function wantToken() {
  $("token-field").hidden = false;
  $("token").focus();
}

/** Query the server's health, which needs no token, and its information: once, then periodically while the page is visible. */
async function refresh() {
  let state = "gone";
  const token = $("token").value;
  try {
    const health = await fetch("healthz", { credentials: "same-origin" });
    state = (await health.json()).serving ? "ready" : "unready";
    if (token === refused || !(info === null || $("server").open)) return;
    const first = info === null;
    info = await call("v1/get-server-info", {}, token);
    showInfo(info);
    if (first) offer();
  } catch (error) {
    if (!(error instanceof Problem && error.status === "UNAUTHENTICATED")) return;
    refused = token;
    if ($("token-field").hidden) wantToken();
  } finally {
    showHealth(state, info);
  }
}

/** Shows the server's limits once they are known. */
function offer() {
  const { defaultBudget, maximumBudget, models, strategies, projects } = info;
  for (const [id, value, most] of [
    ["proofs", Math.min(3, maximumBudget.proofs), maximumBudget.proofs],
    ["seconds", seconds(defaultBudget.timeout), seconds(maximumBudget.timeout)],
    ["samples", defaultBudget.samples, maximumBudget.samples],
  ]) {
    $(id).max = most;
    if ($(id).value === $(id).defaultValue) $(id).value = value;
  }
  $("strategy").replaceChildren(
    ...strategies.map((name, at) => element("option", { value: name }, named(name, "STRATEGY_") + (at ? "" : " (default)"))),
  );
  $("project-field").hidden = !projects.length;
  $("project").replaceChildren(
    element("option", { value: "" }, "the server’s own Lean"),
    ...projects.map(({ name }) => element("option", { value: name }, name)),
  );
  $("aim").disabled = !models.length;
  const known = models.map(({ name, alpha }) => (alpha === undefined ? name : `α = ${alpha}`)).join(", ");
  $("focus-help").replaceChildren(
    ...(models.length
      ? [`Chooses among ${counted(models.length, "model")}: ${known}.`]
      : ["This server has no models and proposes only tactics: start it with ", element("code", {}, "--model shipped"), "."]),
  );
}

function showFocus() {
  const value = $("focus").valueAsNumber;
  $("focus-shown").textContent = value.toFixed(2);
  $("focus").setAttribute("aria-valuetext", `${value.toFixed(2)}, ${value < 0.35 ? "coverage" : value > 0.65 ? "precision" : "between coverage and precision"}`);
}

const readProof = tutor({ theorem, token: () => $("token").value });
const lookAtLearners = teacher({ theorem, token: () => $("token").value });
const TABS = [$("tab-results"), $("tab-learn"), $("tab-teach")];
function choose(tab) {
  for (const each of TABS) {
    const chosen = each === tab;
    each.setAttribute("aria-selected", String(chosen));
    each.tabIndex = chosen ? 0 : -1;
    $(each.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (tab.id === "tab-learn") readProof();
  if (tab.id === "tab-teach") lookAtLearners();
}
for (const [at, tab] of TABS.entries()) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const next = TABS[(at + (event.key === "ArrowRight" ? 1 : TABS.length - 1)) % TABS.length];
    choose(next);
    next.focus();
  });
}

for (const id of TEXTS) leanInput($(id));
for (const [name, statement] of EXAMPLES) {
  const fill = () => {
    $("statement").value = statement;
    $("statement").dispatchEvent(new Event("input"));
    $("statement").focus();
  };
  document.querySelector(".examples").append(element("button", { type: "button", onclick: fill }, name));
}
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  run(search, "Asking Lean whether the statement is valid.", SEARCH);
});
$("ask").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  $(event.target.id === "proof" ? "check" : "find").click();
});
$("check").addEventListener("click", () => {
  if ($("proof").value.trim()) run(check, "Checking your proof.", CHECK);
  else $("proof").focus();
});
$("cancel").addEventListener("click", () => running?.abort());
$("focus").addEventListener("input", showFocus);
$("token").addEventListener("change", refresh);
$("server").addEventListener("toggle", refresh);
showFocus();
refresh();
setInterval(() => {
  if (document.visibilityState === "visible") refresh();
}, POLL_MILLISECONDS);
