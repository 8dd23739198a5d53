/-! The main loop: each line of input is a JSON request, each line of output a framed JSON answer. -/

unsafe def tokenAddressImpl (token : IO.CancelToken) : USize := ptrAddrUnsafe token
@[implemented_by tokenAddressImpl] opaque tokenAddress (token : IO.CancelToken) : USize

/-- Takes a cancel back, for which Lean has no public function. A token is a structure with one field, and is
    represented by that field, a reference. -/
unsafe def resetTokenImpl (token : IO.CancelToken) : BaseIO Unit := (unsafeCast token : IO.Ref Bool).set false
@[implemented_by resetTokenImpl] opaque resetToken (token : IO.CancelToken) : BaseIO Unit

/-- The imports of a file with these import lines, which include `Init`. The kernel computes by name with some
    constants of `Init` (`Nat.land`, …): because `Init` is imported, no candidate can declare one of these names. -/
def importsOf (modules : List String) : List Import := { module := `Init } :: go modules
where
  go : List String → List Import
    | [] => []
    | m :: rest => { module := parseName m } :: go rest

abbrev Imports := IO.Ref (List (String × (Environment × Kinds)))

/-- The environment of an import set, and the kinds of syntax that its modules process. Loaded once; `capacity` sets are
    cached. -/
def loadImports (imported : Imports) (modules : List String) (capacity : Nat) : IO (Environment × Kinds) := do
  let key := joinStrings " " modules ""
  match recall key (← imported.get) with
  | some known => pure known
  | none =>
    let env := withCompiled (← importLibrary (importsOf modules))
    let known := (env, ← kindsOf env)
    imported.set (remember capacity key known (← imported.get))
    pure known

def withEnv (w : Wire) (id : Nat) (imports : List String) (policy : Policy) (go : Environment → IO Unit) : IO Unit := do
  match ← (loadImports w.session.imports imports (if w.memory then 1 else 4)).toBaseIO with
  | .error e => w.fail id "bad_header" (toString e)
  | .ok (env, kinds) =>
    w.session.gate.set { kinds := some kinds, policy, remaining := maxExpandedNodes }
    go (← guarded (joinStrings " " imports "") env)
where
  guarded (key : String) (env : Environment) : IO Environment := match w.session.role with
    | .worker => do
      match recall key (← w.session.guardedImports.get) with
      | some known => return known
      | none =>
        let guardedEnv := guardMacros w.session.gate w.session.vetting env
        w.session.guardedImports.set (remember (if w.memory then 1 else 4) key guardedEnv (← w.session.guardedImports.get))
        return guardedEnv
    | _ => return env

/-- Whether a process of a role serves a request. A judge must never elaborate a text, nor a worker run code that was
    not vetted: their verdicts would be worthless. -/
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
  else if !servesOp w.session.role op then w.fail id "bad_request" s!"the role {w.session.role.toString} does not serve the request `{op}`"
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
      else w.fail id "bad_request" s!"unknown request `{op}`"

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

/-- Embedded: cancels arrive through shared memory, so that reading and working alternate. -/
partial def loopMemory (w : Wire) : IO Unit := do
  let line ← (← IO.getStdin).getLine
  unless line == "" do
    serve w line
    loopMemory w

/-- Reads the next request. A cancel before it is obeyed if it names the request in progress. At the end of input the
    process ends, even during a request, because the client is gone. -/
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

/-- Native: a thread reads the next line during the request in progress. -/
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
    let session : Session := { role := roleOf j, vetting := Vetting.ofJson (field j "vetting"), token, imports := imported, guardedImports := ← IO.mkRef [], gate := ← IO.mkRef {}, bases := ← IO.mkRef [], previousContext := ← IO.mkRef none, lastCommand := ← IO.mkRef none, references := ← IO.mkRef [], exportedReferences := ← IO.mkRef [], judgeReferences := ← IO.mkRef [], grounds := ← IO.mkRef [], linters := ← IO.mkRef [] }
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

/-- Lets the embedded runtime save an image of the process, which then continues with `go`, as every process does that
    starts from the image. The memory holds no request and no nonce yet. -/
def imagePoint (go : IO Unit) : IO Unit := do
  let keep ← IO.mkRef go
  print s!"IMAGE {closureAddress go}"
  -- the call at which the host makes the image (runtimes/embedded/glue.py)
  let _ ← IO.appPath
  go
  keep.set (pure ())

/-- The modules to import, from a file. They are not among the arguments, because a process that starts from an image
    has those of the process that made it. -/
def modulesIn (file : String) : IO (List String) := do
  pure ((← (← IO.FS.Handle.mk file .read).getLine).splitOn " ")

end Leansieve

/-- Starts the worker. Embedded, its only argument is a file with the modules to import before the first request. -/
public def main (arguments : List String) : IO Unit := do
  let imported ← IO.mkRef []
  match arguments with
  | [file] => Leansieve.imagePoint do
    match ← (do Leansieve.loadImports imported (← Leansieve.modulesIn file) 1).toBaseIO with
    | .ok _ => Leansieve.imagePoint (Leansieve.start imported)
    | .error _ => Leansieve.start imported
  | _ => Leansieve.start imported
