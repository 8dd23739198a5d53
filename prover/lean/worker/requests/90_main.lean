/-! The loop: one JSON request a line in, one framed JSON answer a line out. -/

structure Wire where
  marker : String
  session : Session
  /-- Whether cancels arrive through shared memory (announced lines) or as requests on stdin. -/
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

unsafe def tokenAddressImpl (token : IO.CancelToken) : USize := ptrAddrUnsafe token
@[implemented_by tokenAddressImpl] opaque tokenAddress (token : IO.CancelToken) : USize

/-- A token is a structure of one field, which is the reference itself; there is no public way to take a cancel back. -/
unsafe def resetTokenImpl (token : IO.CancelToken) : BaseIO Unit := (unsafeCast token : IO.Ref Bool).set false
@[implemented_by resetTokenImpl] opaque resetToken (token : IO.CancelToken) : BaseIO Unit

/-- What a file with these import lines imports: `Init` too. The kernel computes with constants of that by their names
    (`Nat.land`, …), whoever declared them. -/
def importsOf (modules : List String) : List Import := { module := `Init } :: go modules
where
  go : List String → List Import
    | [] => []
    | m :: rest => { module := parseName m } :: go rest

abbrev Imports := IO.Ref (List (String × (Environment × Kinds)))

/-- The environment of an import set, and what its modules do with syntax; loaded once (`capacity` sets are kept). -/
def loadImports (imported : Imports) (modules : List String) (capacity : Nat) : IO (Environment × Kinds) := do
  let key := joinStrings " " modules ""
  match recall key (← imported.get) with
  | some known => pure known
  | none =>
    let env := withCompiled (← importLibrary (importsOf modules))
    let known := (env, ← kindsOf env)
    imported.set (remember capacity key known (← imported.get))
    pure known

/-- What a verified proof rests on, the library's axioms among it. -/
def groundOf (w : Wire) (task : Task) (env : Environment) (o : Outcome) (timing : Timing) : IO (Ground × Timing) := match o.basis with
  | some (source, names) => do
    let ground ← w.session.groundOf (joinStrings " " task.imports "") env source names o.axioms
    return (ground, ← timing.lap "ground_ms")
  | none => pure ({ axioms := o.axioms, complete := false }, timing)

def withGround (g : Ground) (fields : List (String × Json)) : List (String × Json) :=
  ("axioms", jsonNames g.axioms #[]) :: ("axioms_complete", .bool g.complete) :: fields

/-- The digest of a verified proof's term. -/
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

/-- What a request about a theorem stands on: header and context elaborated, and the statement alone. -/
def withReference (w : Wire) (task : Task) (env : Environment) (refuse : Refusal → IO Unit)
    (go : Command.State → Kernel.Environment → Reference → IO Unit) : IO Unit := do
  match ← baseOf w.session task env with
  | .error r => refuse r
  | .ok (st, clean) => match ← referenceOf w.session task st with
    | .error r => refuse r
    | .ok reference => go st clean reference

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
      else checkProof w.session task st clean finish_ (strField j "proof") timing
    finish (some reference) o timing

/-- Answer a request that only looks. -/
def Wire.report (w : Wire) (id : Nat) (task : Task) (timing : Timing) (verdict : String) (notes : List Note) (more : List (String × Json)) : IO Unit := do
  let (verdict, notes, more) := match ← w.session.refused with
    | some r => (r.verdict, r.notes, [("containable", Json.bool true)])
    | none => (verdict, notes, more)
  w.answer id (("verdict", .str verdict) :: ("messages", notesJson task.limits notes) :: ("timing", ← timing.json) :: more)

/-- The reference of a theorem, for a judge: asked before any candidate is. -/
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

/-- A candidate elaborated, its new constants handed out. -/
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
      else checkProof w.session task st context finish (strField j "proof") timing
    answer (some reference) o timing

/-- A judge's verdict on an export, for a reference that was fixed before. -/
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

def opElaborate (w : Wire) (id : Nat) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun st _ reference => do
    let looked ← lookInto w.session task st "by sorry" [``Parser.Tactic.tacticSorry]
    let goals ← match looked.steps with
      | s :: _ => printGoals s.context s.info.mctxBefore s.info.goalsBefore #[]
      | [] => pure #[]
    w.report id task timing looked.verdict (if looked.verdict == "verified" then [] else looked.notes)
      [("theorem", .str (nameString (privateToUserName reference.name))), ("type", .str (← reference.printed)), ("goal", goals.getD 0 (.str ""))]

def opGoals (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  let refuse (r : Refusal) : IO Unit := w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]
  let tell (looked : Looked) : IO Unit := do
    w.report id task timing looked.verdict looked.notes
      [("containable", .bool looked.containable), ("sorries", .arr (← sorriesJson looked.src looked.steps [])), ("assumed", .arr (assumedJson looked looked.steps #[]))]
  if hasField j "file" then match ← baseOf w.session task env with
    | .error r => refuse r
    | .ok (st, _) => tell (← lookIntoFile w.session task st (strField j "file"))
  else withReference w task env refuse fun st _ _ => do
    tell (← lookInto w.session task st (strField j "proof") [``Parser.Tactic.tacticSorry, ``Parser.Tactic.paren])

def opSteps (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun st _ _ => do
    let (looked, steps, names) ← stepsOf w.session task st (strField j "proof")
    w.report id task timing looked.verdict looked.notes [("containable", .bool looked.containable), ("steps", .arr steps), ("names", .arr names)]

def withoutErrors : List Note → List Note → List Note
  | [], acc => reverseList acc []
  | n :: ns, acc => if n.severity == "error" then withoutErrors ns acc else withoutErrors ns (n :: acc)

def opTactic (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun st _ _ => do
    let script := strsField j "script"
    let looked ← lookInto w.session task st ("by" ++ scriptText script "" ++ indented (strField j "tactic")) [``Parser.Term.byTactic]
    let (goals, assumed) ← match looked.steps with
      | s :: _ => pure (← printGoals s.context s.info.mctxAfter s.info.goalsAfter #[], looked.assumes s)
      | [] => pure (#[], false)
    -- Lean goes on after an error inside a tactic, and gives the goal away; so does `sorry`.
    let verdict := if looked.verdict == "verified" && (assumed || !looked.onlyOuterOpen) then "incomplete" else looked.verdict
    -- that goals are left is in the goals; what a tactic proposes, as `exact?` does, is in its messages
    w.report id task timing verdict (if verdict == "verified" then withoutErrors looked.notes [] else looked.notes) [("containable", .bool looked.containable), ("goals", .arr goals)]

def opConstant (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  match ← baseOf w.session task env with
  | .error r => w.fail id "bad_header" (match r.notes with | n :: _ => n.text | [] => r.verdict)
  | .ok (st, _) =>
    if hasField j "names" then w.answer id [("constants", .arr (← constantsJson st env (strsField j "names") #[]))]
    else w.answer id (← constantFields st env (parseName (strField j "name")))

def opNames (w : Wire) (id : Nat) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  match ← baseOf w.session task env with
  | .error r => w.report id task timing r.verdict r.notes []
  | .ok (st, clean) => w.report id task timing "verified" [] [("names", .arr (← declaredJson st (addedConstants clean) #[]))]

/-- At which constant evaluating the statement stops because the library does not hold its body, if it can be evaluated at all.
    That `decide` fails is asked first, as it can be cancelled. -/
def opStuck (w : Wire) (id : Nat) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun st _ reference => do
    let decided ← lookInto w.session task st "by decide +kernel +revert" []
    let found ← if decided.verdict != "rejected" then pure none else match ← decidableOf w.session st reference.info.type with
      | some instance_ => pure (match stuckAt st.env 64 instance_ with
        | some name => if isWritten name then some name else none
        | none => none)
      | none => pure none
    w.report id task timing "verified" [] [("at", match found with
      | some name => .str (nameString name)
      | none => .null)]

/-- What can be said of the statement without a proof. -/
def opScreen (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun _ _ reference => do
    w.report id task timing "verified" [] (← screened reference (hasField j "values")).fields

/-- The negation of the statement as the statement of a theorem, whose type was compared with it. -/
def opNegation (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun st clean reference => do
    let texts := reverseList (reverseList (strsField j "written") []) (← printedNegations st reference (strField j "name"))
    let found ← negating w.session task st clean reference texts
    w.report id task timing "verified" [] [("negation", match found with
      | some text => .str text
      | none => .null)]

/-- The modules that were imported, or the theorems of one of them. -/
def opLibrary (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  match ← baseOf w.session task env with
  | .error r => w.report id task timing r.verdict r.notes []
  | .ok (st, _) =>
    if !hasField j "module" then
      w.report id task timing "verified" [] [("modules", jsonNames env.allImportedModuleNames.toList #[])]
    else match findModule (parseName (strField j "module")) env.allImportedModuleNames.toList 0 with
      | none => w.fail id "bad_request" s!"{strField j "module"} is not imported"
      | some place =>
        let names := (env.header.moduleData.getD place default).constNames
        let offset := natField j "offset" 0
        let some_ := reverseList (slice names .anonymous offset (natField j "limit" 100) []) []
        let found ← theoremsJson w.session task st env some_ #[]
        w.report id task timing "verified" [] [("theorems", .arr found), ("constants", .num names.size)]

/-- The imported modules with what tells their states apart, or the declarations of one of them. -/
def opIndex (w : Wire) (id : Nat) (j : Json) (env : Environment) : IO Unit := do
  if !hasField j "module" then w.answer id [("modules", .arr (modulesJson env env.allImportedModuleNames.toList 0 #[]))]
  else match findModule (parseName (strField j "module")) env.allImportedModuleNames.toList 0 with
    | none => w.fail id "bad_request" s!"{strField j "module"} is not imported"
    | some place =>
      let names := (env.header.moduleData.getD place default).constNames
      let some_ := reverseList (slice names .anonymous (natField j "offset" 0) (natField j "limit" 1000) []) []
      let (s, found) ← declarationsJson w.session env (constantsOf env.toKernelEnv) some_ {} #[]
      w.answer id [("declarations", .arr found), ("symbols", .arr s.listed), ("constants", .num names.size)]

/-- The shape of a pattern, or of a statement's type. -/
def opShape (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  let refuse (r : Refusal) : IO Unit := w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]
  let tell (constants : Constants) (e : Expr) : IO Unit := w.report id task timing "verified" [] (({} : Shapes).write constants [(0, some e)]).fields
  if hasField j "pattern" then match ← baseOf w.session task env with
    | .error r => refuse r
    | .ok (st, clean) => match ← patternOf w.session task st (strField j "pattern") with
      | .error r => refuse r
      | .ok e => tell (constantsOf clean) e
  else withReference w task env refuse fun _ _ reference => tell reference.constants reference.info.type

/-- Library constants as text, for a second kernel that lacks them. -/
def opClosure (w : Wire) (id : Nat) (j : Json) (env : Environment) : IO Unit := do
  w.answer id [("text", .str (exportLibrary env.toKernelEnv (namesOfJson (listField j "names") []) (namesOfJson (listField j "known") [])))]

def withEnv (w : Wire) (id : Nat) (imports : List String) (policy : Policy) (go : Environment → IO Unit) : IO Unit := do
  match ← (loadImports w.session.imports imports (if w.memory then 1 else 4)).toBaseIO with
  | .error e => w.fail id "bad_header" (toString e)
  | .ok (env, kinds) =>
    w.session.gate.set { kinds := some kinds, policy, left := mostExpanded }
    go (← guarded (joinStrings " " imports "") env)
where
  guarded (key : String) (env : Environment) : IO Environment := match w.session.role with
    | .worker => do
      match recall key (← w.session.guardedImports.get) with
      | some known => return known
      | none =>
        let made := guardMacros w.session.gate w.session.vetting env
        w.session.guardedImports.set (remember (if w.memory then 1 else 4) key made (← w.session.guardedImports.get))
        return made
    | _ => return env

/-- What a process may be asked. A judge that elaborated a text, and a worker that ran one that nobody vetted, would be worth nothing. -/
def servesOp (role : Role) (op : String) : Bool := match role with
  | .judge => op == "judge" || op == "closure"
  | .elaborator => op != "check" && op != "judge"
  | .worker => op != "judge" && op != "reference" && op != "candidate"

def roleOf (j : Json) : Role := match strField j "role" with
  | "elaborator" => .elaborator
  | "judge" => .judge
  | _ => .worker

def dispatch (w : Wire) (id : Nat) (j : Json) : IO Unit := do
  let op := strField j "op"
  if op == "ping" then w.answer id []
  else if !servesOp w.session.role op then w.fail id "bad_request" s!"a process of this role does not serve {op}"
  else
    let task := Task.ofJson j
    withEnv w id task.imports task.policy fun env =>
      if op == "check" then opCheck w id j task env
      else if op == "judge" then opJudge w id j task env
      else if op == "reference" then opReference w id task env
      else if op == "candidate" then opCandidate w id j task env
      else if op == "elaborate" then opElaborate w id task env
      else if op == "goals" then opGoals w id j task env
      else if op == "steps" then opSteps w id j task env
      else if op == "tactic" then opTactic w id j task env
      else if op == "constant" then opConstant w id j task env
      else if op == "names" then opNames w id task env
      else if op == "stuck" then opStuck w id task env
      else if op == "screen" then opScreen w id j task env
      else if op == "negation" then opNegation w id j task env
      else if op == "library" then opLibrary w id j task env
      else if op == "index" then opIndex w id j env
      else if op == "shape" then opShape w id j task env
      else if op == "closure" then opClosure w id j env
      else w.fail id "bad_request" s!"unknown op {op}"

def serve (w : Wire) (line : String) : IO Unit := do
  match Json.parse line with
  | .error e => w.fail 0 "bad_request" e
  | .ok j =>
    let id := natField j "id" 0
    resetToken w.session.token
    w.current.set id
    if w.memory then print s!"WORK {id}"
    let result ← (dispatch w id j).toBaseIO
    if w.memory then print "WORK 0"
    w.current.set 0
    match result with
    | .ok _ => pure ()
    | .error e => w.fail id "internal" (toString e)

/-- Embedded: cancels come through shared memory, so reading and working take turns. -/
partial def loopMemory (w : Wire) : IO Unit := do
  let line ← (← IO.getStdin).getLine
  unless line == "" do
    serve w line
    loopMemory w

/-- Read the next request; cancels met on the way are obeyed if they name the request in work. When nobody is left to
    ask, nobody waits for the request in work either. -/
partial def readRequest (w : Wire) : IO String := do
  let line ← (← IO.getStdin).getLine
  if line == "" then IO.Process.exit 0
  match Json.parse line with
  | .ok j =>
    if strField j "op" == "cancel" then
      let id := natField j "id" 0
      if (← w.current.get) == id then w.session.token.set
      w.answer id [("cancelled", .bool true)]
      readRequest w
    else pure line
  | .error _ => pure line

/-- Native: a thread reads ahead while the request in work goes on. -/
partial def loopStdin (w : Wire) (next : _root_.Task (Except IO.Error String)) : IO Unit := do
  match ← IO.wait next with
  | .error e => throw e
  | .ok line =>
    let next ← IO.asTask (readRequest w) .dedicated
    serve w line
    loopStdin w next

def start (imported : Imports) : IO Unit := do
  let line ← (← IO.getStdin).getLine
  match Json.parse line with
  | .error e => print ("leansieve worker: the first line is not a request: " ++ e)
  | .ok j =>
    let t0 ← IO.monoMsNow
    let token ← IO.CancelToken.new
    let session : Session := { role := roleOf j, vetting := Vetting.ofJson (field j "vetting"), token, imports := imported, guardedImports := ← IO.mkRef [], gate := ← IO.mkRef {}, bases := ← IO.mkRef [], grown := ← IO.mkRef none, last := ← IO.mkRef none, references := ← IO.mkRef [], handedOut := ← IO.mkRef [], fixed := ← IO.mkRef [], grounds := ← IO.mkRef [] }
    let w : Wire := { marker := "@" ++ strField j "nonce", session, memory := strField j "cancel" != "stdin", current := ← IO.mkRef 0 }
    let modules := strsField j "imports"
    match ← (loadImports imported modules 1).toBaseIO with
    | .error e => w.fail (natField j "id" 1) "bad_header" (toString e)
    | .ok _ =>
      if w.memory then print s!"TOKEN {tokenAddress token}"
      let t1 ← IO.monoMsNow
      w.answer (natField j "id" 1) [("lean", .str Lean.versionString), ("githash", .str Lean.githash), ("worker", .str workerVersion),
        ("imports", jsonStrings modules #[]), ("load_ms", .num (t1 - t0))]
      if w.memory then loopMemory w
      else loopStdin w (← IO.asTask (readRequest w) .dedicated)

unsafe def closureAddressImpl (go : IO Unit) : USize := ptrAddrUnsafe go
@[implemented_by closureAddressImpl] opaque closureAddress (go : IO Unit) : USize

/-- Lets the embedded runtime keep an image of the process here; a process that starts from it begins with `go`.
    Nothing of any request, and no nonce, is in memory yet. -/
def imagePoint (go : IO Unit) : IO Unit := do
  let keep ← IO.mkRef go
  print s!"IMAGE {closureAddress go}"
  let _ ← IO.appPath
  go
  keep.set (pure ())

/-- The modules to import are in a file and not among the arguments: a process that starts from an image has those of the
    process that made it. -/
def modulesIn (file : String) : IO (List String) := do
  pure ((← (← IO.FS.Handle.mk file .read).getLine).splitOn " ")

end Leansieve

/-- Embedded, the one argument is a file that names what to import before anything is asked. -/
public def main (arguments : List String) : IO Unit := do
  let imported ← IO.mkRef []
  match arguments with
  | [file] => Leansieve.imagePoint do
    match ← (do Leansieve.loadImports imported (← Leansieve.modulesIn file) 1).toBaseIO with
    | .ok _ => Leansieve.imagePoint (Leansieve.start imported)
    | .error _ => Leansieve.start imported
  | _ => Leansieve.start imported
