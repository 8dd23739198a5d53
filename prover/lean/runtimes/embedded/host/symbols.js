"use strict";
// Looks up symbols of Lean by name, for its interpreter, in the file that wasm.py writes and describes.
// All threads share one copy, read when it is first needed.
const fs = require("fs");
const { getEnvironmentData, isMainThread, setEnvironmentData } = require("worker_threads");

// A function from a name to its place in the function table, or its address if it is data; 0 if it is not known.
function finder(file) {
  if (isMainThread) setEnvironmentData("symbols", new SharedArrayBuffer(fs.statSync(file).size));
  const shared = getEnvironmentData("symbols");
  const header = new Uint32Array(shared, 0, 2);
  return (name) => {
    if (!Atomics.load(header, 0)) read(file, shared, header);
    const [count, size] = header;
    const offsets = new Uint32Array(shared, 8, count + 1);
    const names = Buffer.from(shared, shared.byteLength - size, size);
    const wanted = Buffer.from(name);
    for (let low = 0, high = count; low < high; ) {
      const middle = (low + high) >> 1;
      const order = names.compare(wanted, 0, wanted.length, offsets[middle], offsets[middle + 1]);
      if (order === 0) return new Uint32Array(shared, 8 + offsets.byteLength, count)[middle];
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return 0;
  };
}

// The number of symbols comes last: it says that the rest is there. Two threads that read at once write the same.
function read(file, shared, header) {
  const bytes = fs.readFileSync(file);
  new Uint8Array(shared, 4).set(bytes.subarray(4));
  Atomics.store(header, 0, bytes.readUInt32LE(0));
}

module.exports = { finder };
