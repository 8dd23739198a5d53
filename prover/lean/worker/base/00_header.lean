/- The leansieve worker: one Lean program that checks proofs (docs/worker-protocol.md).
   Its files are joined in the order of their names, and the result runs with `lean --run`, natively and in WebAssembly.
   The program is interpreted, and the WebAssembly library lacks the private parts of modules. It therefore avoids all
   library functions that the compiler would inline from such parts (`for` over arrays, `Array.foldl`, `List.erase`,
   `Name.toString`, …) and uses plain recursion over lists and calls of compiled functions instead. A recursion whose
   depth a request can choose is a tail recursion: the interpreter's frames are large, and WebAssembly's stack has no
   guard. -/
module
public import Lean
open Lean Elab
set_option compiler.checkMeta false
set_option autoImplicit false

namespace Leansieve

/-- Version of the worker in verdicts and receipts, to be raised by every change after which a verdict could differ. -/
def workerVersion : String := "10"
