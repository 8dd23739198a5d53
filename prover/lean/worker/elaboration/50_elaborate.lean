/-! Elaboration of vetted commands, and the two results that all checks of a theorem share: the *base* (header, prelude
    and context elaborated, their constants replayed) and the *reference* (the statement elaborated alone). -/

/-- The reason for not accepting a text: a verdict and messages. `containable`: only because its code must not run
    here. -/
structure Refusal where
  verdict : String
  notes : List Note
  containable : Bool := false

/-- The statement, elaborated alone in the clean environment. Each candidate's theorem is compared with it. -/
structure Reference where
  name : Name
  constants : Constants
  info : ConstantInfo
  /-- State after the statement. -/
  after : Command.State
  /-- Elaborated header of the theorem, for candidates (52_header.lean). -/
  header : Option Language.DynamicSnapshot

/-- A reference as a judge has read it: its constants, and the clean environment with all of them but the theorem
    itself. -/
structure JudgeReference where
  name : Name
  info : ConstantInfo
  constants : Constants
  names : List Name
  env : Kernel.Environment

/-- The beginning of the last command of a context: the state before it, and the clean environment with the constants
    before it replayed. -/
structure ContextCheckpoint where
  ps : Parser.ModuleParserState
  st : Command.State
  clean : Kernel.Environment

/-- The context that was elaborated last: a context that begins with it and has the same `root` is elaborated from its
    checkpoint on. -/
structure PreviousContext where
  root : String
  context : String
  checkpoint : ContextCheckpoint
  /-- Whether it used the transparent path. -/
  transparent : Bool

/-- The role of a process. A `worker` vets all that it elaborates and gives verdicts. An `elaborator` runs the code of
    one client without vetting, and its output is not trusted. A `judge` elaborates nothing. -/
inductive Role where
  | worker | elaborator | judge

def Role.toString : Role → String
  | .worker => "worker"
  | .elaborator => "elaborator"
  | .judge => "judge"

def Role.elaborates : Role → Bool
  | .judge => false
  | _ => true

/-- The axioms on which a constant of the library depends, and whether all its dependencies could be followed. Where
    only the exported part of the library is loaded, the proofs of its theorems are absent, and the theorems look like
    axioms. -/
structure Ground where
  axioms : List Name
  complete : Bool

/-- Grounds that are already known. `axiomFree` and `incompleteAxiomFree` are the constants that depend on no axiom, with all
    dependencies followed and with some that could not be: most of the library, in tables with fast lookup. -/
structure Grounds where
  known : Table Name Ground := .empty
  axiomFree : NameHashSet := {}
  incompleteAxiomFree : NameHashSet := {}

/-- All state of the worker that outlives a request. -/
structure Session where
  role : Role
  vetting : Vetting
  token : IO.CancelToken
  imports : IO.Ref (List (String × (Environment × Kinds)))
  /-- Of a worker: import sets with their macros guarded. -/
  guardedImports : IO.Ref (List (String × Environment))
  gate : IO.Ref Gate
  bases : IO.Ref (List (String × (Except Refusal (Command.State × Kernel.Environment) × Bool)))
  previousContext : IO.Ref (Option PreviousContext)
  /-- State before the last command that was parsed of a context, and its position. -/
  lastCommand : IO.Ref (Option (Parser.ModuleParserState × Command.State))
  references : IO.Ref (List (String × (Except Refusal Reference × Bool)))
  /-- Of an elaborator: the constants exported with the reference of a theorem, and the export. -/
  exportedReferences : IO.Ref (List (String × (NameHashSet × String)))
  /-- Of a judge: the references that it has read. -/
  judgeReferences : IO.Ref (List (String × JudgeReference))
  /-- Grounds of library constants, as far as requests needed them. -/
  grounds : IO.Ref (List (String × Grounds))
  /-- Lean's linters, while they are taken out of Lean. -/
  linters : IO.Ref (List Command.Linter)

/-- The reason for not elaborating a command in this process. -/
def Session.offence (session : Session) (task : Task) (st : Command.State) (stx : Syntax) : BaseIO (Option Offence) := match session.role with
  | .elaborator => pure none
  | _ => match vetCommand session.vetting task.policy stx with
    | none => pure none
    | some _ => vetWithMacros session.gate session.vetting st stx

