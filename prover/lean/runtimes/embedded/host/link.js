"use strict";
// Gives lean.wasm its function table and the calls that may throw, from the module that invoke.py writes.
const fs = require("fs");

// Returns a function that completes the imports of lean.wasm (its `env`) and returns its other imports. Each thread has
// its own.
function linker(file, Module) {
  return (env) => {
    // Called with the thrown value and the position of the stack before the call. A number is a C++ exception or a
    // `longjmp`, which the caller in lean.wasm will handle; anything else ends the process.
    const caught = (value, stack) => {
      if (typeof value !== "number") throw value;
      Module.lean._emscripten_stack_restore(stack);
      Module.lean.setThrew(1, 0);
    };
    const host = { caught, thrown: WebAssembly.JSTag };
    const module = new WebAssembly.Module(fs.readFileSync(file));
    const { table, ...calls } = new WebAssembly.Instance(module, { host }).exports;
    Object.assign(env, calls);
    return { table };
  };
}

// C++ calls this function with one argument too many, which JavaScript tolerated.
function adaptMain(Module) {
  const place = Module.symbol("lean_shell_main");
  const main = Module.lean.__indirect_function_table.get(place);
  const adapter = Module.convertJsFunctionToWasm((options, args) => main(options, args), "iiii");
  Module.lean.__indirect_function_table.set(place, adapter);
}

module.exports = { adaptMain, linker };
