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

def importsOf : List String → List Import
  | [] => []
  | m :: rest => { module := parseName m } :: importsOf rest

/-- The environment of an import set; loaded once (`capacity` sets are kept). -/
def loadImports (session : Session) (modules : List String) (capacity : Nat) : IO Environment := do
  let key := joinStrings " " modules ""
  match recall key (← session.imports.get) with
  | some env => pure env
  | none =>
    let env ← importModules (importsOf modules).toArray {} 0 (loadExts := true)
    session.imports.set (remember capacity key env (← session.imports.get))
    pure env

def outcomeJson (task : Task) (mode : String) (reference : Option Reference) (o : Outcome) (timing heartbeats : Json) : List (String × Json) :=
  [("verdict", .str o.verdict), ("trust", o.trust), ("mode", .str mode),
   ("theorem", .str (match reference with | some r => nameString (privateToUserName r.name) | none => "")),
   ("type", .str (match reference with | some r => r.type | none => "")),
   ("messages", notesJson task.limits o.notes), ("axioms", jsonNames o.axioms #[]), ("constants", .num o.constants),
   ("heartbeats", heartbeats), ("timing", timing)]

def opCheck (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  let beats ← IO.getNumHeartbeats
  let mode := if hasField j "file" then "file" else "proof"
  let finish (reference : Option Reference) (o : Outcome) (timing : Timing) : IO Unit := do
    let used := (← IO.getNumHeartbeats) - beats
    w.answer id (outcomeJson task mode reference o (← timing.json) (.num used))
  match ← baseOf w.session task env with
  | .error r => finish none (refused r) timing
  | .ok (st, clean) =>
    match ← referenceOf w.session task st with
    | .error r => finish none (refused r) timing
    | .ok reference =>
      let timing ← timing.lap "reference_ms"
      let (o, timing) ← if mode == "file" then checkFile w.session task env st clean reference (strField j "file") timing
        else checkProof w.session task st clean reference (strField j "proof") timing
      finish (some reference) o timing

def withEnv (w : Wire) (id : Nat) (imports : List String) (go : Environment → IO Unit) : IO Unit := do
  match ← (loadImports w.session imports (if w.memory then 1 else 4)).toBaseIO with
  | .error e => w.fail id "bad_header" (toString e)
  | .ok env => go env

def dispatch (w : Wire) (id : Nat) (j : Json) : IO Unit := do
  let op := strField j "op"
  if op == "ping" then w.answer id []
  else
    let task := Task.ofJson j
    withEnv w id task.imports fun env =>
      if op == "check" then opCheck w id j task env
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

/-- Read the next request; cancels met on the way are obeyed if they name the request in work. -/
partial def readRequest (w : Wire) : IO String := do
  let line ← (← IO.getStdin).getLine
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
    unless line == "" do
      let next ← IO.asTask (readRequest w) .dedicated
      serve w line
      loopStdin w next

def start : IO Unit := do
  let line ← (← IO.getStdin).getLine
  match Json.parse line with
  | .error e => print ("leansieve worker: the first line is not a request: " ++ e)
  | .ok j =>
    let t0 ← IO.monoMsNow
    let token ← IO.CancelToken.new
    let session : Session := { vetting := Vetting.ofJson (field j "vetting"), token, imports := ← IO.mkRef [], bases := ← IO.mkRef [] }
    let w : Wire := { marker := "@" ++ strField j "nonce", session, memory := strField j "cancel" != "stdin", current := ← IO.mkRef 0 }
    let imports := strsField j "imports"
    match ← (loadImports session imports 1).toBaseIO with
    | .error e => w.fail (natField j "id" 1) "bad_header" (toString e)
    | .ok _ =>
      if w.memory then print s!"TOKEN {tokenAddress token}"
      let t1 ← IO.monoMsNow
      w.answer (natField j "id" 1) [("lean", .str Lean.versionString), ("githash", .str Lean.githash), ("worker", .str workerVersion),
        ("imports", jsonStrings imports #[]), ("load_ms", .num (t1 - t0))]
      if w.memory then loopMemory w
      else loopStdin w (← IO.asTask (readRequest w) .dedicated)

end Leansieve

public def main (_ : List String) : IO Unit := Leansieve.start
