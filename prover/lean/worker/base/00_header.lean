/- The leansieve worker: one Lean program that judges proofs (docs/worker-protocol.md).
   Its files are joined in the order of their names and run with `lean --run`, natively and in WebAssembly.
   It is interpreted, and the WebAssembly library lacks the private parts of modules, so it avoids everything that the
   compiler would inline from them: no `for` over arrays, no `Array.foldl`, `List.erase`, `Name.toString`, …;
   plain recursion over lists and calls to compiled functions instead. Recursion whose depth a request can choose is
   tail recursion: the interpreter's frames are large, and WebAssembly's stack is not guarded. -/
module
public import Lean
open Lean Elab
set_option compiler.checkMeta false
set_option autoImplicit false

namespace Leansieve

/-- Shown in verdicts and receipts; raised whenever a verdict could change. -/
def workerVersion : String := "10"