/-- The refusal of a request in which Lean asked for an expansion that is not allowed. No other result of the request
    counts. -/
def Session.refused (session : Session) : BaseIO (Option Refusal) := do
  match (← session.gate.get).refusal with
  | some reason =>
    return some { verdict := "forbidden", notes := [errorNote .candidate s!"not allowed: {reason}"], containable := true }
  | none => return none

/-- The cached result of a key, or that of `build`, which is then cached. If the result used the transparent path, so
    does the present request. -/
def Session.cached {α : Type} (session : Session) (cache : IO.Ref (List (String × (Except Refusal α × Bool)))) (key : String)
    (build : IO (Except Refusal α)) : IO (Except Refusal α) := do
  match recall key (← cache.get) with
  | some (known, transparent) =>
    if transparent then session.gate.modify fun g => { g with transparent := true }
    return known
  | none =>
    let built ← build
    let built := match ← session.refused with
      | some r => .error r
      | none => built
    -- a cancelled result says nothing about the request
    unless ← session.token.isSet do cache.set (remember 16 key (built, (← session.gate.get).transparent) (← cache.get))
    return built

/-- A command in the form in which a process of this role elaborates it. -/
def Session.sanitised (session : Session) (stx : Syntax) : Syntax := match session.role with
  | .elaborator => stx
  | _ => Leansieve.sanitised session.vetting stx

def baseOptions (limits : Limits) : Options :=
  let o : Options := {}
  let o := o.setNat `maxHeartbeats limits.heartbeats
  let o := o.setNat `maxRecDepth limits.recursion
  let o := o.setBool `Elab.async false
  o.setBool `linter.all false

def kernelOptions (limits : Limits) : Options := KVMap.setNat {} `maxHeartbeats limits.heartbeats

/-- Makes Lean run its linters after the next command, or none: where nothing is recorded, each linter would only find
    that it is off. Modules that are imported later may add linters. -/
def Session.enableLinters (session : Session) (enabled : Bool) : BaseIO Unit := do
  match (← Command.lintersRef.get).toList, enabled with
  | [], false => pure ()
  | registered, false =>
    session.linters.modify (fun removed => reverseList (reverseList removed []) registered)
    Command.lintersRef.set #[]
  | _, true => match ← session.linters.get with
    | [] => pure ()
    | removed =>
      session.linters.set []
      Command.lintersRef.modify fun registered => (reverseList (reverseList removed []) registered.toList).toArray

/-- Elaborates a command. The state holds its errors, and the exception that stopped it if one escaped. -/
def runCommand (session : Session) (src : Source) (st : Command.State) (stx : Syntax)
    (snap? : Option (Language.SnapshotBundle Language.DynamicSnapshot) := none) : IO Command.State := do
  let ctx : Command.Context :=
    { fileName := src.input.fileName, fileMap := src.input.fileMap, snap?, cancelTk? := some session.token }
  session.enableLinters st.infoState.enabled
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

/-- Tags of Lean's errors about its own limits. -/
def limitTags : List Name := [`runtime.maxRecDepth, `runtime.maxHeartbeats]

/-- Beginning of an error that Lean cannot print within its limits. -/
def unprintable : String := "[Error pretty printing: maximum recursion depth"

/-- The kernel's errors about its limits. -/
def kernelLimits : List String := ["(kernel) deterministic timeout", "(kernel) deep recursion", "(kernel) excessive memory"]

/-- The verdict on a log with errors. The kernel's errors about its limits have no tag and are recognised by their text.
    If the kernel gives up inside `decide +kernel`, Lean quotes it, or cannot print the term at which the kernel
    stopped. -/
def errorVerdict (log : List Message) (notes : List Note) : String :=
  if anyTagged limitTags log || kernelLimit notes then "out_of_resources" else if allOpen log then "incomplete" else "rejected"
where
  anyTagged (tags : List Name) : List Message → Bool
    | [] => false
    | m :: ms => if isError m && m.data.hasTag (fun tag => containsName tag tags) then true else anyTagged tags ms
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

/-- Messages with warnings in place of errors, for a command whose failure is no reason to refuse the rest. -/
def asWarnings : List Message → List Message
  | [] => []
  | m :: ms => { m with severity := match m.severity with
      | .error => .warning
      | other => other } :: asWarnings ms

/-- The result for a failed command of an elaborator's client. A command that only shows something (`#eval`, `#guard`)
    has warnings instead of errors and changes nothing. A definition may have failed because Lean could not generate
    code for it; as the code is not needed, the definition is elaborated again without it. -/
