// Typing \alpha gives α, as in Lean's editors: applies their rewriter to a text area.
import unicodeInput from "./vendor/unicode-input.js";

const { AbbreviationProvider, AbbreviationRewriter, Range } = unicodeInput;
const CONFIG = { abbreviationCharacter: "\\", customTranslations: {}, eagerReplacementEnabled: true };
const provider = new AbbreviationProvider(CONFIG);

/** Enable abbreviations in `area`. */
export function leanInput(area) {
  let before = area.value;
  let replacing = false;
  const rewriter = new AbbreviationRewriter(CONFIG, provider, {
    async replaceAbbreviations(changes) {
      replacing = true;
      for (const { range, newText } of [...changes].sort((a, b) => b.range.offset - a.range.offset)) {
        replace(area, range.offset, range.offset + range.length, newText);
        rewriter.changeInput([{ range, newText }]); // later incomplete abbreviations have moved
      }
      replacing = false;
      before = area.value;
      return true;
    },
    selectionMoveMode: () => ({ kind: "OnlyMoveCursorSelections", updateUnchangedSelections: false }),
    collectSelections: () => [new Range(area.selectionStart, area.selectionEnd - area.selectionStart)],
    setSelections: ([{ offset, length }]) => area.setSelectionRange(offset, offset + length),
  });
  area.addEventListener("input", async () => {
    if (replacing) return;
    const change = changeBetween(before, area.value, area.selectionEnd);
    before = area.value;
    rewriter.changeInput([change]);
    await rewriter.triggerAbbreviationReplacement();
  });
  document.addEventListener("selectionchange", () => {
    if (replacing || document.activeElement !== area || area.value !== before) return;
    rewriter.changeSelections([new Range(area.selectionStart, area.selectionEnd - area.selectionStart)]);
  });
  area.addEventListener("blur", () => {
    if (area.value !== before) rewriter.resetTrackedAbbreviations(); // changed by a reset of the form, or by a script
    before = area.value;
    rewriter.replaceAllTrackedAbbreviations();
  });
  area.addEventListener("focus", () => (before = area.value));
}

/** Return the single change from `before` to `after` that left the cursor at `cursor`. */
function changeBetween(before, after, cursor) {
  const tail = Math.min(after.length - cursor, before.length);
  let end = before.length - tail;
  if (before.slice(end) !== after.slice(after.length - tail)) end = before.length;
  const newEnd = after.length - (before.length - end);
  let start = 0;
  while (start < Math.min(end, newEnd) && before[start] === after[start]) start += 1;
  return { range: new Range(start, end - start), newText: after.slice(start, newEnd) };
}

/** Replace a part of the text and keep the cursor's place in the rest. */
function replace(area, start, end, text) {
  const { selectionStart, selectionEnd } = area;
  const moved = (at) => (at >= end ? at + text.length - (end - start) : Math.min(at, start + text.length));
  if (document.activeElement === area) {
    area.setSelectionRange(start, end);
    // Deprecated, but the only way to write to a field so that the user can undo it.
    if (!document.execCommand("insertText", false, text)) area.setRangeText(text, start, end);
    area.setSelectionRange(moved(selectionStart), moved(selectionEnd));
  } else {
    area.setRangeText(text, start, end, "preserve");
  }
}
