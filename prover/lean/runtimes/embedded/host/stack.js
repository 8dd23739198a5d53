"use strict";
// Lean's stack in linear memory. (V8 has another one, for what WebAssembly itself keeps on a stack: --stack-size.)
//
// The module comes with 64 KiB, which ordinary elaboration nearly fills; what does not fit overwrites Lean's static data
// in silence. And Lean does not guard it: it takes `end - base` for its size, which is negative where stacks grow down.
const LIMIT = 4 << 20; // what Lean is told there is: what needs more ends with its error of deep recursion
const ROOM = 256 << 20; // what there is: recursion that Lean does not watch ends with V8's `RangeError` long before

// Moves the stack into the heap, before anything ran. What is never touched takes no memory.
function move(lean) {
  lean._emscripten_stack_restore(lean.sbrk(ROOM) + ROOM);
}

// Tells Lean, which is about to look: the bounds swapped, so that its difference is right. The constructors, which set
// the bounds too, must have run.
function tell(lean) {
  const top = lean.emscripten_stack_get_current();
  lean.emscripten_stack_set_limits(top - LIMIT, top);
}

module.exports = { move, tell };
