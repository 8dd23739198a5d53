"use strict";
// Images: the state of a process at a certain point, kept on disk, from which the next process starts.
//
// At certain points (`imagePoint` in its source) the worker announces the closure that it will run next and asks for an
// image: first when its program has been elaborated, last when its imports are loaded and it has served no request. A
// process that starts from an image gets the same linear memory and the same globals, drops the active frames, to which
// nothing will return, and runs the closure. JavaScript's state (open files, threads) starts afresh, so Lean must hold
// none of it; Lean's threads are ended before.
//
// An image is a folder. Its memory file is never written to, because running processes may have mapped it.
//   memory  8 bytes, the length of the JSON header; the header; the runs of memory that are not zero, one after the other.
//           Header: closure (address), globals (by name), table (length), length (of the memory), runs ([start, length]).
//           It is padded with blanks, so that the runs begin at a page and can be mapped as they are (pages.js).
//   ROLE/code  (worker, judge)  the compiled module as serialised by V8: machine code of the functions that V8 chose to
//           optimise. Written by processes that have served some requests from this image; may be absent.
//
// Workers that find no such code in an image start with the code that one process made for all of them (warming.py): it
// has optimised every function that it called.
const fs = require("fs");
const path = require("path");
const { adaptMain } = require("./link.js");
const { PADDING, fill, withBytes } = require("./pages.js");
const stack = require("./stack.js");

const PAGE = 1 << 16; // of WebAssembly memory
const MOST_PAGES = 32768;
const LEAST_PAGES = 256;
const MUTABLE_GLOBAL = "mutable global "; // wasm.py
const LEAN_THREADS = 1;
const ROLES = ["worker", "judge"]; // those that keep code, each in a folder of its own, to which no other role may write
const KEEP_CODE_AFTER = [40, 400, 4000]; // requests served

// V8 has no public way to keep compiled WebAssembly; these functions are for its own tests (--allow-natives-syntax).
// Without them, or with code of another V8, everything works but is compiled again.
const serialize = native("module", "%SerializeWasmModule(module)");
const flushBaseline = native("%FlushLiftoffCode()");
const isBaseline = native("f", "%IsLiftoffFunction(f)");
const optimise = native("f", "%WasmTierUpFunction(f)");
const deserialize = native("code", "bytes", "%DeserializeWasmModule(code, bytes)");
function native(...signature) {
  const body = signature.pop();
  try {
    return new Function(...signature, `return ${body}`);
  } catch {
    return () => undefined;
  }
}

// Starts this process from the last existing image in `folders`, if there is one, and lets it make the later ones,
// unless it is sealed. `warmed` is the file of the code made for all workers, `warming` the folder in which to leave
// such code.
function open(folders, role, wasmFile, Module, { sealed, warmed, warming }) {
  let image;
  let next = folders.length; // index of the image to make at the next point
  while (next && !(image = read(folders[next - 1]))) next--;
  const codeFile = image && path.join(folders[next - 1], role, "code");
  const largest = [codeFile, warmed].filter((file) => sizeOf(file)).sort((a, b) => sizeOf(b) - sizeOf(a))[0];
  const memory = image?.memory ?? new WebAssembly.Memory({ initial: LEAST_PAGES, maximum: MOST_PAGES, shared: true });
  let module, lean, closure;
  let served = 0;
  return {
    memory,
    instantiate(imports, receive) {
      module = compile(wasmFile, largest);
      const instance = new WebAssembly.Instance(module, imports);
      lean = instance.exports;
      if (image) for (const [name, value] of Object.entries(image.globals)) lean[name].value = value;
      else stack.move(lean);
      receive(instance, module);
    },
    found: Boolean(image),
    // Runs Lean. In a process that starts from an image, the constructors and a part of `main` have run already.
    start(main) {
      if (image) return proceed(image, lean, Module);
      stack.tell(lean);
      adaptMain(Module);
      return main();
    },
    announce: (address) => (closure = address),
    imagePoint() {
      if (sealed || !closure || next >= folders.length) return;
      endThreads(lean, Module.PThread);
      attempt("keep an image", () => save(folders[next], describe(closure, memory, lean), memory));
      closure = undefined;
      next++;
    },
    // Called when Lean will run no more.
    ended() {
      if (!warming) return;
      attempt("compile for later processes", () => {
        optimiseCalled(module, lean.__indirect_function_table, Module.symbol("lean_shell_main"));
        saveCode(path.join(warming, "code"), module, 0);
      });
    },
    requestDone() {
      if (sealed || warming || !codeFile || !KEEP_CODE_AFTER.includes(++served)) return;
      attempt("keep compiled code", () => saveCode(codeFile, module, Math.max(sizeOf(codeFile), sizeOf(warmed))));
    },
  };
}

function attempt(doing, action) {
  try {
    action();
  } catch (error) {
    fs.writeSync(2, `leansieve: could not ${doing}: ${error.message}\n`);
  }
}

