/-! The base and the reference of a theorem (50_elaborate.lean), which all checks of its candidates share. -/

/-- The state from which to continue for a context that begins with the previous one, as that of the next theorem of a
    file does. The last command of the previous context is read again, because the text after it may belong to it. -/
def Session.resumed (session : Session) (task : Task) : BaseIO (Option ContextCheckpoint) := do
  match ← session.previousContext.get with
  | some previous =>
    if previous.root != task.root || !task.context.startsWith previous.context then return none
    if previous.transparent then session.gate.modify fun g => { g with transparent := true }
    return some previous.checkpoint
  | none => return none

/-- The word in every text that enables a linter; all linters are off by default. -/
def linters : String := "linter"

/-- A state in which Lean records what it elaborates, or does not. Linters and requests that inspect a proof read the
    records; a check does not, and recording takes a tenth of its time. -/
def recording (enabled : Bool) (st : Command.State) : Command.State := { st with infoState := { st.infoState with enabled } }

/-- Elaborates header, prelude and context, and replays the context's constants. Cached for the next check. -/
def baseOf (session : Session) (task : Task) (env : Environment) : IO (Except Refusal (Command.State × Kernel.Environment)) := do
  session.cached session.bases task.key build
where
  build : IO (Except Refusal (Command.State × Kernel.Environment)) := do
    match ← session.resumed task with
    | some checkpoint => context checkpoint
    | none =>
      let imports := if session.role matches .elaborator then withRealizableImports env else env
      let st := Command.mkState imports {} (baseOptions task.limits)
      let st := if session.role matches .worker then recording (hasPart task.prelude linters || hasPart task.context linters) st else st
      match ← runPreamble session task task.prelude .header preludeKinds st with
      | .error r => pure (.error r)
      | .ok st => context { ps := {}, st, clean := env.toKernelEnv }
  context (checkpoint : ContextCheckpoint) : IO (Except Refusal (Command.State × Kernel.Environment)) := do
    session.lastCommand.set none
    match ← runPreamble session task task.context .context [] checkpoint.st checkpoint.ps with
    | .error r => pure (.error r)
    | .ok st =>
      let source := st.env.toKernelEnv
      let (ps, before) := (← session.lastCommand.get).getD (checkpoint.ps, checkpoint.st)
      match replayed checkpoint.clean before.env.toKernelEnv with
      | .error r => pure (.error r)
      | .ok clean => match replayed clean source with
        | .error r => pure (.error r)
        | .ok whole =>
          if !(← session.token.isSet) && (← session.refused).isNone then
            session.previousContext.set (some { root := task.root, context := task.context, checkpoint := { ps, st := before, clean }, transparent := (← session.gate.get).transparent })
          pure (.ok (st, whole))
  replayed (clean source : Kernel.Environment) : Except Refusal Kernel.Environment :=
    if session.role matches .elaborator then .ok source
    else match replay clean (constantsOf source) (kernelOptions task.limits) session.token (newSafeNames clean source) {} clean 0 with
      | .ok kenv _ => .ok kenv
      | failed => .error (asInvalid { verdict := failed.failure.1, notes := [errorNote .context failed.failure.2] })

def invalid (src : Source) (stx : Syntax) (text : String) : Refusal :=
  { verdict := "invalid_statement", notes := [src.noteAt "error" text stx] }

/-- Parses `statement := proof` as exactly one theorem command whose value is the text after the inserted `:=`. -/
def parseTheorem (session : Session) (task : Task) (st : Command.State) (src : Source) : IO (Except Refusal Syntax) := do
  let (stx, ps, log) := parseNext st src.input {}
  let broken := hasError log
  if isEnd stx then return .error (invalid src stx "there is no statement")
  if !broken then match ← session.offence task st stx with
    | some o => return .error (forbidden src o)
    | none => pure ()
  -- a text that ends the block and continues with a command attempts to be more than a proof
  match furtherCommand st src ps with
  | some command => return .error { forbidden src { stx := command, reason := "a further command after the proof" } with containable := false }
  | none => pure ()
  if broken then return .error { verdict := "rejected", notes := ← src.notes task.limits.messages log }
  let (rest, _, log) := parseNext st src.input ps
  if hasError log then return .error { verdict := "rejected", notes := ← src.notes task.limits.messages log }
  if !isEnd rest then return .error { forbidden src { stx := rest, reason := "text after the proof" } with containable := false }
  if stx.getKind != ``Parser.Command.declaration || (argOf stx 1).getKind != ``Parser.Command.theorem then
    return .error (invalid src stx "the statement must be one `theorem NAME binders : goal`, without `:=`")
  let value := argOf (argOf stx 1) 3
  if value.getKind != ``Parser.Command.declValSimple || startOf value != assignPosition task.statement then
    return .error (invalid src value "the statement must end before `:=`")
  return .ok stx
