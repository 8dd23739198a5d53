"use strict";
// Lean's stack in linear memory. (V8 has a separate stack for WebAssembly's own frames: --stack-size.)
//
// The module comes with 64 KiB, which ordinary elaboration nearly fills; an overflow silently overwrites Lean's static
// data. Nor does Lean guard it: it computes the size as `end - base`, which is negative where stacks grow down.
const LIMIT = 4 << 20; // the size that Lean is told: what needs more ends with its error of deep recursion
const ROOM = 256 << 20; // the real size: recursion that Lean does not watch ends with V8's `RangeError` long before

// Moves the stack into the heap, before any code has run. Pages that are never touched take no memory.
function move(lean) {
  lean._emscripten_stack_restore(lean.sbrk(ROOM) + ROOM);
}

// Tells Lean the bounds just before it reads them, swapped, so that the difference is positive. The constructors, which
// also set the bounds, must have run.
function tell(lean) {
  const top = lean.emscripten_stack_get_current();
  lean.emscripten_stack_set_limits(top - LIMIT, top);
}

module.exports = { move, tell };
