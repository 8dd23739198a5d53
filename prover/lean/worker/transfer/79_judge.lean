/-! A judge's check: a reference, which is read first, and a candidate's constants, both read from untrusted text. -/

def refusal (verdict text : String) : Refusal :=
  { verdict, notes := [errorNote .candidate text] }

/-- Reads a reference and replays its dependencies in the kernel. -/
def readReference (session : Session) (task : Task) (clean : Kernel.Environment) (name : Name) (text : String) : IO (Except Refusal JudgeReference) := do
  let key := joinStrings " " task.imports "" ++ nameString name ++ text
  match recall key (← session.judgeReferences.get) with
  | some known => pure (.ok known)
  | none =>
    let result := build
    match result with
    -- a refusal may be due to one request's limits, so it is not cached
    | .ok reference => session.judgeReferences.set (remember 16 key reference (← session.judgeReferences.get))
    | .error _ => pure ()
    pure result
where
  build : Except Refusal JudgeReference := match readExport clean text with
    | .error e => .error (refusal "invalid_statement" s!"the elaborator's reference cannot be read: {e}")
    | .ok r => match r.find name with
      | some info@(.thmInfo _) =>
        let others := otherNames r.order []
        match replay clean r.find (kernelOptions task.limits) session.token (pushVisits others false []) {} clean 0 with
        | .ok env _ => .ok { name, info, constants := r.find, names := r.order, env }
        | failed => .error (asInvalid (refusal failed.failure.1 failed.failure.2))
      | _ => .error (refusal "invalid_statement" s!"the elaborator's reference has no theorem {nameString name}")
  otherNames : List Name → List Name → List Name
    | [], acc => acc
    | n :: ns, acc => if n == name then otherNames ns acc else otherNames ns (n :: acc)

/-- Whether a constant of the candidate differs from that of the same name in the reference. -/
def conflicts (reference : JudgeReference) (candidate : Constants) : List Name → Bool
  | [] => false
  | n :: ns =>
    if n == reference.name then conflicts reference candidate ns else match reference.constants n, candidate n with
    | some a, some b => if sameConstant a b then conflicts reference candidate ns else true
    | _, _ => conflicts reference candidate ns

/-- The axioms that the client declared: the reference has them, and the candidate has the same ones. -/
def clientAxioms (clean : Kernel.Environment) (reference : JudgeReference) (candidate : Constants) : List Name → List Name → List Name
  | [], acc => acc
  | n :: ns, acc => match reference.constants n with
    | some (.axiomInfo _) => match sameUpToAuxiliaries clean reference.constants candidate [n] {} emptyCanon emptyCanon with
      | none => clientAxioms clean reference candidate ns (n :: acc)
      | some _ => clientAxioms clean reference candidate ns acc
    | _ => clientAxioms clean reference candidate ns acc
where
  emptyCanon : Canon := { names := .empty, essences := [], count := 0 }

/-- Names that are neither in `allowed` nor `sorry`, which counts only if the theorem depends on it. -/
def namesOutside (allowed : List Name) : List Name → List Name
  | [] => []
  | n :: ns => if containsName n allowed || n == ``sorryAx then namesOutside allowed ns else n :: namesOutside allowed ns

/-- The constants that a second kernel gets beside the theorem: all that a text declares if it is judged as a whole,
    otherwise none. Axioms are exported as dependencies. -/
def crosscheckedNames (task : Task) (clean proved : Kernel.Environment) : List (Name × Bool) :=
  if task.policy.whole then withoutAxioms (newSafeNames clean proved) else []
where
  withoutAxioms : List (Name × Bool) → List (Name × Bool)
    | [] => []
    | (n, safe) :: rest => match findConstant proved n with
      | some (.axiomInfo _) => withoutAxioms rest
      | _ => (n, safe) :: withoutAxioms rest

/-- Compares, audits and replays the constants of an export as those of a candidate. -/
def judgeExport (session : Session) (task : Task) (env : Environment) (clean : Kernel.Environment) (reference : JudgeReference) (text : String) (timing : Timing) : IO (Outcome × Timing) := do
  let st := Command.mkState env {} (baseOptions task.limits)
  let outcome (verdict : String) (trust : Json) (text : String) (axioms : List Name) (timing : Timing) : Outcome × Timing :=
    ({ verdict, trust, notes := [errorNote .candidate text], axioms, constants := 0 }, timing)
  match readExport clean text with
  | .error e => return outcome "rejected" .null s!"the elaborator's export cannot be read: {e}" [] timing
  | .ok r =>
    let timing ← timing.lap "read_ms"
    let conflict := conflicts reference r.find r.order
    let base := if conflict then clean else reference.env
    let source : Constants := fun n => match r.find n with
      | some info => some info
      | none => match if n == reference.name then none else reference.constants n with
        | some info => some info
        | none => findConstant clean n
    match source reference.name with
    | some info@(.thmInfo _) =>
      if !sameBinders info.type reference.info.type then
        return outcome "statement_changed" .null s!"the binders of {nameString reference.name} are not of the same kinds (explicit, implicit, instance) as those of the statement" [] timing
      let free := task.policy.holes.getD []
      match differs clean (withoutValues free reference.constants) (withoutValues free source) reference.info info with
      | some d => return outcome "statement_changed" .null (← d.text st reference.name) [] timing
      | none =>
        let timing ← timing.lap "compare_ms"
        let used := axiomsBelow env source [reference.name] {} []
        let all := axiomsBelow env source (reference.name :: r.order) {} []
        let allowed := pushNames standardAxioms (pushNames task.policy.axioms (clientAxioms clean reference source all []))
        let timing ← timing.lap "audit_ms"
        let judged := if task.policy.whole then all else used
        if containsName ``sorryAx judged && !containsName ``sorryAx task.policy.axioms then
          let unproved := unprovedBelow env source (reference.name :: (if task.policy.whole then r.order else [])) {} []
          let shown := if task.policy.whole then unproved else namesOutside [reference.name] unproved
          return outcome "incomplete" "elaborated" (unprovedText shown) used timing
        match namesOutside allowed all with
        | n :: _ => return outcome "axiom_not_allowed" "elaborated" s!"the proof depends on the axiom {nameString n}" used timing
        | [] =>
          match task.policy.guard with
          | some target => match leak env source target reference.name with
            | some (n, reason) => return outcome "forbidden" "elaborated" s!"the proof uses {nameString n}, which {reason}" used timing
            | none => pure ()
          | none => pure ()
          match replay base source (kernelOptions task.limits) session.token ((reference.name, false) :: pushVisits r.order false []) {} base 0 with
          | .ok proved count =>
            let basis := reference.name :: (if task.policy.whole then r.order else [])
            return ({ verdict := "verified", trust := "isolated_replay", notes := [], axioms := judged, constants := count, basis := some (source, basis), proved := some proved }, ← timing.lap "replay_ms")
          | failed =>
            let (verdict, text) := failed.failure
            return outcome verdict "elaborated" text used (← timing.lap "replay_ms")
    | some _ => return outcome "statement_changed" .null s!"{nameString reference.name} is not a theorem" [] timing
    | none => return outcome "statement_changed" .null s!"there is no theorem {nameString reference.name}" [] timing
