// The calls of docs/http.md: JSON in; JSON or server-sent events out.
import { printable } from "./elements.js";

/** A failed call. `message` is a sentence for users, with hidden characters written out. */
export class Problem extends Error {
  constructor(message, { status = "", details = [] } = {}) {
    super(printable(message));
    const detail = (name) => details.find((each) => each["@type"]?.endsWith(`.${name}`)) ?? {};
    this.status = status;
    /** Invalid fields of the request: [{field, description}]. */
    this.violations = detail("BadRequest").fieldViolations ?? [];
    /** Lean's messages on the theorem. */
    this.messages = detail("Verdict").messages ?? [];
  }
}

/** Return the answer to one call. `token` may be empty. Throws Problem, or AbortError after `signal`. */
export async function call(path, request, token, signal) {
  const answer = await post(path, request, token, signal);
  return connected(() => answer.json(), signal);
}

/** Yield the events of a stream as [name, data]; leaving the loop cancels the call, also in Lean. Throws like `call`. */
export async function* events(path, request, token, signal) {
  const answer = await post(path, request, token, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await connected(() => reader.read(), signal);
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const event = parse(block);
        if (event?.name === "error") throw problemOf(event.data.error);
        if (event !== null) yield [event.name, event.data[event.name]];
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parse(block) {
  const fields = Object.fromEntries(
    block.split("\n").filter((line) => !line.startsWith(":")).map((line) => line.split(/: (.*)/s, 2)),
  );
  return fields.data === undefined ? null : { name: fields.event, data: JSON.parse(fields.data) };
}

async function post(path, request, token, signal) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await connected(
    () => fetch(path, { method: "POST", headers, body: JSON.stringify(request), signal, credentials: "same-origin" }),
    signal,
  );
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => null);
  if (!body?.error) throw new Problem(`The server answered with status ${answer.status} and no explanation.`);
  throw problemOf(body.error, answer.headers.get("Retry-After"));
}

function problemOf(error, retryAfter = null) {
  const message = error.message.replace(/; try again later$/, "");
  const after = retryAfter === null ? "Try again later." : `Try again in ${retryAfter} s.`;
  const sentence = {
    UNAUTHENTICATED: "This server requires a valid token.",
    PERMISSION_DENIED: `Your token does not allow this: ${message}.`,
    RESOURCE_EXHAUSTED: `The server is busy: ${message}. ${after}`,
    UNAVAILABLE: `The server cannot answer now: ${message}. ${after}`,
    INTERNAL: "The server failed; its log says where.",
  }[error.status];
  return new Problem(sentence ?? error.message, error);
}

async function connected(action, signal) {
  try {
    return await action();
  } catch (error) {
    if (signal?.aborted || error instanceof Problem) throw error;
    throw new Problem("The server cannot be reached, or the connection was lost: is it still running?");
  }
}