function read(folder) {
  let descriptor;
  try {
    descriptor = fs.openSync(path.join(folder, "memory"));
  } catch {
    return undefined; // it was not made yet
  }
  try {
    const length = Number(fill(descriptor, Buffer.alloc(8), 0).readBigUInt64LE());
    const header = JSON.parse(fill(descriptor, Buffer.alloc(length), 8).toString());
    const memory = new WebAssembly.Memory({ initial: header.length / PAGE, maximum: MOST_PAGES, shared: true });
    let position = 8 + length;
    for (const [start, length] of header.runs) {
      fill(descriptor, new Uint8Array(memory.buffer, start, length), position);
      position += length;
    }
    return { ...header, memory };
  } catch (error) {
    fs.writeSync(2, `leansieve: the image ${folder} is not used: ${error.message}\n`); // images.py removes it before the next start
    return undefined;
  } finally {
    fs.closeSync(descriptor);
  }
}

function compile(wasmFile, codeFile) {
  const kept = (bytes) => codeFile && withBytes(codeFile, 0, (code) => deserialize(code.buffer, bytes));
  return withBytes(wasmFile, PADDING, (bytes) => kept(bytes) || new WebAssembly.Module(bytes));
}

// The more functions are optimised, the better for later processes. Code of V8's baseline compiler is dropped: every
// process would have to compile it at its start, needed or not, and V8's notes about it take more memory than
// everything else that a process has of its own. It is compiled again where it is called again.
function saveCode(file, module, least) {
  flushBaseline();
  const code = serialize(module);
  if (!code || code.byteLength <= least) return;
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, Buffer.from(code));
  fs.renameSync(draft, file);
}

// Optimises all functions that have been called so far, which are those that V8's baseline compiler has compiled. The
// functions of a table are JavaScript objects whose name is their number. Functions that the module imports are not its
// own, nor is the one at `foreign`.
function optimiseCalled(module, table, foreign) {
  const imported = WebAssembly.Module.imports(module).filter(({ kind }) => kind === "function").length;
  const called = [];
  for (let place = 0; place < table.length; place++) {
    const f = place === foreign ? null : table.get(place);
    if (f && Number(f.name) >= imported && isBaseline(f)) called.push(f);
  }
  called.forEach(optimise);
}

function sizeOf(file) {
  return (file && fs.statSync(file, { throwIfNoEntry: false })?.size) || 0;
}

function proceed(image, lean, Module) {
  if (lean.__indirect_function_table.length !== image.table) throw new Error("the image belongs to another lean.wasm");
  const unit = 1;
  try {
    lean.lean_apply_1(image.closure, unit);
    return 0;
  } catch (error) {
    if (typeof error !== "number") throw error; // a number is a C++ exception, which `main` would have reported
    const [type, message] = Module.getExceptionMessage(error);
    fs.writeSync(2, `${message ?? type}\n`);
    return 1;
  }
}

// Idle threads sleep in the task manager. It is replaced, not finalised: under Emscripten its destructor wakes them
// without waiting for them, and they then write to freed memory, which corrupts the heap.
function endThreads(lean, PThread) {
  PThread.terminateAllThreads();
  lean.lean_init_task_manager_using(LEAN_THREADS);
}

function describe(closure, memory, lean) {
  const globals = {};
  for (const [name, value] of Object.entries(lean)) if (name.startsWith(MUTABLE_GLOBAL)) globals[name] = value.value;
  const runs = [];
  const zero = Buffer.alloc(PAGE);
  for (let start = 0; start < memory.buffer.byteLength; start += PAGE) {
    if (zero.equals(Buffer.from(memory.buffer, start, PAGE))) continue;
    const last = runs.at(-1);
    if (last && last[0] + last[1] === start) last[1] += PAGE;
    else runs.push([start, PAGE]);
  }
  return { closure, globals, table: lean.__indirect_function_table.length, length: memory.buffer.byteLength, runs };
}

// Makes the folder appear complete or not at all; another process may have been faster.
function save(folder, header, memory) {
  const draft = fs.mkdtempSync(`${folder}.`);
  try {
    const text = JSON.stringify(header);
    const head = Buffer.from(text.padEnd(Math.ceil((8 + text.length) / PAGE) * PAGE - 8));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(head.length));
    const parts = header.runs.map(([start, length]) => new Uint8Array(memory.buffer, start, length));
    writeFile(path.join(draft, "memory"), [length, head, ...parts]);
    for (const role of ROLES) fs.mkdirSync(path.join(draft, role));
    fs.renameSync(draft, folder);
  } catch (error) {
    fs.rmSync(draft, { recursive: true, force: true });
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  }
}

function writeFile(file, parts) {
  const descriptor = fs.openSync(file, "wx", 0o444);
  try {
    for (const bytes of parts) for (let at = 0; at < bytes.length; ) at += fs.writeSync(descriptor, bytes, at);
  } finally {
    fs.closeSync(descriptor);
  }
}

module.exports = { open };
