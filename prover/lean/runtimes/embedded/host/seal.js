"use strict";
// For a process that runs code which nobody has vetted (docs/trust.md, quarantine). WebAssembly reaches JavaScript only by the
// functions that the glue gives it, and some of those evaluate a text (`emscripten_run_script`) or fetch one. Node's permission
// model already refuses other processes, addons, and all files but those that are to be read. What is linked to Node (pages.c)
// lays files over memory, which this host alone may ask for.

const refuse = (what) => () => {
  throw new Error(`${what} is not for code in quarantine`);
};

// Called in each thread, before anything of Lean runs and after what this host itself needs.
function seal() {
  for (const name of ["eval", "fetch", "WebSocket", "EventSource", "XMLHttpRequest", "importScripts"])
    Object.defineProperty(globalThis, name, { value: refuse(name), writable: false, configurable: false });
  Object.defineProperty(process, "_linkedBinding", { value: refuse("a binding"), writable: false, configurable: false });
}

module.exports = { seal };
