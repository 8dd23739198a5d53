// Shows the results of a search or a check as they arrive.
import { capital, clock, copyButton, counted, definitions, element, named, printable, seconds } from "./elements.js";

const ENDS = {
  SEARCH_END_PROOFS_FOUND: "as many as were wanted",
  SEARCH_END_SAMPLERS_EXHAUSTED: "nothing was left to propose",
  SEARCH_END_SAMPLES_SPENT: "all candidates are spent",
  SEARCH_END_CHECKS_SPENT: "all checks are spent",
  SEARCH_END_TIME_SPENT: "the time is over",
  SEARCH_END_KNOWN_FAILURE: "an earlier search with at least this budget failed: request more candidates or seconds",
};

/** Shows one search. `theorem` is the theorem sent, `budget` the budget of the search. */
export class SearchResults {
  constructor(theorem, budget) {
    this.theorem = theorem;
    this.budget = budget;
    this.began = performance.now();
    this.cards = new Map();
    this.spent = null;
    this.waits = ""; // what the statement waits for before Lean reads it
    this.goal = element("div", { hidden: true });
    this.bar = element("progress", { "aria-label": "share of the budget spent", max: 1, value: 0 });
    this.counts = element("p", { class: "counts" }, "Lean reads the theorem …");
    this.proofs = element("ol", { class: "proofs" });
    this.summary = element("div");
    this.root = element("div", { class: "search" }, this.goal, this.bar, this.counts, this.proofs, this.summary);
    this.timer = setInterval(() => this.#count(), 250);
  }

  /** Shows an event of the stream; returns an announcement for screen readers, or nothing. */
  take(name, data) {
    switch (name) {
      case "starting":
        this.waits = data.activity;
        this.#count();
        return null;
      case "accepted":
        this.waits = "";
        this.goal.replaceChildren(element("h3", {}, "Goal"), element("pre", {}, data.goal));
        this.goal.hidden = false;
        return "Lean accepted the statement; searching.";
      case "progress":
        this.spent = data;
        this.#count();
        return null;
      case "proof":
        this.#add(data);
        return `Proof ${this.cards.size} is verified.`;
      case "minimised":
        this.#add(data.proof, data.original);
        return null;
      case "summary":
        this.spent = data.spent;
        this.stop();
        this.bar.hidden = true;
        this.summary.replaceChildren(...summarised(data));
        this.#order(data.answer);
        return this.#ended(data.end);
      default:
        return null;
    }
  }

  /** Shows the end of the search, for any reason. */
  stop() {
    clearInterval(this.timer);
    this.#count();
    this.bar.hidden = true;
    this.root.classList.add("over");
  }

  #ended(end) {
    const found = this.cards.size;
    const reason = ENDS[end] ?? named(end, "SEARCH_END_");
    return `${found ? `${counted(found, "verified proof")}` : "No proof was found"}: ${reason}.`;
  }

  #count() {
    const elapsed = (performance.now() - this.began) / 1000;
    const over = this.root.classList.contains("over");
    if (this.spent === null) {
      if (!over) this.counts.textContent = `${this.waits ? capital(printable(this.waits)) : "Lean reads the theorem"} … ${clock(elapsed)}`;
      return;
    }
    const { sampled, distinct, checked, proofs } = this.spent;
    const parts = [counted(sampled, "candidate"), `${distinct} different`, `${checked} checked`, `${proofs} verified`];
    this.counts.textContent = [...parts, clock(over ? seconds(this.spent.elapsedDuration) : elapsed)].join(" · ");
    const shares = [sampled / this.budget.samples, elapsed / this.budget.seconds, proofs / this.budget.proofs];
    this.bar.value = Math.min(1, Math.max(...shares));
  }

  #add(proof, shortened = null) {
    const card = proofCard(proof, this.theorem, shortened !== null);
    const number = shortened ?? proof.number;
    if (this.cards.has(number)) this.cards.get(number).replaceWith(card);
    else this.proofs.append(card);
    this.cards.set(number, card);
  }

  // The final answer first, in its order; other proofs found remain below.
  #order(answer) {
    const rest = [...this.cards.keys()].filter((number) => !answer.includes(number));
    const order = [...answer, ...rest].map((number) => this.cards.get(number)).filter((card) => card !== undefined);
    if (order.some((card, at) => card !== this.proofs.children[at])) this.proofs.append(...order);
  }
}

function proofCard(proof, theorem, shortened) {
  const { verdict } = proof;
  const tags = [proof.source, clock(seconds(proof.elapsedDuration)), shortened && "shortened", proof.stored && "known before, checked again"];
  return element(
    "li",
    { class: "proof" },
    element(
      "div",
      { class: "heading" },
      badge(verdict),
      element("span", { class: "tags" }, tags.filter(Boolean).join(" · ")),
      copyButton("Copy proof", proof.text),
      copyButton("Copy theorem", whole(theorem, proof.text)),
    ),
    element("pre", {}, proof.text),
    details(verdict, [
      ["log-probability", proof.logProb?.toFixed(2) ?? null],
      ["seed", proof.seed ?? null],
      ["tokens", proof.tokens || null],
    ]),
  );
}