def recoverCommand (session : Session) (src : Source) (before : Command.State) (stx : Syntax) (failed : List Message × Command.State) :
    IO (List Message × Command.State) := do
  if beginsWithHash stx then return (asWarnings failed.1, before)
  if !mentionsKind (insertNames {} [``Parser.Command.declaration]) [stx] then return failed
  let (log, after) := takeMessages (← runCommand session src before (Leansieve.sanitised session.vetting stx))
  return if hasError log then failed else (log, after)

/-- A state in which some messages count as reported: after errors, Lean leaves out those that follow from them in a
    command with missing parts. -/
def withReported (log : List Message) (st : Command.State) : Command.State :=
  { st with messages := (go log st.messages).markAllReported }
where
  go : List Message → MessageLog → MessageLog
    | [], reported => reported
    | m :: ms, reported => go ms (reported.add m)

/-- Parses, vets and elaborates a text command by command, and collects Lean's messages. `only` are the kinds of command
    that may occur at top level; empty, it permits every kind of the allow-list. Messages are taken after each command,
    because Lean drops those that count as reported. An elaborator continues after a command that cannot be parsed, as
    Lean does. -/
partial def runFile (session : Session) (task : Task) (src : Source) (only : List Name) (st : Command.State)
    (ps : Parser.ModuleParserState := {}) (messages : List Message := []) : IO (Except Refusal (Command.State × List Message)) := do
  let start := ps
  let (stx, ps, log) := parseNext st src.input ps
  let unparsed := hasError log
  if unparsed && !(session.role matches .elaborator) then
    return .error { verdict := "rejected", notes := ← src.notes task.limits.messages log }
  if isEnd stx then return .ok (st, reverseList (reverseList log messages) [])
  if src.first matches .context then session.lastCommand.set (some (start, st))
  if session.role matches .worker && !isPermitted stx.getKind then
    return .error (forbidden src { stx, reason := s!"{nameString stx.getKind} in a header, which may contain only `open`, `set_option` and `universe`" })
  if session.role matches .worker && src.first matches .context && isNotationCommand stx then
    if let some st ← declareNotation session.gate session.vetting st stx then return ← runFile session task src only st ps messages
  match ← session.offence task st stx with
  | some o => return .error (forbidden src o)
  | none =>
    let messages := reverseList log messages
    let (log, after) := takeMessages (← runCommand session src (if unparsed then withReported log st else st) (session.sanitised stx))
    let (log, st) ← if session.role matches .elaborator && hasError log && !unparsed then recoverCommand session src st stx (log, after) else pure (log, after)
    if ← session.token.isSet then
      return .error { verdict := "timeout", notes := [src.noteAt "error" "cancelled" stx] }
    runFile session task src only st ps (reverseList log messages)
where
  isPermitted (kind : Name) : Bool := match only with
    | [] => true
    | kinds => containsName kind kinds

def preludeKinds : List Name :=
  [``Parser.Command.open, ``Parser.Command.set_option, ``Parser.Command.universe]

/-- A refusal of header, context or statement: failing there makes the statement invalid, while forbidden text stays
    forbidden. -/
def asInvalid (r : Refusal) : Refusal :=
  if r.verdict == "rejected" || r.verdict == "incomplete" then { r with verdict := "invalid_statement" } else r

/-- Elaborates header or context of a request. Errors in them make the statement invalid. -/
def runPreamble (session : Session) (task : Task) (text : String) (region : Region) (only : List Name) (st : Command.State)
    (ps : Parser.ModuleParserState := {}) : IO (Except Refusal Command.State) := do
  let src := plainSource text region
  match ← runFile session task src only st ps with
  | .error r => return .error (asInvalid r)
  | .ok (st, log) =>
    if hasError log then
      let notes ← src.notes task.limits.messages log
      return .error (asInvalid { verdict := errorVerdict log notes, notes })
    return .ok st
