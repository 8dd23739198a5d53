// A learner's own proof: goals after each step, and hints, one level more per press. Only this page stores the earlier hints.
import { Problem, call } from "./calls.js";
import { classroom } from "./classroom.js";
import { counted, element, named, printable } from "./elements.js";
import { leanInput } from "./lean-input.js";

const PAUSE_MILLISECONDS = 400;
const START = "by\n  ";
const FACTS = {
  HINT_FACT_KIND_NAME_EXISTS: (about) => `Lean knows ${about}`,
  HINT_FACT_KIND_STEP_RAN: () => "the step ran on your goal",
  HINT_FACT_KIND_PROOF_GOES_ON: () => "the kernel accepted a complete proof that begins with yours and continues like this",
  HINT_FACT_KIND_GOAL_CLOSED: () => "Lean closes this goal like this; other parts of your proof are still open",
};

const $ = (id) => document.getElementById(id);

/** Controls the panel. `theorem` returns the theorem, `token` the token. */
export function tutor({ theorem, token }) {
  const lines = $("lines");
  let earlier = [];
  let about = ""; // the theorem of the hints
  let asking = null; // aborts the current request
  let timer = 0;

  async function ask(wanted) {
    clearTimeout(timer);
    asking?.abort();
    const mine = (asking = new AbortController());
    forgetIfChanged();
    if (wanted) $("learn-said").textContent = "Lean reads your proof and looks for a continuation.";
    $("hint").disabled = wanted;
    $("learn").setAttribute("aria-busy", "true");
    try {
      const question = { proof: lines.value, readOnly: !wanted };
      const place = lesson.place(); // in a classroom, the server stores the earlier hints
      const answer = place
        ? (await call("v1/suggest-classroom-hint", { ...question, ...place }, token(), mine.signal)).answer
        : await call("v1/suggest-hint", { ...question, theorem: theorem(), earlier }, token(), mine.signal);
      show(answer, wanted);
      if (place) lesson.keep(question.proof, answer.outcome === "HINT_OUTCOME_PROVED");
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      $("learn-said").textContent = error.message;
      $("learn-steps").replaceChildren();
    } finally {
      if (asking === mine) {
        asking = null;
        $("hint").disabled = false;
        $("learn").setAttribute("aria-busy", "false");
      }
    }
  }

  function forgetIfChanged() {
    const now = JSON.stringify(lesson.place() ?? theorem());
    if (now === about) return;
    about = now;
    forget();
  }

  function forget() {
    earlier = [];
    $("hints").replaceChildren();
    $("forget").hidden = true;
  }

  function show(answer, wanted) {
    const { steps, goals, openGoals, refused, hint, outcome, sentence } = answer;
    $("learn-steps").replaceChildren(
      ...steps.map((step) => stepShown(step)),
      ...(refused ? [refusedShown(refused)] : []),
      ...(goals.length ? [element("li", {}, element("strong", {}, `Now ${counted(openGoals, "goal")} open`), ...goals.map((goal) => element("pre", {}, goal)))] : []),
    );
    if (hint) {
      earlier.push({ level: hint.level, step: hint.step });
      const facts = hint.checked.map(({ kind, about: what }) => FACTS[kind]?.(what)).filter(Boolean);
      if (hint.byModel) facts.push("reworded by a language model, under the same vetoes");
      $("hints").prepend(
        element("li", { class: "proof" }, element("h3", {}, named(hint.level, "HINT_LEVEL_")), ...written(hint.text), facts.length ? element("p", { class: "help" }, `Checked: ${facts.join("; ")}.`) : null),
      );
      $("forget").hidden = lesson.place() !== null;
      $("learn-said").textContent = `Hint: ${named(hint.level, "HINT_LEVEL_")}.`;
    } else if (wanted || outcome === "HINT_OUTCOME_PROVED") {
      $("learn-said").replaceChildren(...written(sentence));
    } else {
      $("learn-said").textContent = refused ? "Lean stops at a step." : printable(sentence);
    }
  }

  /** Switches to another theorem of a classroom, or none, with the text written for it. */
  function turn(text) {
    clearTimeout(timer);
    asking?.abort();
    lines.value = text || START;
    ask(false);
  }

  const lesson = classroom({ token, changed: turn });
  leanInput(lines);
  lines.value = START;
  lines.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => ask(false), PAUSE_MILLISECONDS);
  });
  lines.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
    event.preventDefault(); // a new line has the indentation of the previous one
    const line = lines.value.slice(0, lines.selectionStart).split("\n").pop();
    lines.setRangeText(`\n${/^ */.exec(line)[0]}`, lines.selectionStart, lines.selectionEnd, "end");
    lines.dispatchEvent(new Event("input"));
  });
  $("hint").addEventListener("click", () => ask(true));
  $("forget").addEventListener("click", forget);
  return () => ask(false);
}

function stepShown({ text, line, goals, openGoals }) {
  const open = openGoals ? `${counted(openGoals, "goal")} open` : "nothing open here";
  const shown = element("details", {}, element("summary", {}, element("code", {}, text), ` ${open}`), ...goals.map((goal) => element("pre", {}, goal)));
  return element("li", {}, element("span", { class: "place" }, `line ${line}`), shown);
}

function refusedShown({ text, line, reason, goal }) {
  return element(
    "li",
    { class: "problem" },
    element("p", {}, `Line ${line}: the proof cannot continue with `, element("code", {}, text)),
    element("pre", {}, reason),
    goal ? element("pre", {}, goal) : null,
  );
}

/** Return the elements of a hint: code is between backticks, or in lines that begin with four blanks. */
function written(text) {
  const parts = [];
  for (const block of text.split(/\n(?= {4})|(?<=^ {4}.*)\n(?! {4})/m)) {
    if (block.startsWith("    ")) parts.push(element("pre", {}, block.replace(/^ {4}/gm, "")));
    else parts.push(element("p", {}, ...block.split("`").map((piece, at) => (at % 2 ? element("code", {}, piece) : piece))));
  }
  return parts;
}