/** Shows the verdict on the user's own proof. */
export function checkResult(verdict, theorem, text) {
  const verified = verdict.kind === "VERDICT_KIND_VERIFIED";
  return element(
    "div",
    { class: "proof single" },
    element("div", { class: "heading" }, badge(verdict), element("span", { class: "tags" }, "your proof"), verified ? copyButton("Copy theorem", whole(theorem, text)) : null),
    element("pre", {}, text),
    messages(verdict.messages),
    details(verdict, []),
  );
}

/** Lean's messages, each with its place. */
export function messages(list) {
  if (!list.length) return null;
  return element(
    "ul",
    { class: "messages" },
    ...list.map((each) =>
      element(
        "li",
        { class: named(each.severity, "SEVERITY_") },
        each.line ? element("span", { class: "place" }, `${named(each.region, "REGION_")} ${each.line}:${each.column ?? 0}`) : null,
        element("pre", {}, each.text),
      ),
    ),
  );
}

function badge(verdict) {
  const verified = verdict.kind === "VERDICT_KIND_VERIFIED";
  return element("span", { class: `badge ${verified ? "good" : "bad"}` }, `${verified ? "✓" : "✗"} ${named(verdict.kind, "VERDICT_KIND_")}`);
}

function details(verdict, more) {
  const seen = verdict.axioms.length ? verdict.axioms.join(", ") : "none";
  const axioms = verdict.axiomsComplete ? seen : `${seen} seen; the library's theorems, whose proofs are not loaded, may depend on the standard three`;
  const verified = verdict.kind === "VERDICT_KIND_VERIFIED";
  return element(
    "details",
    {},
    element("summary", {}, "Details"),
    definitions([
      ["trust", verified ? named(verdict.trust, "TRUST_") : null],
      ["path", named(verdict.path, "PATH_")],
      ["axioms", verified ? axioms : null],
      ["digest of the term", verdict.termDigest || null],
      ["check", clock(seconds(verdict.elapsedDuration))],
      ["heartbeats", Number(verdict.heartbeats).toLocaleString("en")],
      ["policy", verdict.policy],
      ...more,
    ]),
  );
}

function summarised({ verdicts, diversity, spending, answer, stuckAt, spent, notes = [] }) {
  const total = verdicts.reduce((sum, each) => sum + each.count, 0);
  const texts = verdicts.find((each) => each.kind === "VERDICT_KIND_VERIFIED")?.count ?? 0;
  const found = notes.map((note) => element("p", { class: "note" }, `Note on the statement: ${note.text}.`));
  if (stuckAt) {
    found.push(
      element(
        "p",
        {},
        "The embedded Lean does not hold the body of ",
        element("code", {}, stuckAt),
        ", so “decide” and “rfl” stop there; a native toolchain goes on.",
      ),
    );
  }
  if (diversity && answer.length > 1) {
    const percent = (share) => `${Math.round(100 * share)} %`;
    const lemmas =
      `, two lemmas named in them differ ${percent(diversity.premiseGiniSimpson)} of the time ` +
      `(${diversity.premiseEntropy.toFixed(2)} bits)`;
    found.push(
      element("h3", {}, `Diversity of the ${answer.length} proofs`),
      element(
        "p",
        {},
        `Two randomly chosen lines begin with different tactics ${percent(diversity.tacticGiniSimpson)} of the time ` +
          `(entropy ${diversity.tacticEntropy.toFixed(2)} bits)${diversity.premiseEntropy ? lemmas : ""}.`,
      ),
    );
  }
  if (spent?.proofs && texts > spent.proofs) {
    const made = spent.proofs === 1 ? "one term" : `${spent.proofs} different terms`;
    found.push(element("p", {}, `The ${texts} verified texts elaborate to ${made}; texts with the same term count as one proof.`));
  }
  if (total) {
    found.push(
      element("h3", {}, "Verdicts"),
      element(
        "ul",
        { class: "verdicts" },
        ...[...verdicts].sort((a, b) => b.count - a.count).map((each) =>
          element(
            "li",
            {},
            element("span", {}, named(each.kind, "VERDICT_KIND_")),
            element("meter", { max: total, value: each.count, class: each.kind === "VERDICT_KIND_VERIFIED" ? "good" : "plain" }, `${each.count} of ${total}`),
            element("span", { class: "number" }, each.count),
          ),
        ),
      ),
    );
  }
  if (spending.length > 1) {
    const cells = (tag, values) => values.map((value) => element(tag, tag === "th" ? { scope: "col" } : {}, value));
    found.push(
      element("h3", {}, "Work by strategy"),
      element(
        "table",
        {},
        element("thead", {}, element("tr", {}, ...cells("th", ["strategy", "candidates", "checks", "proofs", "time"]))),
        element(
          "tbody",
          {},
          ...spending.map((each) =>
            element("tr", {}, ...cells("td", [each.name, each.samples, each.checks, each.proofs, clock(seconds(each.elapsedDuration))])),
          ),
        ),
      ),
    );
  }
  return found;
}

function whole({ header, context, statement }, text) {
  const bare = statement.trim().replace(/\s*:=\s*(by\b\s*)?(sorry)?$/, ""); // the same rule as in the server
  return [header, context, `${bare} := ${text}`].filter((part) => part?.trim()).join("\n\n") + "\n";
}
