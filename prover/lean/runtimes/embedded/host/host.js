"use strict";
// Runs the WebAssembly Lean under Node: entry point of the process and of each of Lean's threads.
// It tells the glue script (lean.js, see glue.py) where its files are and which parts of the host Lean may see.
//
// Environment:
//   LEANSIEVE_RUNTIME     folder of lean.js, lean.padded (the module), lean.symbols and invoke.wasm
//   LEANSIEVE_LIBRARY     folder of .olean files
//   LEANSIEVE_PROGRAM     folder of the worker program
//   LEANSIEVE_IMPORTS     modules to import, separated by blanks
//   LEANSIEVE_IMAGES      folders of images: the last that exists is used, later ones are made (image.js)
//   LEANSIEVE_CODE        worker or judge: the role whose compiled code to use and to extend
//   LEANSIEVE_WARMED      file of the compiled code made for all workers; optional (warming.py)
//   LEANSIEVE_WARMING     folder in which to leave such a file when the input ends; optional
//   LEANSIEVE_SEALED      1 if this process will run code that was not vetted (seal.js); it then writes nothing
//   LEANSIEVE_CONTROL_FD  number of the socket for `cancel N`; optional (control.js)
const path = require("path");
const { isMainThread } = require("worker_threads");

const setting = (name) => process.env[`LEANSIEVE_${name}`];
const inRuntime = (name) => path.join(setting("RUNTIME"), name);

const Module = {
  mainScriptUrlOrBlob: __filename,
  symbol: require("./symbols.js").finder(inRuntime("lean.symbols")),
};
Module.link = require("./link.js").linker(inRuntime("invoke.wasm"), Module);
globalThis.LeanModule = Module;

// Lean sees its library, the worker program and the list of imports, all read-only, and standard input and output;
// nothing else of the host.
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
    [setting("LIBRARY"), "/library"],
    [setting("PROGRAM"), "/program"],
  ]) {
    FS.mkdir(point);
    FS.mount(NODEFS, { root }, point);
  }
  FS.mkdir("/bin");
  FS.writeFile("/bin/lean", ""); // Lean looks up its own program
  // A file, not an argument: a process that starts from an image has the arguments of the process that made it.
  FS.writeFile("/imports", setting("IMPORTS") ?? "");
  ENV.LEAN_PATH = "/library";
  const view = (heap, offset, length) => new Uint8Array(heap.buffer, heap.byteOffset + offset, length);
  TTY.stream_ops.read = (_stream, heap, offset, length) => streams.read(view(heap, offset, length));
  TTY.stream_ops.write = (stream, heap, offset, length) => {
    const bytes = Buffer.from(view(heap, offset, length)); // a copy: the heap is shared
    if (stream.path === "/dev/tty1") streams.writeError(bytes);
    else streams.write(bytes);
    return length;
  };
}

let streams;
if (isMainThread) {
  const folders = setting("IMAGES")?.split(path.delimiter) ?? [];
  const image = require("./image.js").open(folders, setting("CODE"), inRuntime("lean.padded"), Module, {
    sealed: Boolean(setting("SEALED")),
    warmed: setting("WARMED"),
    warming: setting("WARMING"),
  });
  Module.wasmMemory = image.memory;
  Module.instantiateWasm = image.instantiate;
  Module.constructed = image.found;
  Module.start = image.start;
  Module.imagePoint = image.imagePoint;
  Module.preRun = [mount];
  // Not enumerable, because the glue forwards enumerable handlers to other threads. Lean's threads may still run.
  // If all went well, the `main` of this Lean returns the address of its result instead of a status.
  const exit = (status) => {
    image.ended();
    process.exit(status > 255 ? 0 : status);
  };
  Object.defineProperty(Module, "onExit", { value: exit });
  const control = require("./control.js").open(image.memory, setting("CONTROL_FD"), image.requestDone);
  streams = require("./streams.js").open({ TOKEN: control.token, WORK: control.work, IMAGE: image.announce });
}
if (setting("SEALED")) require("./seal.js").seal();
require(inRuntime("lean.js"));
