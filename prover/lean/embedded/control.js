"use strict";
// The thread that cancels: reads `cancel N` lines from the control socket, sets Lean's cancel token if request N is in
// work, and answers `cancelled N` (docs/worker-protocol.md). host.js uses the constants and `cancelNow` too.
const { isMainThread, workerData } = require("worker_threads");

// Places in the array that both threads share: address of the token, request in work, request that is to be cancelled.
const [TOKEN, WORK, WANTED] = [0, 1, 2];

// A cancel token is a reference cell: a header of 8 bytes, then the value, a boxed `Bool`: 2 * 1 + 1.
const HEADER = 8;
const TRUE = 3;

function cancelNow(memory, shared) {
  memory.grow(0); // makes this thread see the memory as large as it is by now
  const address = Atomics.load(shared, TOKEN);
  if (address) Atomics.store(new Int32Array(memory.buffer), (address + HEADER) >> 2, TRUE);
}

module.exports = { TOKEN, WORK, WANTED, cancelNow };

if (!isMainThread && workerData?.descriptor !== undefined) {
  const { descriptor, memory, shared } = workerData;
  const socket = new (require("net").Socket)({ fd: descriptor });
  let text = "";
  socket.on("data", (bytes) => {
    const lines = (text + bytes.toString("latin1")).split("\n");
    text = lines.pop().slice(0, 64);
    for (const line of lines) {
      const number = Number(/^cancel (\d{1,9})$/.exec(line)?.[1]);
      if (!number) continue;
      Atomics.store(shared, WANTED, number);
      if (Atomics.load(shared, WORK) === number) cancelNow(memory, shared);
      socket.write(`cancelled ${number}\n`);
    }
  });
  socket.on("error", () => {}); // the other end is gone; standard input will end too
}
