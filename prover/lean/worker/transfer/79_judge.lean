/-! A judge's check: a reference, which is fixed first, and a candidate's constants, both read from untrusted text. -/

def refusal (verdict text : String) : Refusal :=
  { verdict, notes := [{ severity := "error", region := .candidate, line := 1, column := 0, text }] }

def freshNames : List Name → List (Name × Bool) → List (Name × Bool)
  | [], acc => acc
  | n :: ns, acc => freshNames ns ((n, false) :: acc)

/-- Reads a reference and replays its dependencies in the kernel. -/
def fixReference (session : Session) (task : Task) (clean : Kernel.Environment) (name : Name) (text : String) : IO (Except Refusal Fixed) := do
  let key := joinStrings " " task.imports "" ++ nameString name ++ text
  match recall key (← session.fixed.get) with
  | some known => pure (.ok known)
  | none =>
    let known := build
    match known with
    -- a refusal may be due to one request's limits, so it is not cached
    | .ok fixed => session.fixed.set (remember 16 key fixed (← session.fixed.get))
    | .error _ => pure ()
    pure known
where
  build : Except Refusal Fixed := match readExport clean text with
    | .error e => .error (refusal "invalid_statement" s!"the elaborator's reference cannot be read: {e}")
    | .ok r => match r.find name with
      | some info@(.thmInfo _) =>
        let others := without r.order []
        match replay clean r.find (kernelOptions task.limits) session.token (freshNames others []) {} clean 0 with
        | .ok env _ => .ok { name, info, constants := r.find, names := r.order, env }
        | .interrupted => .error { verdict := "timeout", notes := [] }
        | .resources n why => .error (refusal "out_of_resources" s!"the kernel gave up on {nameString n}: {why}")
        | .forbidden n why => .error (refusal "forbidden" s!"{nameString n}: {why}")
        | .rejected n why => .error (refusal "invalid_statement" s!"the kernel refuses {nameString n}: {why}")
      | _ => .error (refusal "invalid_statement" s!"the elaborator's reference has no theorem {nameString name}")
  without : List Name → List Name → List Name
    | [], acc => acc
    | n :: ns, acc => if n == name then without ns acc else without ns (n :: acc)

/-- Whether a constant of the candidate differs from that of the same name in the reference. -/
def clashes (reference : Fixed) (candidate : Constants) : List Name → Bool
  | [] => false
  | n :: ns =>
    if n == reference.name then clashes reference candidate ns else match reference.constants n, candidate n with
    | some a, some b => if sameConstant a b then clashes reference candidate ns else true
    | _, _ => clashes reference candidate ns

/-- The axioms that the client declared: the reference has them, and the candidate has the same ones. -/
def askersAxioms (clean : Kernel.Environment) (reference : Fixed) (candidate : Constants) : List Name → List Name → List Name
  | [], acc => acc
  | n :: ns, acc => match reference.constants n with
    | some (.axiomInfo _) => match sameUpToAuxiliaries clean reference.constants candidate [n] {} emptyCanon emptyCanon with
      | none => askersAxioms clean reference candidate ns (n :: acc)
      | some _ => askersAxioms clean reference candidate ns acc
    | _ => askersAxioms clean reference candidate ns acc
where
  emptyCanon : Canon := { names := .empty, essences := [], count := 0 }

/-- `names` without those in `allowed` and without `sorry`, which counts only if the theorem depends on it. -/
def beyond (allowed : List Name) : List Name → List Name
  | [] => []
  | n :: ns => if containsName n allowed || n == ``sorryAx then beyond allowed ns else n :: beyond allowed ns

/-- The constants that a second kernel gets beside the theorem: all that a text declares if it is judged as a whole,
    otherwise none. Axioms are exported as dependencies. -/
def shownOf (task : Task) (clean proved : Kernel.Environment) : List (Name × Bool) :=
  if task.policy.whole then withoutAxioms (newSafeNames clean proved) else []
