/-! Requests that check a candidate, and those that prepare a judge's check. -/

def opCheck (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  let startHeartbeats ← IO.getNumHeartbeats
  let mode := if hasField j "file" then "file" else "proof"
  let finish (reference : Option Reference) (o : Outcome) (timing : Timing) : IO Unit := do
    let used := (← IO.getNumHeartbeats) - startHeartbeats
    let o := match ← w.session.refused with
      | some r => refused r
      | none => o
    let (ground, timing) ← groundOf w task env o timing
    let (digest, timing) ← match reference with
      | some r => digestOf task env r.name o timing
      | none => pure (.null, timing)
    let path := if (← w.session.gate.get).transparent then "transparent" else "listed"
    let fields (timing : Json) := ("path", .str path) :: ("term", digest) :: outcomeJson task mode reference o ground timing (.num used)
    match reference, o.proved, hasField j "export" with
    | some r, some source, true =>
      let exported := exportProof env source r.name (newSafeNames env.toKernelEnv source)
      let timing ← timing.lap "export_ms"
      w.answer id (("export", exported) :: fields (← timing.json))
    | _, _, _ => w.answer id (fields (← timing.json))
  if mode == "file" && task.statement == "" then
    match ← baseOf w.session task env with
    | .error r => finish none (refused r) timing
    | .ok (st, clean) => finish none (← checkWhole w.session task st clean (strField j "file")) timing
  else withReference w task env (fun r => finish none (refused r) timing) fun st clean reference => do
    let timing ← timing.lap "reference_ms"
    let judgeCandidate : Finish := fun src stx _ clean after log timing => judge w.session task src stx clean reference after log timing
    let (o, timing) ← if mode == "file" then checkFile w.session task env st clean judgeCandidate (strField j "file") timing
      else checkProof w.session task st clean reference.header judgeCandidate (strField j "proof") timing
    finish (some reference) o timing

/-- Exports the reference of a theorem for a judge. Sent before any candidate. -/
def opReference (w : Wire) (id : Nat) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (w.refuse id task timing) fun st context reference => do
    let (_, text) ← exportReference w.session task env context reference
    if text.utf8ByteSize > maxExportBytes then
      return ← w.report id task timing "out_of_resources" [errorNote .context s!"the constants on which the statement depends are longer than {maxExportBytes} bytes when exported"] []
    let inspection ← inspectProof w.session task st "by sorry" [``Parser.Tactic.tacticSorry]
    w.reportStatement id task timing reference inspection "verified" [] [("constant", nameJson reference.name), ("export", .str text)]

/-- Elaborates a candidate and exports its new constants. -/
def opCandidate (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  let startHeartbeats ← IO.getNumHeartbeats
  let mode := if hasField j "file" then "file" else "proof"
  let answer (reference : Option Reference) (o : Outcome) (timing : Timing) : IO Unit := do
    let used := (← IO.getNumHeartbeats) - startHeartbeats
    w.answer id (("export", if o.exported == "" then .null else .str o.exported) :: outcomeJson task mode reference o { axioms := o.axioms, complete := false } (← timing.json) (.num used))
  withReference w task env (fun r => answer none (refused r) timing) fun st context reference => do
    let timing ← timing.lap "reference_ms"
    let finish := exportCandidate w.session task env context reference
    let (o, timing) ← if mode == "file" then checkFile w.session task env st context finish (strField j "file") timing
      else checkProof w.session task st context reference.header finish (strField j "proof") timing
    answer (some reference) o timing

/-- Gives a judge's verdict on an export, for a reference that is read once. -/
def opJudge (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  let name := nameOfJson (field j "constant")
  let clean := env.toKernelEnv
  let finish (o : Outcome) (timing : Timing) : IO Unit := do
    let (ground, timing) ← groundOf w task env o timing
    let (digest, timing) ← digestOf task env name o timing
    let proofExport := match o.proved, hasField j "show" with
      | some proved, true => exportProof env proved name (crosscheckedNames task clean proved)
      | _, _ => .null
    w.answer id (withGround ground [("verdict", .str o.verdict), ("trust", o.trust), ("term", digest), ("theorem", .str (nameString (privateToUserName name))),
      ("messages", notesJson task.limits o.notes), ("constants", .num o.constants), ("export", proofExport), ("timing", ← timing.json)])
  match ← readReference w.session task clean name (strField j "reference") with
  | .error r => finish (refused r) timing
  | .ok reference =>
    let timing ← timing.lap "reference_ms"
    let (o, timing) ← judgeExport w.session task env clean reference (strField j "export") timing
    finish o timing
