/-! Elaboration of vetted commands, and the two things every check of a theorem shares: the *base* (header, prelude and
    context elaborated, their constants replayed by the kernel) and the *reference* (the statement elaborated alone). -/

/-- Why a text was not accepted: the verdict and what to say about it. `containable`: only because its code must not run here. -/
structure Refusal where
  verdict : String
  notes : List Note
  containable : Bool := false

/-- The statement elaborated alone in the clean environment: what every candidate's theorem is compared with. -/
structure Reference where
  name : Name
  constants : Constants
  info : ConstantInfo
  /-- What stands behind it. -/
  after : Command.State
  /-- Its header, for candidates (52_header.lean). -/
  header : Option Language.DynamicSnapshot

/-- A reference as a judge knows it: its constants, and the clean environment with all of them but the theorem itself. -/
structure Fixed where
  name : Name
  info : ConstantInfo
  constants : Constants
  names : List Name
  env : Kernel.Environment

/-- Where the last command of a context begins: what stood before it elaborated, and its constants replayed. -/
structure Mark where
  ps : Parser.ModuleParserState
  st : Command.State
  clean : Kernel.Environment

/-- The last context that was elaborated, for one that begins with it. Of the same `root`, header, limits and policy. -/
structure Grown where
  root : String
  context : String
  mark : Mark
  /-- Whether something was let through for it because macros expand it. -/
  opened : Bool

/-- What a process is for. A `worker` vets whatever it elaborates and gives verdicts; an `elaborator` runs the code of one client,
    vets nothing and is believed by nobody; a `judge` elaborates nothing. -/
inductive Role where
  | worker | elaborator | judge

def Role.elaborates : Role → Bool
  | .judge => false
  | _ => true

/-- What a constant of the library rests on: axioms, and whether all below it could be followed. Where only the exported part of
    the library is loaded, the proofs of its theorems are absent, and they look like axioms. -/
structure Ground where
  axioms : List Name
  complete : Bool

/-- `silent` and `absent` are names of constants that rest on no axiom, those without and with something below them that could not be
    followed: most of the library, in tables that are fast to look into. -/
structure Grounds where
  known : Table Name Ground := .empty
  silent : NameHashSet := {}
  absent : NameHashSet := {}

/-- Everything of the worker that outlives a request. -/
structure Session where
  role : Role
  vetting : Vetting
  token : IO.CancelToken
  imports : IO.Ref (List (String × (Environment × Kinds)))
  /-- Of a worker: import sets with their macros guarded. -/
  guardedImports : IO.Ref (List (String × Environment))
  gate : IO.Ref Gate
  bases : IO.Ref (List (String × (Except Refusal (Command.State × Kernel.Environment) × Bool)))
  grown : IO.Ref (Option Grown)
  /-- Where the last command began that was read of a context. -/
  last : IO.Ref (Option (Parser.ModuleParserState × Command.State))
  references : IO.Ref (List (String × (Except Refusal Reference × Bool)))
  /-- Of an elaborator: which constants have left it with the reference of a theorem, and the text. -/
  handedOut : IO.Ref (List (String × (NameHashSet × String)))
  /-- Of a judge: the references that it has read. -/
  fixed : IO.Ref (List (String × Fixed))
  /-- What constants of the library rest on, as far as it was asked for. -/
  grounds : IO.Ref (List (String × Grounds))
  /-- Those that Lean runs after a command, while it runs none. -/
  linters : IO.Ref (List Command.Linter)

/-- Why a command is not elaborated here, if it is not. -/
def Session.offence (session : Session) (task : Task) (st : Command.State) (stx : Syntax) : BaseIO (Option Offence) := match session.role with
  | .elaborator => pure none
  | _ => match vetCommand session.vetting task.policy stx with
    | none => pure none
    | some _ => vetThrough session.gate session.vetting st stx

/-- The refusal of a request in which Lean asked for an expansion that is not allowed. What came of the rest does not count. -/
def Session.refused (session : Session) : BaseIO (Option Refusal) := do
  match (← session.gate.get).refusal with
  | some why =>
    let note : Note := { severity := "error", region := .candidate, line := 1, column := 0, text := s!"not allowed: {why}" }
    return some { verdict := "forbidden", notes := [note], containable := true }
  | none => return none

