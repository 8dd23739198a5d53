"use strict";
// Finds symbols of Lean by name, for its interpreter, in the file that wasm.py writes and describes.
// All threads share one copy.
const fs = require("fs");
const { getEnvironmentData, isMainThread, setEnvironmentData } = require("worker_threads");
const { fill } = require("./pages.js");

const PAGE = 1 << 16;

// Returns a function from a name to its index in the function table, or its address if it is data; 0 if it is unknown.
function finder(file) {
  if (isMainThread) setEnvironmentData("symbols", read(file));
  const [buffer, length] = getEnvironmentData("symbols");
  const [count, size] = new Uint32Array(buffer, 0, 2);
  const offsets = new Uint32Array(buffer, 8, count + 1);
  const values = new Uint32Array(buffer, 8 + offsets.byteLength, count);
  const names = Buffer.from(buffer, length - size, size);
  return (name) => {
    const wanted = Buffer.from(name);
    for (let low = 0, high = count; low < high; ) {
      const middle = (low + high) >> 1;
      const order = names.compare(wanted, 0, wanted.length, offsets[middle], offsets[middle + 1]);
      if (order === 0) return values[middle];
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return 0;
  };
}

// Returns shared memory that begins with the file's content, at a page boundary, and the length of the file.
function read(file) {
  const descriptor = fs.openSync(file);
  try {
    const length = fs.fstatSync(descriptor).size;
    const pages = Math.ceil(length / PAGE);
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    fill(descriptor, new Uint8Array(buffer, 0, length), 0);
    return [buffer, length];
  } finally {
    fs.closeSync(descriptor);
  }
}

module.exports = { finder };
