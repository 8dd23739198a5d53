/-! How requests are answered, and the fields that several answers share. -/

structure Wire where
  marker : String
  session : Session
  /-- Whether cancels arrive through shared memory, and lines announce the token and each request, or on stdin. -/
  memory : Bool
  current : IO.Ref Nat

def print (line : String) : IO Unit := do
  let out ← IO.getStdout
  out.putStr (line ++ "\n")
  out.flush

def Wire.answer (w : Wire) (id : Nat) (fields : List (String × Json)) : IO Unit :=
  print (w.marker ++ " " ++ Json.compress (Json.mkObj (("id", .num id) :: ("ok", .bool true) :: fields)))

def Wire.fail (w : Wire) (id : Nat) (code message : String) : IO Unit :=
  print (w.marker ++ " " ++ Json.compress (Json.mkObj [("id", .num id), ("ok", .bool false),
    ("error", Json.mkObj [("code", .str code), ("message", .str message)])]))

/-- The ground of a verified proof: its axioms, including those of the library. -/
def groundOf (w : Wire) (task : Task) (env : Environment) (o : Outcome) (timing : Timing) : IO (Ground × Timing) := match o.basis with
  | some (source, names) => do
    let ground ← w.session.groundOf (joinStrings " " task.imports "") env source names o.axioms
    return (ground, ← timing.lap "ground_ms")
  | none => pure ({ axioms := o.axioms, complete := false }, timing)

def withGround (g : Ground) (fields : List (String × Json)) : List (String × Json) :=
  ("axioms", jsonNames g.axioms #[]) :: ("axioms_complete", .bool g.complete) :: fields

/-- The digest of a verified proof's term; null for a file that is judged as a whole. -/
def digestOf (task : Task) (env : Environment) (name : Name) (o : Outcome) (timing : Timing) : IO (Json × Timing) := match o.basis with
  | some (source, _) => do
    if task.policy.whole then return (.null, timing)
    match ← termDigest env source name with
    | some digest => return (.str digest, ← timing.lap "digest_ms")
    | none => return (.null, ← timing.lap "digest_ms")
  | none => pure (.null, timing)

def outcomeJson (task : Task) (mode : String) (reference : Option Reference) (o : Outcome) (ground : Ground) (timing heartbeats : Json) : List (String × Json) :=
  withGround ground [("verdict", .str o.verdict), ("trust", o.trust), ("mode", .str mode),
   ("theorem", .str (match reference with | some r => nameString (privateToUserName r.name) | none => "")),
   ("messages", notesJson task.limits o.notes), ("constants", .num o.constants),
   ("heartbeats", heartbeats), ("timing", timing), ("containable", .bool o.containable)]

/-- Elaborates the base and the reference of a theorem, and continues with them or with a refusal. -/
def withReference (w : Wire) (task : Task) (env : Environment) (refuse : Refusal → IO Unit)
    (go : Command.State → Kernel.Environment → Reference → IO Unit) : IO Unit := do
  match ← baseOf w.session task env with
  | .error r => refuse r
  | .ok (st, clean) => match ← referenceOf w.session task st with
    | .error r => refuse r
    | .ok reference => go st clean reference

/-- Answers a request that has no candidate to check. If Lean asked for an expansion that is not allowed, the answer
    says only that. -/
def Wire.report (w : Wire) (id : Nat) (task : Task) (timing : Timing) (verdict : String) (notes : List Note) (fields : List (String × Json)) : IO Unit := do
  let (verdict, notes, fields) := match ← w.session.refused with
    | some r => (r.verdict, r.notes, [("containable", Json.bool true)])
    | none => (verdict, notes, fields)
  w.answer id (("verdict", .str verdict) :: ("messages", notesJson task.limits notes) :: ("timing", ← timing.json) :: fields)

/-- Answers such a request with a refusal of its theorem. -/
def Wire.refuse (w : Wire) (id : Nat) (task : Task) (timing : Timing) (r : Refusal) : IO Unit :=
  w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]

/-- Answers with the statement's theorem, type and goal (as printed at the first step of `inspection`), and with further
    fields. -/
def Wire.reportStatement (w : Wire) (id : Nat) (task : Task) (timing : Timing) (reference : Reference) (inspection : Inspection)
    (verdict : String) (notes : List Note) (fields : List (String × Json)) : IO Unit := do
  let goals ← match inspection.steps with
    | s :: _ => printGoals s.context s.info.mctxBefore s.info.goalsBefore #[]
    | [] => pure #[]
  w.report id task timing verdict notes
    (("theorem", .str (nameString (privateToUserName reference.name))) :: ("type", .str (← reference.printed)) :: ("goal", goals.getD 0 (.str "")) :: fields)
