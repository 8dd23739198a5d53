// A teacher's classroom: opened with theorems, then refreshed while the page is visible.
import { Problem, call } from "./calls.js";
import { copyButton, counted, element, named, printable } from "./elements.js";
import { leanInput } from "./lean-input.js";

const POLL_MILLISECONDS = 3000;
const STUCK_MINUTES = 5;
const SURE_MILLISECONDS = 5000;
const KEPT_ID = "classroom-id"; // of the classroom that this tab shows; reloading the page keeps it, closing the tab does not
const OUTCOMES = {
  HINT_OUTCOME_DEAD_END: "an open goal is false",
  HINT_OUTCOME_THEOREM_FALSE: "the theorem is false",
  HINT_OUTCOME_NO_TACTICS: "no tactics yet",
};

const $ = (id) => document.getElementById(id);

/** Controls the panel. `theorem` returns header, context and project; `token` returns the token. */
export function teacher({ theorem, token }) {
  let shown = null; // the classroom shown
  let learners = [];
  let chosen = ""; // the learner whose proofs are shown
  let timer = 0;
  let drawn = "";

  async function open() {
    await telling(async () => {
      const { header, context, project } = theorem();
      const theorems = stated($("class-theorems").value).map(({ id, statement, proof }) => ({
        id,
        theorem: { statement, header, context, ...(project ? { project } : {}) },
        referenceProofs: proof ? [proof] : [],
      }));
      if (!theorems.length) throw new Problem("State at least one theorem: each begins a line with “theorem”.");
      $("teach-said").textContent = "Lean reads the theorems.";
      const ttl = `${Math.round($("class-days").valueAsNumber * 86400)}s`;
      const made = await call("v1/create-classroom", { label: $("class-label").value, theorems, ttl }, token());
      show(made.classroom);
    });
  }

  async function find(id) {
    await telling(async () => show((await call("v1/get-classroom", { id }, token())).classroom));
  }

  function show(classroom) {
    shown = classroom;
    sessionStorage.setItem(KEPT_ID, classroom.id);
    drawn = chosen = "";
    $("opening").hidden = true;
    $("taught").hidden = false;
    const until = new Date(classroom.expireTime).toLocaleDateString("en", { dateStyle: "long" });
    $("taught-title").textContent = printable(classroom.label) || "Your classroom";
    $("taught-codes").replaceChildren(
      element("p", {}, "Learners join with ", element("code", { id: "join-code-shown" }, classroom.joinCode), " ", copyButton("Copy", classroom.joinCode)),
      element("p", { class: "help" }, `It is deleted on ${until}, with all work of its learners. You return to it by its id, which only you have: `, element("code", { id: "class-id-shown" }, classroom.id), " ", copyButton("Copy", classroom.id)),
    );
    $("teach-said").textContent = "";
    look();
  }

  /** Query the learners' progress while the page is visible. */
  async function look() {
    clearTimeout(timer);
    const asked = shown;
    if (!asked || $("teach").hidden) return;
    try {
      if (document.visibilityState === "visible") {
        const found = await everyLearner(asked.id);
        const one = chosen && found.some(({ id }) => id === chosen) ? (await call("v1/get-learner", { classroomId: asked.id, id: chosen }, token())).learner : null;
        if (shown !== asked) return;
        learners = found;
        draw(one);
        $("teach-said").textContent = learners.length ? "" : "No learner has joined yet.";
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      $("teach-said").textContent = error.message;
      if (error.status === "NOT_FOUND") return close();
    }
    timer = setTimeout(look, POLL_MILLISECONDS);
  }

  async function everyLearner(id) {
    const found = [];
    let pageToken = "";
    do {
      const page = await call("v1/list-learners", { classroomId: id, pageToken }, token());
      found.push(...page.learners);
      pageToken = page.nextPageToken;
    } while (pageToken);
    return found;
  }

  /** Redraws only changed parts, so that reading and keyboard focus are not disturbed. */
  function draw(one) {
    const rows = learners.map((learner) => [learner, shown.theorems.map(({ id }) => state(learner.attempts.find((each) => each.theoremId === id)))]);
    const now = JSON.stringify([rows.map(([{ id }, states]) => [id, states]), one]);
    if (now === drawn) return;
    drawn = now;
    const focused = document.activeElement?.dataset?.learner;
    const head = element("tr", {}, ...["Learner", ...shown.theorems.map(({ id }) => id)].map((text) => element("th", { scope: "col" }, text)));
    $("learners").replaceChildren(
      element("thead", {}, head),
      element("tbody", {}, ...rows.map(([learner, states]) => rowOf(learner, states))),
    );
    if (focused) document.querySelector(`[data-learner="${CSS.escape(focused)}"]`)?.focus();
    $("one-learner").replaceChildren(...(one ? written(one) : []));
  }

  function rowOf(learner, states) {
    const choose = () => {
      chosen = chosen === learner.id ? "" : learner.id;
      drawn = "";
      look();
    };
    const name = element("button", { type: "button", "data-learner": learner.id, "aria-expanded": String(chosen === learner.id), onclick: choose }, learner.displayName);
    return element("tr", {}, element("th", { scope: "row" }, name), ...states.map(({ text, kind }) => element("td", {}, kind ? element("span", { class: `badge ${kind}` }, text) : text)));
  }

  function written(one) {
    const remove = sure("Remove this learner", async () => {
      await call("v1/delete-learner", { classroomId: shown.id, id: one.id }, token());
      chosen = "";
      look();
    });
    return [
      element("h3", {}, one.displayName),
      ...one.attempts.flatMap((attempt) => [
        element("p", {}, element("strong", {}, attempt.theoremId), ` ${state(attempt).text}`),
        element("pre", {}, attempt.proof),
        ...(attempt.fault ? [element("p", { class: "problem" }, attempt.fault)] : []),
        ...(attempt.goal && !attempt.finishTime ? [element("pre", {}, attempt.goal)] : []),
      ]),
      remove,
    ];
  }

  /** Return a button that must be pressed twice. */
  function sure(label, action) {
    let pressed = false;
    const button = element("button", { type: "button", class: "stop", onclick: () => (pressed ? telling(action) : ask()) }, label);
    function ask() {
      pressed = true;
      button.textContent = "Press again to delete this permanently";
      setTimeout(() => {
        pressed = false;
        button.textContent = label;
      }, SURE_MILLISECONDS);
    }
    return button;
  }

  function close() {
    shown = null;
    sessionStorage.removeItem(KEPT_ID);
    $("taught").hidden = true;
    $("opening").hidden = false;
  }

  /** Shows the classroom that the tab showed before its page was reloaded; without one, lists the caller's. */
  async function restore() {
    const id = sessionStorage.getItem(KEPT_ID);
    if (id === null) return list();
    $("class-id").value = id;
    try {
      show((await call("v1/get-classroom", { id }, token())).classroom);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      $("teach-said").textContent = error.message;
      if (error.status === "NOT_FOUND") sessionStorage.removeItem(KEPT_ID);
    }
  }

  /** Lists the caller's classrooms, on servers that authenticate callers. */
  async function list() {
    try {
      const { classrooms } = await call("v1/list-classrooms", {}, token());
      $("classes").replaceChildren(
        ...classrooms.map(({ id, label, learnerCount }) => element("button", { type: "button", onclick: () => find(id) }, `${label || id}: ${counted(learnerCount, "learner")}`)),
      );
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // without authentication, classrooms are found by their ids
    }
  }

  async function telling(action) {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      $("teach-said").textContent = error.message;
    }
  }

  leanInput($("class-theorems"));
  $("open-class").addEventListener("click", open);
  $("find-class").addEventListener("click", () => find($("class-id").value.trim()));
  $("other-class").addEventListener("click", () => {
    close();
    list();
  });
  $("delete-class").replaceWith(
    sure("Delete this classroom", async () => {
      await call("v1/delete-classroom", { id: shown.id }, token());
      close();
      $("teach-said").textContent = "The classroom is deleted, with all work of its learners.";
    }),
  );
  return () => (shown ? look() : restore());
}

