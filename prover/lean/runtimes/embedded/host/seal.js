"use strict";
// For a process that runs code which was not vetted (docs/trust.md, quarantine). WebAssembly reaches JavaScript only
// through the functions that the glue provides, some of which evaluate a text (`emscripten_run_script`) or fetch one.
// Node's permission model already denies other processes, addons, and all files but those that it may read. The
// functions linked to Node (pages.c) map files over memory, which only this host may request.

const refuse = (what) => () => {
  throw new Error(`${what} is not for code in quarantine`);
};

// Called in each thread, before any code of Lean runs and after this host has what it needs.
function seal() {
  for (const name of ["eval", "fetch", "WebSocket", "EventSource", "XMLHttpRequest", "importScripts"])
    Object.defineProperty(globalThis, name, { value: refuse(name), writable: false, configurable: false });
  Object.defineProperty(process, "_linkedBinding", { value: refuse("a binding"), writable: false, configurable: false });
}

module.exports = { seal };
