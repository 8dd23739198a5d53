/-! Requests that check a candidate, and those that prepare a judge's check. -/

def opCheck (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  let beats ← IO.getNumHeartbeats
  let mode := if hasField j "file" then "file" else "proof"
  let finish (reference : Option Reference) (o : Outcome) (timing : Timing) : IO Unit := do
    let used := (← IO.getNumHeartbeats) - beats
    let o := match ← w.session.refused with
      | some r => refused r
      | none => o
    let (ground, timing) ← groundOf w task env o timing
    let (digest, timing) ← match reference with
      | some r => digestOf task env r.name o timing
      | none => pure (.null, timing)
    let path := if (← w.session.gate.get).open_ then "transparent" else "listed"
    let outcomeJson (task : Task) (mode : String) (reference : Option Reference) (o : Outcome) (ground : Ground) (timing heartbeats : Json) :=
      ("path", .str path) :: ("term", digest) :: outcomeJson task mode reference o ground timing heartbeats
    match reference, o.proved, hasField j "export" with
    | some r, some source, true =>
      let exported := exportProof env source r.name (newSafeNames env.toKernelEnv source)
      let timing ← timing.lap "export_ms"
      w.answer id (("export", exported) :: outcomeJson task mode reference o ground (← timing.json) (.num used))
    | _, _, _ => w.answer id (outcomeJson task mode reference o ground (← timing.json) (.num used))
  if mode == "file" && task.statement == "" then
    match ← baseOf w.session task env with
    | .error r => finish none (refused r) timing
    | .ok (st, clean) => finish none (← checkWhole w.session task st clean (strField j "file")) timing
  else withReference w task env (fun r => finish none (refused r) timing) fun st clean reference => do
    let timing ← timing.lap "reference_ms"
    let finish_ : Finish := fun src stx _ clean after log timing => judge w.session task src stx clean reference after log timing
    let (o, timing) ← if mode == "file" then checkFile w.session task env st clean finish_ (strField j "file") timing
      else checkProof w.session task st clean reference.header finish_ (strField j "proof") timing
    finish (some reference) o timing

/-- Exports the reference of a theorem for a judge. Sent before any candidate. -/
def opReference (w : Wire) (id : Nat) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun st context reference => do
    let (_, text) ← handOutReference w.session task env context reference
    if text.utf8ByteSize > longestExport then
      return ← w.report id task timing "out_of_resources" [plainNote s!"what the statement rests on is more than {longestExport} bytes of text"] []
    let looked ← lookInto w.session task st "by sorry" [``Parser.Tactic.tacticSorry]
    let goals ← match looked.steps with
      | s :: _ => printGoals s.context s.info.mctxBefore s.info.goalsBefore #[]
      | [] => pure #[]
    w.report id task timing "verified" []
      [("theorem", .str (nameString (privateToUserName reference.name))), ("type", .str (← reference.printed)), ("goal", goals.getD 0 (.str "")),
       ("constant", nameJson reference.name), ("export", .str text)]
where
  plainNote (text : String) : Note := { severity := "error", region := .context, line := 1, column := 0, text }

/-- Elaborates a candidate and exports its new constants. -/
def opCandidate (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  let beats ← IO.getNumHeartbeats
  let mode := if hasField j "file" then "file" else "proof"
  let answer (reference : Option Reference) (o : Outcome) (timing : Timing) : IO Unit := do
    let used := (← IO.getNumHeartbeats) - beats
    w.answer id (("export", if o.handedOut == "" then .null else .str o.handedOut) :: outcomeJson task mode reference o { axioms := o.axioms, complete := false } (← timing.json) (.num used))
  withReference w task env (fun r => answer none (refused r) timing) fun st context reference => do
    let timing ← timing.lap "reference_ms"
    let finish := handOut w.session task env context reference
    let (o, timing) ← if mode == "file" then checkFile w.session task env st context finish (strField j "file") timing
      else checkProof w.session task st context reference.header finish (strField j "proof") timing
    answer (some reference) o timing

/-- Gives a judge's verdict on an export, for a reference that was fixed before. -/
def opJudge (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  let name := nameOfJson (field j "constant")
  let clean := env.toKernelEnv
  let finish (o : Outcome) (timing : Timing) : IO Unit := do
    let (ground, timing) ← groundOf w task env o timing
    let (digest, timing) ← digestOf task env name o timing
    let export_ := match o.proved, hasField j "show" with
      | some proved, true => exportProof env proved name (shownOf task clean proved)
      | _, _ => .null
    w.answer id (withGround ground [("verdict", .str o.verdict), ("trust", o.trust), ("term", digest), ("theorem", .str (nameString (privateToUserName name))),
      ("messages", notesJson task.limits o.notes), ("constants", .num o.constants), ("export", export_), ("timing", ← timing.json)])
  match ← fixReference w.session task clean name (strField j "reference") with
  | .error r => finish (refused r) timing
  | .ok reference =>
    let timing ← timing.lap "reference_ms"
    let (o, timing) ← judgeExport w.session task env clean reference (strField j "export") timing
    finish o timing
