"use strict";
// Runs the WebAssembly Lean under Node: entry point of the process and of each of its threads.
// It tells the glue script (lean.js, see glue.py) where things are, what of the host Lean may see, and how standard
// input, standard output and cancelling work (docs/worker-protocol.md).
//
// Environment: LEANSIEVE_GLUE, the glue script, with lean.wasm and lean.symbols beside it; LEANSIEVE_LIBRARY, folder of .olean files;
// LEANSIEVE_PROGRAM, folder of the worker program; LEANSIEVE_CONTROL_FD, socket for `cancel N`, may be absent.
const fs = require("fs");
const path = require("path");
const { getEnvironmentData, isMainThread, setEnvironmentData, Worker } = require("worker_threads");

const glue = process.env.LEANSIEVE_GLUE;

const Module = {
  mainScriptUrlOrBlob: __filename,
  locateFile: (name) => path.join(path.dirname(glue), name),
  poolSize: 1,
  symbol,
};
globalThis.LeanModule = Module;

// Looks up a symbol of Lean by name, for the interpreter: its place in the function table or its address; 0 if unknown.
// The format of the file is described in wasm.py. All threads share one copy, read when it is first needed.
if (isMainThread) {
  setEnvironmentData("symbols", new SharedArrayBuffer(fs.statSync(Module.locateFile("lean.symbols")).size));
}
const symbols = getEnvironmentData("symbols");
function symbol(name) {
  const header = new Uint32Array(symbols, 0, 2);
  if (!Atomics.load(header, 0)) readSymbols();
  const [count, size] = header;
  const offsets = new Uint32Array(symbols, 8, count + 1);
  const values = new Uint32Array(symbols, 8 + offsets.byteLength, count);
  const names = Buffer.from(symbols, symbols.byteLength - size, size);
  const wanted = Buffer.from(name);
  for (let low = 0, high = count; low < high; ) {
    const middle = (low + high) >> 1;
    const order = names.compare(wanted, 0, wanted.length, offsets[middle], offsets[middle + 1]);
    if (order === 0) return values[middle];
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return 0;
}

// The number of symbols comes last: it says that the rest is there. Two threads that read at once write the same.
function readSymbols() {
  const bytes = fs.readFileSync(Module.locateFile("lean.symbols"));
  new Uint8Array(symbols, 4).set(bytes.subarray(4));
  Atomics.store(new Uint32Array(symbols, 0, 1), 0, bytes.readUInt32LE(0));
}

// Standard streams: bytes pass through, synchronously and completely.

const pause = new Int32Array(new SharedArrayBuffer(4));
// `operation`, repeated while the descriptor is not ready (somebody made it non-blocking).
function whenReady(operation) {
  for (;;) {
    try {
      return operation();
    } catch (error) {
      if (error.code === "EOF") return 0; // Windows' end of a pipe
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

const input = { bytes: Buffer.alloc(1 << 16), at: 0, end: 0 };
function readInput(target) {
  if (input.at === input.end) {
    input.at = 0;
    input.end = whenReady(() => fs.readSync(0, input.bytes));
  }
  const count = Math.min(target.length, input.end - input.at);
  target.set(input.bytes.subarray(input.at, input.at + count));
  input.at += count;
  return count;
}

function writeAll(descriptor, bytes) {
  for (let at = 0; at < bytes.length; ) at += whenReady(() => fs.writeSync(descriptor, bytes, at));
}

// Lines of at most this many bytes can be for us; the start of such a line is held back until its end is seen.
const longestControlLine = 40;
const controlLine = /^(TOKEN|WORK) (\d{1,15})$/;
let held = Buffer.alloc(0);
let inLine = false; // the start of the current line has already passed

function writeOutput(bytes) {
  let rest = held.length ? Buffer.concat([held, bytes]) : bytes;
  let from = 0;
  const pass = [];
  for (;;) {
    const end = rest.indexOf(10, from);
    if (end < 0) break;
    const matched = !inLine && end - from <= longestControlLine && controlLine.exec(rest.toString("latin1", from, end));
    if (matched) control(matched[1], Number(matched[2]));
    else pass.push(rest.subarray(from, end + 1));
    inLine = false;
    from = end + 1;
  }
  rest = rest.subarray(from);
  if (inLine || rest.length > longestControlLine) {
    pass.push(rest);
    inLine = true;
    rest = rest.subarray(rest.length);
  }
  held = Buffer.from(rest);
  if (pass.length) writeAll(1, pass.length === 1 ? pass[0] : Buffer.concat(pass));
}

// Cancelling: control.js, on its own thread, writes Lean's cancel token while this thread is busy in Lean.

const { TOKEN, WORK, WANTED, cancelNow } = require("./control.js");
const shared = new Int32Array(new SharedArrayBuffer(3 * 4));

function control(word, number) {
  // The token is announced before any candidate is read; later lines of that name cannot be the worker's.
  if (word === "TOKEN") Atomics.compareExchange(shared, TOKEN, 0, number);
  else {
    Atomics.store(shared, WORK, number);
    // The cancel may have come before the work began.
    if (number && Atomics.load(shared, WANTED) === number) cancelNow(Module.wasmMemory, shared);
  }
}

function startControl(descriptor) {
  const thread = new Worker(require.resolve("./control.js"), {
    workerData: { descriptor, memory: Module.wasmMemory, shared },
    execArgv: [],
  });
  thread.unref();
}

// What Lean sees of the host: its library and the worker program, to be read.
function mount() {
  const { FS, NODEFS, TTY, ENV } = Module;
  const refuse = () => {
    throw new FS.ErrnoError(69); // EROFS
  };
  for (const name of ["mknod", "rename", "unlink", "rmdir", "symlink", "setattr"]) NODEFS.node_ops[name] = refuse;
  for (const name of ["write", "setattr"]) NODEFS.stream_ops[name] = refuse;
  const open = NODEFS.stream_ops.open;
  NODEFS.stream_ops.open = (stream) => (stream.isWrite ? refuse() : open(stream));
  for (const [root, point] of [
    [process.env.LEANSIEVE_LIBRARY, "/library"],
    [process.env.LEANSIEVE_PROGRAM, "/program"],
  ]) {
    FS.mkdir(point);
    FS.mount(NODEFS, { root }, point);
  }
  FS.mkdir("/bin");
  FS.writeFile("/bin/lean", ""); // Lean looks for itself
  ENV.LEAN_PATH = "/library";
  TTY.stream_ops.read = (stream, heap, offset, length) =>
    readInput(new Uint8Array(heap.buffer, heap.byteOffset + offset, length));
  TTY.stream_ops.write = (stream, heap, offset, length) => {
    const bytes = Buffer.from(new Uint8Array(heap.buffer, heap.byteOffset + offset, length)); // a copy: the heap is shared
    if (stream.path === "/dev/tty1") writeAll(2, bytes);
    else writeOutput(bytes);
    return length;
  };
}

if (isMainThread) {
  Module.wasmMemory = new WebAssembly.Memory({ initial: 256, maximum: 32768, shared: true });
  Module.preRun = [mount];
  // Not enumerable: the glue forwards enumerable handlers to other threads. Lean's own threads may still run.
  // When all went well, this Lean's `main` returns the address of its result instead of a status.
  Object.defineProperty(Module, "onExit", { value: (status) => process.exit(status > 255 ? 0 : status) });
  if (process.env.LEANSIEVE_CONTROL_FD) startControl(Number(process.env.LEANSIEVE_CONTROL_FD));
}
require(glue);
