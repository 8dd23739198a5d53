// Builds elements from texts. No script on this page parses a text as HTML: the server's policy (Trusted Types) forbids it.

// Invisible characters and those that change the direction of text, except line feed and tab.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** `text` with hidden characters written out, as in \u{202e}. */
export function printable(text) {
  return String(text).replace(HIDDEN, (char) =>
    char === "\n" || char === "\t" ? char : `\\u{${char.codePointAt(0).toString(16)}}`,
  );
}

/** Return an element with attributes and children; other children become text. Null children are left out. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, printable(value));
  }
  made.append(...children.filter((child) => child !== null).map((child) => (child instanceof Node ? child : printable(child))));
  return made;
}

/** Return a description list from pairs of name and value; pairs without a value are left out. */
export function definitions(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== "");
  return element("dl", {}, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

/** Return a button that copies `text` to the clipboard unchanged and reports it. */
export function copyButton(label, text) {
  const button = element("button", { type: "button", class: "copy" }, label);
  button.addEventListener("click", async () => {
    button.textContent = (await copy(text)) ? "Copied" : "Select and copy by hand";
    setTimeout(() => (button.textContent = label), 2000);
  });
  button.setAttribute("aria-live", "polite");
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyFromField(text); // unencrypted pages have no clipboard
  }
}

function copyFromField(text) {
  const focused = document.activeElement;
  const field = element("textarea", { class: "outside", "aria-hidden": "true" });
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return done;
}

/** `VERDICT_KIND_OUT_OF_RESOURCES` as "out of resources". */
export function named(value, prefix) {
  return String(value).replace(prefix, "").replaceAll("_", " ").toLowerCase();
}

/** `text` with its first letter in upper case. */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A duration of protobuf's JSON, as in "1.5s", in seconds. */
export function seconds(duration) {
  return Number.parseFloat(duration ?? "0");
}

/** Format seconds for users. */
export function clock(value) {
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  return value < 100 ? `${value.toFixed(1)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

/** Format a number of things: "1 proof", "3 proofs". */
export function counted(number, one) {
  return `${number.toLocaleString("en")} ${one}${number === 1 ? "" : "s"}`;
}
