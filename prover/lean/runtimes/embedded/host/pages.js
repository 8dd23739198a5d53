"use strict";
// Fills memory from files, by letting it be pages of the files (pages.c) where that can be done: what is only read is then in
// memory once, for all processes. For that a place in memory and one in a file must be equally far from the start of a page.
const fs = require("fs");

// Where an array of many pages begins within a page, so that files which are read into one begin there, too: what the
// allocator of the C library (glibc) puts in front of it.
const PADDING = 16;

const pages = linked();
function linked() {
  try {
    return process._linkedBinding("leansieve_pages");
  } catch {
    return undefined; // it was not built
  }
}

// Fills `bytes` with what is at `position` of an open file that nobody ever changes.
function fill(descriptor, bytes, position) {
  if (pages?.fill(descriptor, position, bytes)) return bytes;
  for (let at = 0, count; at < bytes.length; at += count) {
    count = fs.readSync(descriptor, bytes, at, bytes.length - at, position + at);
    if (!count) throw new Error("the file ends early");
  }
  return bytes;
}

// What `action` makes of the bytes of a file, behind `padding`. If there is any, it keeps a copy of them, whose pages become
// those of the file.
function withBytes(file, padding, action) {
  const descriptor = fs.openSync(file);
  try {
    const length = fs.fstatSync(descriptor).size - padding;
    const bytes = fill(descriptor, new Uint8Array(length), padding);
    const result = action(bytes);
    bytes.buffer.transfer(0); // not when the garbage collector comes round to it
    if (padding) pages?.replaceCopy(descriptor, padding, length);
    return result;
  } finally {
    fs.closeSync(descriptor);
  }
}

module.exports = { PADDING, fill, withBytes };