/** Return a learner's progress on a theorem in words. */
function state(attempt) {
  if (!attempt) return { text: "–", kind: "" };
  const hints = attempt.hintCount ? `, ${counted(attempt.hintCount, "hint")} (${named(attempt.highestLevel, "HINT_LEVEL_")})` : "";
  if (attempt.finishTime) return { text: `finished${hints}`, kind: "good" };
  const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(attempt.goalTime)) / 60000));
  const open = OUTCOMES[attempt.outcome] ?? (attempt.fault ? "Lean stops at a step" : `${counted(attempt.openGoals, "goal")} open`);
  const text = `${open}${hints}${minutes ? `, at this goal for ${minutes} min` : ""}`;
  return { text, kind: minutes >= STUCK_MINUTES ? "bad" : "" };
}

/** Return the theorems of a text: each begins a line; the text after `:=` outside brackets is the teacher's proof. */
function stated(text) {
  return text
    .split(/^(?=(?:theorem|lemma)\s)/m)
    .filter((part) => /^(?:theorem|lemma)\s/.test(part))
    .map((part) => {
      const at = assignment(part);
      const [statement, proof] = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 2)];
      const id = /^\w+\s+(\S+)/.exec(part)?.[1] ?? "";
      return { id: [...id].slice(0, 64).join(""), statement: statement.trim(), proof: /^\s*(by\s+)?sorry\s*$|^\s*$/.test(proof) ? "" : proof.trim() };
    });
}

function assignment(text) {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if ("([{⟨".includes(text[at])) depth++;
    else if (")]}⟩".includes(text[at])) depth--;
    else if (depth === 0 && text.startsWith(":=", at)) return at;
  }
  return -1;
}
