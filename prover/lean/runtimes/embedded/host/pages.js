"use strict";
// Fills memory from files, where possible by mapping pages of the files (pages.c), so that all processes share one copy
// of what they only read. A position in memory and its position in the file must then have the same offset within a
// page.
const fs = require("fs");

// Offset within a page at which the data of a large array begin, due to the header of the C library's allocator
// (glibc). Files that are read into an array have their data at the same offset.
const PADDING = 16;

const pages = linked();
function linked() {
  try {
    return process._linkedBinding("leansieve_pages");
  } catch {
    return undefined; // it was not built
  }
}

// Fills `bytes` from `position` of an open file, which never changes.
function fill(descriptor, bytes, position) {
  if (pages?.fill(descriptor, position, bytes)) return bytes;
  for (let at = 0, count; at < bytes.length; at += count) {
    count = fs.readSync(descriptor, bytes, at, bytes.length - at, position + at);
    if (!count) throw new Error("the file ends early");
  }
  return bytes;
}

// Returns the result of `action` for the bytes of a file after `padding`. With padding, `action` keeps a copy of the
// bytes, and its pages are replaced by those of the file.
function withBytes(file, padding, action) {
  const descriptor = fs.openSync(file);
  try {
    const length = fs.fstatSync(descriptor).size - padding;
    const bytes = fill(descriptor, new Uint8Array(length), padding);
    const result = action(bytes);
    bytes.buffer.transfer(0); // freed now, not at the next garbage collection
    if (padding) pages?.replaceCopy(descriptor, padding, length);
    return result;
  } finally {
    fs.closeSync(descriptor);
  }
}

module.exports = { PADDING, fill, withBytes };
