// A learner in a classroom: joins by its code, or returns by the key received at joining; the page stores neither.
import { Problem, call } from "./calls.js";
import { copyButton, element, printable } from "./elements.js";

const KEY_PREFIX = "lsl_";

const $ = (id) => document.getElementById(id);

/** Controls the section. `token` returns the token; `changed` receives the learner's text when another theorem is selected. */
export function classroom({ token, changed }) {
  let key = "";
  let theorems = [];
  const texts = new Map(); // texts by theorem

  async function enter() {
    await telling(async () => {
      const given = $("join-code").value.trim();
      const name = $("join-name").value.trim();
      if (!given) throw new Problem("Enter the code that your teacher gave you, or your key.");
      if (given.startsWith(KEY_PREFIX)) await begin(given);
      else {
        if (!name) throw new Problem("Enter your name, as your teacher knows it.");
        const { learnerKey } = await call("v1/join-classroom", { joinCode: given, displayName: name }, token());
        await begin(learnerKey);
      }
    });
  }

  async function begin(mine) {
    const found = await call("v1/get-classwork", { learnerKey: mine }, token());
    key = mine;
    theorems = found.theorems;
    texts.clear();
    for (const { theoremId, proof } of found.learner.attempts) texts.set(theoremId, proof);
    const finished = new Set(found.learner.attempts.filter((each) => each.finishTime).map((each) => each.theoremId));
    $("classroom-theorem").replaceChildren(...theorems.map(({ id }) => element("option", { value: id }, named(id, finished.has(id)))));
    const until = new Date(found.expireTime).toLocaleDateString("en", { dateStyle: "long" });
    $("joined-as").replaceChildren(
      element("p", {}, `You are ${found.learner.displayName}${found.label ? ` in “${found.label}”` : ""}. Your teacher sees your progress, until ${until}.`),
      element("p", { class: "help" }, "Your key lets you continue on another page. Keep it secret: anyone who has it can act as you. ", copyButton("Copy your key", key)),
    );
    $("joining").hidden = true;
    $("joined").hidden = false;
    work();
  }

  async function leave() {
    await telling(async () => {
      await call("v1/leave-classroom", { learnerKey: key }, token());
      key = "";
      theorems = [];
      $("joined").hidden = true;
      $("joining").hidden = false;
      changed(null);
      $("classroom-said").textContent = "You have left, and what you wrote is deleted.";
    });
  }

  function work() {
    const { theorem } = theorems.find(({ id }) => id === $("classroom-theorem").value);
    const opens = theorem.header.split("\n").filter((line) => /^(open|universe)/.test(line)).join("\n");
    $("classroom-statement").textContent = printable([opens, theorem.context, theorem.statement].filter(Boolean).join("\n\n"));
    changed(texts.get($("classroom-theorem").value) ?? "");
  }

  async function telling(action) {
    $("classroom-said").textContent = "";
    try {
      await action();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      $("classroom-said").textContent = error.message;
    }
  }

  $("join").addEventListener("click", enter);
  $("leave").addEventListener("click", leave);
  $("classroom-theorem").addEventListener("change", work);
  return {
    /** The learner and the theorem: `{learnerKey, theoremId}`; null outside classrooms. */
    place: () => (key ? { learnerKey: key, theoremId: $("classroom-theorem").value } : null),
    /** Keeps the text for the learner's return to this theorem. */
    keep: (text, proved) => {
      const chosen = $("classroom-theorem");
      texts.set(chosen.value, text);
      if (proved) chosen.selectedOptions[0].textContent = printable(named(chosen.value, true));
    },
  };
}

const named = (id, finished) => (finished ? `${id} (finished)` : id);
