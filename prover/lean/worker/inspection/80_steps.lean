/-! Requests that inspect a proof without checking it: the goals at each `sorry`, one tactic on a goal, a constant. -/

/-- A tactic step that elaboration recorded, with the context for printing its goals. -/
structure Step where
  context : ContextInfo
  info : TacticInfo

/-- The trees in a persistent array, each with the context `ctx`, followed by `rest`. -/
def arrayTrees (trees : PersistentArray InfoTree) (rest : List (Option ContextInfo × InfoTree)) (ctx : Option ContextInfo) :
    List (Option ContextInfo × InfoTree) :=
  nodes [trees.root] [] trees.tail
where
  nodes (todo : List (PersistentArrayNode InfoTree)) (leaves : List (Array InfoTree)) (tail : Array InfoTree) : List (Option ContextInfo × InfoTree) :=
    flatten (collect 4096 todo (leaves)) (pushTrees tail rest)
  /-- The leaves, last first. -/
  collect : Nat → List (PersistentArrayNode InfoTree) → List (Array InfoTree) → List (Array InfoTree)
    | 0, _, acc => acc
    | _, [], acc => acc
    | n + 1, .leaf vs :: ns, acc => collect n ns (vs :: acc)
    | n + 1, .node cs :: ns, acc => collect n (pushNodes cs.size cs ns) acc
  pushNodes : Nat → Array (PersistentArrayNode InfoTree) → List (PersistentArrayNode InfoTree) → List (PersistentArrayNode InfoTree)
    | 0, _, acc => acc
    | i + 1, cs, acc => pushNodes i cs (cs.getD i (.leaf #[]) :: acc)
  flatten : List (Array InfoTree) → List (Option ContextInfo × InfoTree) → List (Option ContextInfo × InfoTree)
    | [], acc => acc
    | vs :: leaves, acc => flatten leaves (pushTrees vs acc)
  pushTrees (vs : Array InfoTree) (acc : List (Option ContextInfo × InfoTree)) : List (Option ContextInfo × InfoTree) := go vs.size vs acc
  go : Nat → Array InfoTree → List (Option ContextInfo × InfoTree) → List (Option ContextInfo × InfoTree)
    | 0, _, acc => acc
    | i + 1, vs, acc => go i vs ((ctx, vs.getD i (.hole ⟨.anonymous⟩)) :: acc)

/-- Tactic steps in some trees whose syntax has one of the kinds and starts after `after`, in reading order. -/
partial def stepsBelow (kinds : List Name) (after : Nat) (todo : List (Option ContextInfo × InfoTree)) (acc : List Step) : List Step := match todo with
  | [] => reverseList acc []
  | (ctx, .context part tree) :: rest => stepsBelow kinds after ((part.mergeIntoOuter? ctx, tree) :: rest) acc
  | (_, .hole _) :: rest => stepsBelow kinds after rest acc
  | (ctx, .node info children) :: rest =>
    let rest := arrayTrees children rest ctx
    match ctx, info with
    | some context, .ofTacticInfo info =>
      if containsName info.stx.getKind kinds && startOf info.stx > after then stepsBelow kinds after rest ({ context, info } :: acc) else stepsBelow kinds after rest acc
    | _, _ => stepsBelow kinds after rest acc

/-- A printed goal without the line break with which `ppGoals` begins it. -/
def withoutBreak (s : String) : String := if s.startsWith "\n" then (s.drop 1).toString else s

def printGoals (ctx : ContextInfo) (mctx : MetavarContext) : List MVarId → Array Json → IO (Array Json)
  | [], acc => pure acc
  | g :: gs, acc => do
    let format ← ({ ctx with mctx } : ContextInfo).ppGoals [g]
    printGoals ctx mctx gs (acc.push (.str (cut (withoutBreak (format.pretty 100)) 16000).1))

/-- Replaces each term `sorry` by `by sorry`, so that its goal is recorded like that of a tactic. -/
def sorryBlocks : Nat → Syntax → Syntax
  | depth + 1, stx@(.node info k args) =>
    if k == ``Parser.Term.sorry then
      let tactic := Syntax.node info ``Parser.Tactic.tacticSorry args
      let block := Syntax.node info ``Parser.Tactic.tacticSeq #[.node info ``Parser.Tactic.tacticSeq1Indented #[.node info `null #[tactic]]]
      .node info ``Parser.Term.byTactic #[.atom info "by", block]
    else if k == ``Parser.Tactic.tacticSorry then stx
    else .node info k (each depth args.toList #[])
  | _, s => s
where
  each (depth : Nat) : List Syntax → Array Syntax → Array Syntax
    | [], acc => acc
    | s :: ss, acc => each depth ss (acc.push (sorryBlocks depth s))

/-- Result of elaborating a text with its steps recorded; `before` and `after` are the states around it. -/
structure Inspection where
  verdict : String
  containable : Bool
  notes : List Note
  log : List Message
  steps : List Step
  src : Source
  before : Command.State
  after : Command.State

/-- Whether one of some constants depends on `sorry`, through constants that the proof itself declared. -/
partial def dependsOnSorry (before : Environment) (after : Kernel.Environment) (todo : List Name) (seen : NameHashSet) : Bool := match todo with
  | [] => false
  | n :: rest =>
    if n == ``sorryAx then true
    else if seen.contains n || (before.find? n).isSome then dependsOnSorry before after rest seen
    else match after.find? n with
      | some info => dependsOnSorry before after (pushNames (mentions info) rest) (seen.insert n)
      | none => dependsOnSorry before after rest (seen.insert n)

/-- Whether a step admitted its goal: the term assigned to it depends on `sorry`, written out or inserted by Lean to
    continue after an error. -/
def Inspection.admits (inspection : Inspection) (step : Step) : Bool := match step.info.goalsBefore with
  | goal :: _ =>
    let (value, _) := instantiateMVarsCore step.info.mctxAfter (.mvar goal)
    dependsOnSorry inspection.before.env inspection.after.env.toKernelEnv value.getUsedConstants.toList {}
  | [] => false

/-- An inspection in which open goals are not errors. -/
def Inspection.withOpenGoals (i : Inspection) : Inspection := if i.verdict == "incomplete" then { i with verdict := "verified" } else i

/-- Elaborates a proof with info trees, which are returned separately; the inspection has no steps yet. -/
def elaborateRecorded (session : Session) (task : Task) (st : Command.State) (proof : String) :
    IO (Inspection × List (Option ContextInfo × InfoTree)) := do
  let src := proofSource task.statement proof
  match ← parseTheorem session task st src with
  | .error r => pure ({ verdict := r.verdict, containable := r.containable, notes := r.notes, log := [], steps := [], src, before := st, after := st }, [])
  | .ok stx =>
    let after ← runCommand session src { withoutWarnings st with infoState := { st.infoState with enabled := true } } (sorryBlocks 256 (session.sanitised stx))
    let (log, after) := takeMessages after
    let notes ← src.notes task.limits.messages log
    let cancelled ← session.token.isSet
    let verdict := if cancelled then "timeout" else if hasError log then errorVerdict log notes else "verified"
    pure ({ verdict, containable := false, notes, log, src, before := st, after, steps := [] }, arrayTrees after.infoState.trees [] none)

/-- Elaborates a proof and records the steps whose syntax has one of the kinds. Open goals are not errors here. -/
def inspectProof (session : Session) (task : Task) (st : Command.State) (proof : String) (kinds : List Name) : IO Inspection := do
  let (inspection, trees) ← elaborateRecorded session task st proof
  pure { inspection.withOpenGoals with steps := stepsBelow kinds (assignPosition task.statement) trees [] }

/-- Whether all errors are about goals that are open at the end of the outermost `by`. -/
def Inspection.onlyOuterOpen (inspection : Inspection) : Bool := go inspection.log
where
  go : List Message → Bool
    | [] => true
    | m :: ms => if isError m && (m.pos.line != inspection.src.split + 1 || m.pos.column != 0) then false else go ms

def positionFields (src : Source) (stx : Syntax) : List (String × Json) :=
  let position (p : String.Pos.Raw) : Position := src.input.fileMap.toPosition p
  let first := position ⟨startOf stx⟩
  let last := match stx.getTailPos? with
    | some p => position p
    | none => first
  let line (p : Position) : Json := .num (JsonNumber.fromNat (p.line - src.split))
  [("line", line first), ("column", .num first.column), ("end_line", line last), ("end_column", .num last.column)]

/-- An entry for each `sorry`, with all goals recorded there. -/
def sorriesJson (src : Source) : List Step → List (Nat × Syntax × Array Json) → IO (Array Json)
  | [], found => pure (entries found #[])
  | s :: ss, found => if s.info.stx.getKind != ``Parser.Tactic.tacticSorry then sorriesJson src ss found else do
    let goals ← printGoals s.context s.info.mctxBefore s.info.goalsBefore #[]
    sorriesJson src ss (add (startOf s.info.stx) s.info.stx goals found [])
where
  add (start : Nat) (stx : Syntax) (goals : Array Json) : List (Nat × Syntax × Array Json) → List (Nat × Syntax × Array Json) → List (Nat × Syntax × Array Json)
    | [], seen => reverseList seen [(start, stx, goals)]
    | (p, s, gs) :: rest, seen => if p == start then reverseList seen ((p, s, appendAll goals.toList gs) :: rest) else add start stx goals rest ((p, s, gs) :: seen)
  appendAll : List Json → Array Json → Array Json
    | [], acc => acc
    | g :: gs, acc => appendAll gs (acc.push g)
  entries : List (Nat × Syntax × Array Json) → Array Json → Array Json
    | [], acc => acc
    | (_, stx, goals) :: rest, acc => entries rest (acc.push (Json.mkObj (("goals", .arr goals) :: positionFields src stx)))

/-- Positions of the tactics in parentheses that admitted their goal. -/
def assumedJson (inspection : Inspection) : List Step → Array Json → Array Json
  | [], acc => acc
  | s :: ss, acc =>
    if s.info.stx.getKind == ``Parser.Tactic.paren && inspection.admits s then assumedJson inspection ss (acc.push (Json.mkObj (positionFields inspection.src s.info.stx)))
    else assumedJson inspection ss acc

/-- A tactic block, indented under `by`. -/
def indented (text : String) : String := "\n  " ++ String.join (breaks text.toList)
where
  breaks (cs : List Char) : List String := go cs "" []
  go : List Char → String → List String → List String
    | [], line, acc => reverseList (line :: acc) []
    | '\n' :: cs, line, acc => go cs "" ((line ++ "\n  ") :: acc)
    | c :: cs, line, acc => go cs (line.push c) acc

def scriptText : List String → String → String
  | [], acc => acc
  | t :: ts, acc => scriptText ts (acc ++ indented t)

def kindOf (env : Environment) : ConstantInfo → String
  | .thmInfo _ => "theorem"
  | .defnInfo _ => "definition"
  | .opaqueInfo _ => "opaque"
  | .axiomInfo v => match hidden env v with
    | .proof => "theorem"
    | .value => "definition"
    | .axiom => "axiom"
  | .inductInfo _ => "inductive"
  | .ctorInfo _ => "constructor"
  | .recInfo _ => "recursor"
  | .quotInfo _ => "quotient"

/-- Answer fields for a constant of the imported library. -/
def constantFields (st : Command.State) (env : Environment) (name : Name) : IO (List (String × Json)) :=
  match env.find? name with
  | none => pure [("found", .bool false)]
  | some info => do
    let type ← renderType st info.type
    let mod := match moduleOf env name with
      | some m => nameString m
      | none => ""
    pure [("found", .bool true), ("kind", .str (kindOf env info)), ("type", .str (cut type 16000).1), ("module", .str mod),
      ("levels", jsonNames info.levelParams #[])]

/-- Constants that header and context declare, under the names by which a text after them can refer to them. -/
def declaredJson (st : Command.State) : List ConstantInfo → Array Json → IO (Array Json)
  | [], acc => pure acc
  | info :: rest, acc => do
    if (privateToUserName info.name).isInternal || isUnsafeConstant info then declaredJson st rest acc else
    let shown ← renderType st (.const info.name [])
    let name := if shown.startsWith "@" then (shown.drop 1).toString else shown
    declaredJson st rest (acc.push (Json.mkObj [("name", .str name), ("kind", .str (kindOf st.env info))]))
