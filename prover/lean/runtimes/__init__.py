"""Runtimes of Lean: embedded (WebAssembly), native, and through LeanDojo."""
