"use strict";
// Cancelling (docs/worker-protocol.md). While the main thread is busy in Lean, a separate thread reads `cancel N` lines
// from the control socket, sets Lean's cancel token if request N is in progress, and answers `cancelled N`.
const { isMainThread, Worker, workerData } = require("worker_threads");

// Indices into the array that both threads share: address of the token, request in progress, request to be cancelled.
const [TOKEN, WORK, WANTED] = [0, 1, 2];

// A cancel token is a reference cell: a header of 8 bytes, then the value, a boxed `Bool`: 2 * 1 + 1.
const HEADER = 8;
const TRUE = 3;

function cancelNow(memory, shared) {
  memory.grow(0); // makes the present size of the memory visible to this thread
  const address = Atomics.load(shared, TOKEN);
  if (address) Atomics.store(new Int32Array(memory.buffer), (address + HEADER) >> 2, TRUE);
}

// The main thread's side: callbacks for the announcement of the token, and for the start and end of a request.
function open(memory, descriptor, requestDone) {
  const shared = new Int32Array(new SharedArrayBuffer(3 * 4));
  if (descriptor) {
    const data = { descriptor: Number(descriptor), memory, shared };
    new Worker(__filename, { workerData: data, execArgv: [], stdin: false }).unref();
  }
  return {
    // Lean announces the token before it reads any candidate: a later line of this form comes from a candidate.
    token: (address) => Atomics.compareExchange(shared, TOKEN, 0, address),
    work: (request) => {
      Atomics.store(shared, WORK, request);
      // The cancel may have arrived before the request began.
      if (!request) requestDone();
      else if (Atomics.load(shared, WANTED) === request) cancelNow(memory, shared);
    },
  };
}

function serve({ descriptor, memory, shared }) {
  const socket = new (require("net").Socket)({ fd: descriptor });
  let rest = "";
  socket.on("data", (bytes) => {
    const lines = (rest + bytes.toString("latin1")).split("\n");
    rest = lines.pop().slice(0, 64);
    for (const line of lines) {
      const request = Number(/^cancel (\d{1,9})$/.exec(line)?.[1]);
      if (!request) continue;
      Atomics.store(shared, WANTED, request);
      if (Atomics.load(shared, WORK) === request) cancelNow(memory, shared);
      socket.write(`cancelled ${request}\n`);
    }
  });
  socket.on("error", () => {}); // `close` follows
  // The parent has ended, perhaps killed, while Lean may be busy for a long time. `process.exit` would end this thread
  // only.
  socket.on("close", () => process.kill(process.pid, "SIGKILL"));
}

if (!isMainThread && workerData?.descriptor !== undefined) serve(workerData);

module.exports = { open };