/-- What a key has led to before, or what is built now. What was let through for it is let through again. -/
def Session.kept {α : Type} (session : Session) (cache : IO.Ref (List (String × (Except Refusal α × Bool)))) (key : String)
    (build : IO (Except Refusal α)) : IO (Except Refusal α) := do
  match recall key (← cache.get) with
  | some (known, opened) =>
    if opened then session.gate.modify fun g => { g with open_ := true }
    return known
  | none =>
    let built ← build
    let built := match ← session.refused with
      | some r => .error r
      | none => built
    -- what was cancelled says nothing of the request
    unless ← session.token.isSet do cache.set (remember 16 key (built, (← session.gate.get).open_) (← cache.get))
    return built

/-- What is elaborated for a command. -/
def Session.tamed (session : Session) (stx : Syntax) : Syntax := match session.role with
  | .elaborator => stx
  | _ => Leansieve.tamed session.vetting stx

def baseOptions (limits : Limits) : Options :=
  let o : Options := {}
  let o := o.setNat `maxHeartbeats limits.heartbeats
  let o := o.setNat `maxRecDepth limits.recursion
  let o := o.setBool `Elab.async false
  o.setBool `linter.all false

def kernelOptions (limits : Limits) : Options := KVMap.setNat {} `maxHeartbeats limits.heartbeats

/-- Have Lean run its linters after the next command, or none: where nothing is recorded, each would only find that it is off. Modules that
    are imported later may add some. -/
def Session.putLinters (session : Session) (wanted : Bool) : BaseIO Unit := do
  match (← Command.lintersRef.get).toList, wanted with
  | [], false => pure ()
  | added, false =>
    session.linters.modify (fun put => reverseList (reverseList put []) added)
    Command.lintersRef.set #[]
  | _, true => match ← session.linters.get with
    | [] => pure ()
    | put =>
      session.linters.set []
      Command.lintersRef.modify fun added => (reverseList (reverseList put []) added.toList).toArray

/-- The exception that stopped a command, if any escaped; errors are logged in the state. -/
def runCommand (session : Session) (src : Source) (st : Command.State) (stx : Syntax)
    (snap? : Option (Language.SnapshotBundle Language.DynamicSnapshot) := none) : IO Command.State := do
  let ctx : Command.Context :=
    { fileName := src.input.fileName, fileMap := src.input.fileMap, snap?, cancelTk? := some session.token }
  session.putLinters st.infoState.enabled
  let ref ← IO.mkRef st
  match ← (Command.elabCommandTopLevel stx ctx ref).toIO' with
  | .ok _ => ref.get
  | .error e =>
    let st ← ref.get
    if ← session.token.isSet then return st
    let text ← e.toMessageData.toString
    let pos := src.input.fileMap.toPosition ⟨startOf stx⟩
    pure { st with messages := st.messages.add { fileName := src.input.fileName, pos, data := .ofFormat (.text text) } }

def forbidden (src : Source) (o : Offence) : Refusal :=
  { verdict := "forbidden", notes := [src.noteAt "error" s!"not allowed: {o.reason}" o.stx], containable := true }

/-- Tags that Lean gives to errors about its own limits. -/
def limitTags : List Name := [`runtime.maxRecDepth, `runtime.maxHeartbeats]

/-- How an error begins that Lean cannot print within its limits. -/
def unprintable : String := "[Error pretty printing: maximum recursion depth"

/-- What the kernel says when it meets one of its limits. -/
def kernelLimits : List String := ["(kernel) deterministic timeout", "(kernel) deep recursion", "(kernel) excessive memory"]

/-- The verdict that a log with errors calls for; what the kernel says of its limits has no tag and is known by its text. Where
    it gives up inside `decide +kernel`, Lean quotes it, or cannot print the term at which the kernel was stuck. -/
def errorVerdict (log : List Message) (notes : List Note) : String :=
  if any limitTags log || kernelLimit notes then "out_of_resources" else if allOpen log then "incomplete" else "rejected"
where
  any (tags : List Name) : List Message → Bool
    | [] => false
    | m :: ms => if isError m && m.data.hasTag (fun tag => containsName tag tags) then true else any tags ms
  allOpen : List Message → Bool
    | [] => true
    | m :: ms => if !isError m || m.data.hasTag (fun tag => tag == `Tactic.unsolvedGoals) then allOpen ms else false
  kernelLimit : List Note → Bool
    | n :: ns => if n.severity == "error" && (n.text.startsWith unprintable || quotes kernelLimits n.text) then true else kernelLimit ns
    | [] => false
  quotes : List String → String → Bool
    | [], _ => false
    | q :: qs, text => if hasPart text q then true else quotes qs text

