/-! The output of an elaborator: the reference, exported before any candidate ran, and then each candidate's new
    constants. An elaborator runs its client's code, so nothing in its output is trusted. -/

/-- Constants of some kinds that `after` has and `before` lacks, without a mark. -/
def addedNames (before : Kernel.Environment) (wanted : ConstantInfo → Bool) (after : Kernel.Environment) : List (Name × Bool) := go (addedConstants after) []
where
  go : List ConstantInfo → List (Name × Bool) → List (Name × Bool)
    | [], acc => acc
    | info :: rest, acc => if wanted info && (before.find? info.name).isNone then go rest ((info.name, false) :: acc) else go rest acc

def isSafe (info : ConstantInfo) : Bool := !isUnsafeConstant info

def isSafeAxiom (info : ConstantInfo) : Bool := match info with
  | .axiomInfo v => !v.isUnsafe
  | _ => false

/-- Exports the dependencies of the statement, and the axioms of the context even if the statement does not depend on
    them. -/
def exportReference (session : Session) (task : Task) (env : Environment) (context : Kernel.Environment) (reference : Reference) : IO (NameHashSet × String) := do
  let key := task.key ++ task.statement
  match recall key (← session.exportedReferences.get) with
  | some known => pure known
  | none =>
    let clean := env.toKernelEnv
    let x := Export.new.below reference.constants (fun n => (clean.find? n).isSome) ((reference.name, false) :: addedNames clean isSafeAxiom context)
    let known := (x.done, x.out)
    session.exportedReferences.set (remember 16 key known (← session.exportedReferences.get))
    pure known

/-- Exports the new constants of a candidate that was elaborated without errors. -/
def exportCandidate (session : Session) (task : Task) (env : Environment) (context : Kernel.Environment) (reference : Reference) : Finish := fun src stx before _ after log timing => do
  if ← session.token.isSet then
    return ({ verdict := "timeout", trust := .null, notes := [src.noteAt "error" "cancelled" stx], axioms := [], constants := 0 }, timing)
  let notes ← src.notes task.limits.messages log
  if hasError log then return ({ verdict := errorVerdict log notes, trust := .null, notes, axioms := [], constants := 0 }, timing)
  let clean := env.toKernelEnv
  let (known, _) ← exportReference session task env context reference
  let kenv := after.env.toKernelEnv
  let start := before.env.toKernelEnv
  -- A constant that the candidate found in the context was exported with the reference. The candidate may have declared
  -- another one under the name of an exported constant, which has to be exported here.
  let stop (n : Name) : Bool := (clean.find? n).isSome || (known.contains n && (start.find? n).isSome)
  let x := Export.new.below (constantsOf kenv) stop (addedNames start isSafe kenv)
  let timing ← timing.lap "export_ms"
  if x.out.utf8ByteSize > maxExportBytes then
    return ({ verdict := "out_of_resources", trust := .null, notes := src.noteAt "error" s!"the candidate's constants are longer than {maxExportBytes} bytes when exported" stx :: notes, axioms := [], constants := 0 }, timing)
  return ({ verdict := "verified", trust := "elaborated", notes, axioms := [], constants := 0, exported := x.out }, timing)
