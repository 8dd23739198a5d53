"use strict";
// Standard input and output of Lean. Bytes pass through synchronously and completely, except short lines on standard
// output that announce something to this host (docs/worker-protocol.md): these are taken out.
const fs = require("fs");

const announcement = /^([A-Z]+) (\d{1,10})$/;
const longestAnnouncement = 20;

// `announced` maps each word that Lean may announce to a function of a number.
function open(announced) {
  const input = { bytes: Buffer.alloc(1 << 16), at: 0, end: 0 };
  let held = Buffer.alloc(0); // start of a line that may become an announcement
  let inLine = false; // whether the start of the current line was passed on

  // Fills `target` with the available bytes, at least one; returns 0 at the end of input.
  function read(target) {
    if (input.at === input.end) {
      input.at = 0;
      input.end = whenReady(() => fs.readSync(0, input.bytes));
    }
    const count = Math.min(target.length, input.end - input.at);
    target.set(input.bytes.subarray(input.at, input.at + count));
    input.at += count;
    return count;
  }

  function write(bytes) {
    const data = held.length ? Buffer.concat([held, bytes]) : bytes;
    const passed = [];
    let from = 0;
    for (let end; (end = data.indexOf(10, from)) >= 0; from = end + 1) {
      const short = !inLine && end - from <= longestAnnouncement;
      const [, word, number] = (short && announcement.exec(data.toString("latin1", from, end))) || [];
      if (announced[word]) announced[word](Number(number));
      else passed.push(data.subarray(from, end + 1));
      inLine = false;
    }
    held = data.subarray(from);
    if (inLine || held.length > longestAnnouncement) {
      passed.push(held);
      held = held.subarray(held.length);
      inLine = true;
    }
    writeAll(1, passed.length === 1 ? passed[0] : Buffer.concat(passed));
  }

  return { read, write, writeError: (bytes) => writeAll(2, bytes) };
}

function writeAll(descriptor, bytes) {
  for (let at = 0; at < bytes.length; ) at += whenReady(() => fs.writeSync(descriptor, bytes, at));
}

// Repeats `operation` while the descriptor is not ready, because another process may have made it non-blocking.
const pause = new Int32Array(new SharedArrayBuffer(4));
function whenReady(operation) {
  for (;;) {
    try {
      return operation();
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

module.exports = { open };
