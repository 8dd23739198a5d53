"""Ways to run Lean: embedded (WebAssembly), native, and through LeanDojo."""