def takeMessages (st : Command.State) : List Message × Command.State :=
  (st.messages.toList, { st with messages := {} })

def beginsWithHash (stx : Syntax) : Bool := match tokensBelow [stx] [] with
  | first :: _ => first.startsWith "#"
  | [] => false

/-- What a command says that is no reason to refuse the rest: its errors are warnings. -/
def asWarnings : List Message → List Message
  | [] => []
  | m :: ms => { m with severity := match m.severity with
      | .error => .warning
      | other => other } :: asWarnings ms

/-- What becomes of a command of an elaborator's client that failed. One that only shows something (`#eval`, `#guard`) is no reason to
    refuse the rest, but to say so. A definition may have failed because no code could be made of it, which nobody needs: again without. -/
def forgive (session : Session) (src : Source) (before : Command.State) (stx : Syntax) (failed : List Message × Command.State) :
    IO (List Message × Command.State) := do
  if beginsWithHash stx then return (asWarnings failed.1, before)
  if !mentionsKind (insertNames {} [``Parser.Command.declaration]) [stx] then return failed
  let (log, after) := takeMessages (← runCommand session src before (Leansieve.tamed session.vetting stx))
  return if hasError log then failed else (log, after)

/-- Where Lean has told these messages before: if they are errors, it leaves out what follows from them in a command with parts missing. -/
def withTold (log : List Message) (st : Command.State) : Command.State :=
  { st with messages := (go log st.messages).markAllReported }
where
  go : List Message → MessageLog → MessageLog
    | [], told => told
    | m :: ms, told => go ms (told.add m)

/-- Parse, vet and elaborate a text command by command; returns what Lean said as well. `only` lists the command kinds that may
    stand at its top, or is empty for any kind of the allow-list. Messages are taken after each command: Lean drops those
    that it counts as reported. An elaborator goes on below a command that cannot be read, as Lean does. -/
partial def runFile (session : Session) (task : Task) (src : Source) (only : List Name) (st : Command.State)
    (ps : Parser.ModuleParserState := {}) (said : List Message := []) : IO (Except Refusal (Command.State × List Message)) := do
  let start := ps
  let (stx, ps, log) := parseNext st src.input ps
  let unread := hasError log
  if unread && !(session.role matches .elaborator) then
    return .error { verdict := "rejected", notes := ← src.notes task.limits.messages log }
  if isEnd stx then return .ok (st, reverseList (reverseList log said) [])
  if src.first matches .context then session.last.set (some (start, st))
  if session.role matches .worker && !allowedHere stx.getKind then
    return .error (forbidden src { stx, reason := nameString stx.getKind ++ " here" })
  if session.role matches .worker && src.first matches .context && isNotationCommand stx then
    if let some st ← declareNotation session.gate session.vetting st stx then return ← runFile session task src only st ps said
  match ← session.offence task st stx with
  | some o => return .error (forbidden src o)
  | none =>
    let said := reverseList log said
    let (log, after) := takeMessages (← runCommand session src (if unread then withTold log st else st) (session.tamed stx))
    let (log, st) ← if session.role matches .elaborator && hasError log && !unread then forgive session src st stx (log, after) else pure (log, after)
    if ← session.token.isSet then
      return .error { verdict := "timeout", notes := [src.noteAt "error" "cancelled" stx] }
    runFile session task src only st ps (reverseList log said)
where
  allowedHere (kind : Name) : Bool := match only with
    | [] => true
    | kinds => containsName kind kinds

def preludeKinds : List Name :=
  [``Parser.Command.open, ``Parser.Command.set_option, ``Parser.Command.universe]

/-- A header or context that fails makes the request's own statement invalid; what is forbidden stays forbidden. -/
def asInvalid (r : Refusal) : Refusal :=
  if r.verdict == "rejected" || r.verdict == "incomplete" then { r with verdict := "invalid_statement" } else r

/-- Run one of the request's own texts; its errors make the statement invalid. -/
def runOwn (session : Session) (task : Task) (text : String) (region : Region) (only : List Name) (st : Command.State)
    (ps : Parser.ModuleParserState := {}) : IO (Except Refusal Command.State) := do
  let src := plainSource text region
  match ← runFile session task src only st ps with
  | .error r => return .error (asInvalid r)
  | .ok (st, log) =>
    if hasError log then
      let notes ← src.notes task.limits.messages log
      return .error (asInvalid { verdict := errorVerdict log notes, notes })
    return .ok st