where
  withoutAxioms : List (Name × Bool) → List (Name × Bool)
    | [] => []
    | (n, safe) :: rest => match lookIn proved n with
      | some (.axiomInfo _) => withoutAxioms rest
      | _ => (n, safe) :: withoutAxioms rest

/-- Compares, audits and replays the constants of an export as those of a candidate. -/
def judgeExport (session : Session) (task : Task) (env : Environment) (clean : Kernel.Environment) (reference : Fixed) (text : String) (timing : Timing) : IO (Outcome × Timing) := do
  let st := Command.mkState env {} (baseOptions task.limits)
  let say (text : String) : Note := { severity := "error", region := .candidate, line := 1, column := 0, text }
  let end_ (verdict : String) (trust : Json) (text : String) (axioms : List Name) (timing : Timing) : Outcome × Timing :=
    ({ verdict, trust, notes := [say text], axioms, constants := 0 }, timing)
  match readExport clean text with
  | .error e => return end_ "rejected" .null s!"the elaborator's export cannot be read: {e}" [] timing
  | .ok r =>
    let timing ← timing.lap "read_ms"
    let clash := clashes reference r.find r.order
    let base := if clash then clean else reference.env
    let source : Constants := fun n => match r.find n with
      | some info => some info
      | none => match if n == reference.name then none else reference.constants n with
        | some info => some info
        | none => lookIn clean n
    match source reference.name with
    | some info@(.thmInfo _) =>
      if !sameBinders info.type reference.info.type then
        return end_ "statement_changed" .null s!"{nameString reference.name} takes its arguments in another way than the statement" [] timing
      let free := task.policy.holes.getD []
      match differs clean (withoutValues free reference.constants) (withoutValues free source) reference.info info with
      | some d => return end_ "statement_changed" .null (← d.text st reference.name) [] timing
      | none =>
        let timing ← timing.lap "compare_ms"
        let used := axiomsBelow env source [reference.name] {} []
        let all := axiomsBelow env source (reference.name :: r.order) {} []
        let allowed := pushNames standardAxioms (pushNames task.policy.axioms (askersAxioms clean reference source all []))
        let timing ← timing.lap "audit_ms"
        let judged := if task.policy.whole then all else used
        if containsName ``sorryAx judged && !containsName ``sorryAx task.policy.axioms then
          let unproved := unprovedBelow env source (reference.name :: (if task.policy.whole then r.order else [])) {} []
          let shown := if task.policy.whole then unproved else beyond [reference.name] unproved
          return end_ "incomplete" "elaborated" (unprovedText shown) used timing
        match beyond allowed all with
        | n :: _ => return end_ "axiom_not_allowed" "elaborated" s!"the proof rests on the axiom {nameString n}" used timing
        | [] =>
          match task.policy.guard with
          | some target => match leak env source target reference.name with
            | some (n, why) => return end_ "forbidden" "elaborated" s!"the proof uses {nameString n}, which {why}" used timing
            | none => pure ()
          | none => pure ()
          match replay base source (kernelOptions task.limits) session.token ((reference.name, false) :: freshNames r.order []) {} base 0 with
          | .ok proved count =>
            let basis := reference.name :: (if task.policy.whole then r.order else [])
            return ({ verdict := "verified", trust := "isolated_replay", notes := [], axioms := judged, constants := count, basis := some (source, basis), proved := some proved }, ← timing.lap "replay_ms")
          | .interrupted => return end_ "timeout" "elaborated" "cancelled" used (← timing.lap "replay_ms")
          | .resources n why => return end_ "out_of_resources" "elaborated" s!"the kernel gave up on {nameString n}: {why}" used (← timing.lap "replay_ms")
          | .forbidden n why => return end_ "forbidden" "elaborated" s!"{nameString n}: {why}" used (← timing.lap "replay_ms")
          | .rejected n why => return end_ "rejected" "elaborated" s!"the kernel refuses {nameString n}: {why}" used (← timing.lap "replay_ms")
    | some _ => return end_ "statement_changed" .null s!"{nameString reference.name} is not a theorem" [] timing
    | none => return end_ "statement_changed" .null s!"there is no theorem {nameString reference.name}" [] timing