where
  /-- The first command that the parser recognises after `ps`, beyond text that it cannot read. -/
  furtherCommand (st : Command.State) (src : Source) (ps : Parser.ModuleParserState) : Option Syntax :=
    go 64 st src ps
  go : Nat → Command.State → Source → Parser.ModuleParserState → Option Syntax
    | 0, _, _, _ => none
    | n + 1, st, src, ps =>
      let (stx, ps', log) := parseNext st src.input ps
      if isEnd stx then none
      else if !hasError log then some stx
      else if ps'.pos.byteIdx ≤ ps.pos.byteIdx then none
      else if isCommandNode stx then some stx
      else go n st src ps'
  isCommandNode : Syntax → Bool
    | .node _ k _ => k != `null && k != `group
    | _ => false

/-- The name that a theorem command declares, as it is in the environment. -/
def declaredName (st : Command.State) (env : Kernel.Environment) (stx : Syntax) : Option Name :=
  match argOf (argOf (argOf stx 1) 1) 0 with
  | .ident _ _ id _ =>
    let full := if (`_root_).isPrefixOf id then withoutRoot id else (scopeOf st).currNamespace ++ id
    if (env.find? full).isSome then some full
    else
      let hidden := mkPrivateName st.env full
      if (env.find? hidden).isSome then some hidden else none
  | _ => none
where
  withoutRoot : Name → Name
    | .str .anonymous "_root_" => .anonymous
    | .str p s => .str (withoutRoot p) s
    | .num p n => .num (withoutRoot p) n
    | .anonymous => .anonymous

/-- A term as a user would write it after the commands that led to `st`. -/
def renderType (st : Command.State) (e : Expr) : BaseIO String :=
  let scope := scopeOf st
  let data := MessageData.withContext { env := st.env, mctx := {}, lctx := {}, opts := scope.opts } (.ofExpr e)
  (MessageData.withNamingContext { currNamespace := scope.currNamespace, openDecls := scope.openDecls } data).toString

/-- The type of a reference, printed. -/
def Reference.printed (r : Reference) : BaseIO String := return (cut (← renderType r.after r.info.type) 4000).1

/-- A message about a difference, with both sides as a user would write them. -/
def Difference.text (d : Difference) (st : Command.State) (goal : Name) : BaseIO String := do
  let name := nameString (privateToUserName d.name)
  if d.name == goal then
    return s!"{name} has another type than the statement{← sides (fun info => renderType st info.type)}"
  match d.stated, d.found with
  | some a, some b =>
    let render := if a.type == b.type then (fun info => renderValue info) else (fun (info : ConstantInfo) => renderType st info.type)
    return s!"{name}, on which the statement depends, differs{← sides render}"
  | _, _ => return s!"{name}, on which the statement depends, is missing"
where
  sides (render : ConstantInfo → BaseIO String) : BaseIO String := match d.stated, d.found with
    | some a, some b => do
      let stated ← render a
      let found ← render b
      if stated == found then return " (they look alike when printed)"
      return s!": the statement has\n  {(cut stated 1500).1}\nand the candidate\n  {(cut found 1500).1}"
    | _, _ => pure ""
  renderValue (info : ConstantInfo) : BaseIO String := match info.value? (allowOpaque := true) with
    | some value => renderType st value
    | none => renderType st info.type

/-- A state in which warnings are not errors, because the worker itself inserts the `sorry` of a statement alone. -/
def withoutWarnings (st : Command.State) : Command.State := match st.scopes with
  | scope :: rest => { st with scopes := { scope with opts := scope.opts.setBool `warningAsError false } :: rest }
  | [] => st

/-- Elaborates the statement with `sorry` as its proof. Cached for the next candidate. -/
def referenceOf (session : Session) (task : Task) (st : Command.State) : IO (Except Refusal Reference) := do
  session.cached session.references (task.key ++ task.statement) build
where
  build : IO (Except Refusal Reference) := do
  let src := proofSource task.statement "sorry"
  match ← parseTheorem session task st src with
  | .error r => return .error (asInvalid r)
  | .ok stx =>
    let { after, log, header } ← runTheorem session src none (withoutWarnings st) stx
    if ← session.token.isSet then return .error { verdict := "timeout", notes := [src.noteAt "error" "cancelled" stx] }
    if hasError log then
      let notes ← src.notes task.limits.messages log
      return .error (asInvalid { verdict := errorVerdict log notes, notes })
    let env := after.env.toKernelEnv
    match declaredName st env stx with
    | none => return .error (invalid src stx "the statement declares no theorem")
    | some name => match st.env.find? name, env.find? name with
      | none, some info@(.thmInfo _) =>
        return .ok { name, constants := constantsOf env, info, after, header }
      | _, _ => return .error (invalid src stx "the statement declares no new theorem")
