// A learner's place in a classroom: joins by a code, or comes back by the key that was told then; both are forgotten with this page.
import { Problem, call } from "./calls.js";
import { copyButton, element, printable } from "./elements.js";

const KEY_PREFIX = "lsl_";

const $ = (id) => document.getElementById(id);

/** Serves the fold. `token` gives what the server wants to know; `changed` is told the learner's text whenever another theorem is worked on. */
export function classroom({ token, changed }) {
  let key = "";
  let theorems = [];
  const texts = new Map(); // what was written, by theorem

  async function enter() {
    await telling(async () => {
      const given = $("join-code").value.trim();
      if (given.startsWith(KEY_PREFIX)) await begin(given);
      else {
        const { learnerKey } = await call("v1/join-classroom", { joinCode: given, displayName: $("join-name").value }, token());
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
      element("p", {}, `You are ${found.learner.displayName}${found.label ? ` in “${found.label}”` : ""}. Your teacher sees how far you come, until ${until}.`),
      element("p", { class: "help" }, "With your key you go on from another page; whoever has it is you. ", copyButton("Copy your key", key)),
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
    /** Where the learner is: `{learnerKey, theoremId}`; null outside of classrooms. */
    place: () => (key ? { learnerKey: key, theoremId: $("classroom-theorem").value } : null),
    /** What stands in the field is kept for when the learner comes back to this theorem. */
    keep: (text, proved) => {
      const chosen = $("classroom-theorem");
      texts.set(chosen.value, text);
      if (proved) chosen.selectedOptions[0].textContent = printable(named(chosen.value, true));
    },
  };
}

const named = (id, finished) => (finished ? `${id} (finished)` : id);
