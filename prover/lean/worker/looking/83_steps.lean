/-! The steps of a proof: each tactic of each block with the goals around it, and the constants that the proof names. -/

/-- What a proof was seen to do, last first. -/
structure Recorded where
  steps : List Step := []
  /-- Constants by the syntax that names them. -/
  names : List (Syntax × Name × ContextInfo) := []

def isSequence (stx : Syntax) : Bool := stx.isOfKind ``Parser.Tactic.tacticSeq1Indented || stx.isOfKind ``Parser.Tactic.tacticSeqBracketed

/-- Whether an entry of a block is more than what stands between two tactics. -/
def isTactic : Syntax → Bool
  | .node _ kind _ => kind != nullKind
  | _ => false

/-- Whether a syntax is written in the text behind `after`, not made by a macro. -/
def writtenBehind (after : Nat) (stx : Syntax) : Bool := match stx.getHeadInfo with
  | .original _ p _ _ => p.byteIdx > after
  | _ => false

/-- The tactics that stand in some block, and the constants that are named, in reading order. Trees are paired with whether a block holds them. -/
partial def recorded (after : Nat) (todo : List (Bool × Option ContextInfo × InfoTree)) (acc : Recorded) : Recorded := match todo with
  | [] => { steps := reverseList acc.steps [], names := reverseList acc.names [] }
  | (inside, ctx, .context part tree) :: rest => recorded after ((inside, part.mergeIntoOuter? ctx, tree) :: rest) acc
  | (_, _, .hole _) :: rest => recorded after rest acc
  | (inside, ctx, .node info children) :: rest =>
    let below (inside : Bool) := tagged inside (arrayTrees children [] ctx) rest
    match ctx, info with
    | some context, .ofTacticInfo info =>
      if isSequence info.stx then recorded after (below true) acc
      else if inside && isTactic info.stx && writtenBehind after info.stx then recorded after (below false) { acc with steps := { context, info } :: acc.steps }
      else recorded after (below false) acc
    | some context, .ofTermInfo info => match info.stx.isIdent && writtenBehind after info.stx, info.expr with
      | true, .const n _ => recorded after (below false) { acc with names := (info.stx, n, context) :: acc.names }
      | _, _ => recorded after (below false) acc
    | _, _ => recorded after (below false) acc
where
  tagged (inside : Bool) (trees : List (Option ContextInfo × InfoTree)) (rest : List (Bool × Option ContextInfo × InfoTree)) : List (Bool × Option ContextInfo × InfoTree) :=
    push inside (reverseList trees []) rest
  push (inside : Bool) : List (Option ContextInfo × InfoTree) → List (Bool × Option ContextInfo × InfoTree) → List (Bool × Option ContextInfo × InfoTree)
    | [], acc => acc
    | (ctx, tree) :: more, acc => push inside more ((inside, ctx, tree) :: acc)

/-- Steps that are told at most, and goals of each. -/
def mostSteps : Nat := 512
def mostGoals : Nat := 8

def firstGoals : Nat → List MVarId → List MVarId
  | n + 1, g :: gs => g :: firstGoals n gs
  | _, _ => []

/-- Each step with its first goals before and after, and how many there are. A step that is run several times is told as it ran first. -/
def stepsJson (src : Source) : Nat → List Step → List Nat → Array Json → IO (Array Json)
  | n + 1, s :: ss, seen, acc => do
    let at_ := startOf s.info.stx
    if containsNat at_ seen then stepsJson src (n + 1) ss seen acc else
    let before ← printGoals s.context s.info.mctxBefore (firstGoals mostGoals s.info.goalsBefore) #[]
    let after ← printGoals s.context s.info.mctxAfter (firstGoals mostGoals s.info.goalsAfter) #[]
    stepsJson src n ss (at_ :: seen) (acc.push (Json.mkObj (("kind", .str (nameString s.info.stx.getKind)) :: ("before", .arr before) :: ("after", .arr after) ::
      ("open_before", .num (JsonNumber.fromNat (count s.info.goalsBefore 0))) :: ("open_after", .num (JsonNumber.fromNat (count s.info.goalsAfter 0))) ::
      positionFields src s.info.stx)))
  | _, _, _, acc => pure acc
where
  count : List MVarId → Nat → Nat
    | [], n => n
    | _ :: gs, n => count gs (n + 1)
  containsNat (n : Nat) : List Nat → Bool
    | [] => false
    | m :: rest => m == n || containsNat n rest

/-- The constants that the proof names, each where it stands. -/
def namedJson (src : Source) : Nat → List (Syntax × Name × ContextInfo) → Array Json → Array Json
  | n + 1, (stx, name, context) :: rest, acc =>
    let kind := match context.env.find? name with
      | some info => kindOf context.env info
      | none => ""
    namedJson src n rest (acc.push (Json.mkObj (("name", .str (nameString (privateToUserName name))) :: ("kind", .str kind) :: positionFields src stx)))
  | _, _, acc => acc

/-- Elaborate a proof and record what it does. What fails is in the notes; the steps up to there are told all the same. -/
def stepsOf (session : Session) (task : Task) (st : Command.State) (proof : String) : IO (Looked × Array Json × Array Json) := do
  let src := proofSource task.statement proof
  match ← parseTheorem session task st src with
  | .error r => pure ({ verdict := r.verdict, containable := r.containable, notes := r.notes, log := [], steps := [], src, before := st, after := st }, #[], #[])
  | .ok stx =>
    let after ← runCommand session src { withoutWarnings st with infoState := { st.infoState with enabled := true } } (sorryBlocks 256 (session.tamed stx))
    let (log, after) := takeMessages after
    let notes ← src.notes task.limits.messages log
    let cancelled ← session.token.isSet
    let verdict := if cancelled then "timeout" else if hasError log then errorVerdict log notes else "verified"
    let told := recorded (assignPosition task.statement) (recorded.tagged false (arrayTrees after.infoState.trees [] none) []) {}
    pure ({ verdict, containable := false, notes, log, src, before := st, after, steps := [] },
          ← stepsJson src mostSteps told.steps [] #[], namedJson src mostSteps told.names #[])
