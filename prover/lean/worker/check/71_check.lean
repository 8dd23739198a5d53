/-! The check of a candidate, step by step (docs/trust.md, "The five steps"). -/

structure Timing where
  start : Nat
  last : Nat
  laps : List (String × Json)

/-- Adds a lap: the milliseconds since the previous one, under `name`. -/
def Timing.lap (t : Timing) (name : String) : IO Timing := do
  let now ← IO.monoNanosNow
  pure { t with last := now, laps := (name, millis (now - t.last)) :: t.laps }
where
  millis (ns : Nat) : Json := .num (JsonNumber.mk (ns / 1000) 3)

def Timing.begin : IO Timing := do
  let now ← IO.monoNanosNow
  pure { start := now, last := now, laps := [] }

def Timing.json (t : Timing) : IO Json := do
  let now ← IO.monoNanosNow
  pure (Json.mkObj (("total_ms", .num (JsonNumber.mk ((now - t.start) / 1000) 3)) :: t.laps))

structure Outcome where
  verdict : String
  trust : Json
  notes : List Note
  axioms : List Name
  constants : Nat
  /-- Environment with the constants of a verified proof. -/
  proved : Option Kernel.Environment := none
  /-- The constants of a verified proof: where to look them up, and the names of those that it has to account for. -/
  basis : Option (Constants × List Name) := none
  containable : Bool := false
  /-- Export of the new constants, for a judge. -/
  exported : String := ""

def refused (r : Refusal) : Outcome :=
  { verdict := r.verdict, trust := .null, notes := r.notes, axioms := [], constants := 0, containable := r.containable }

/-- Whether two equal types take their arguments in the same way: explicitly, implicitly or as instances. -/
def sameBinders : Expr → Expr → Bool
  | .forallE _ _ a i, .forallE _ _ b j => if i == j then sameBinders a b else false
  | _, _ => true

/-- Steps 4 and 5 for an elaborated candidate: compare, audit, replay. `clean` is an environment that the candidate has
    not touched. -/
def judge (session : Session) (task : Task) (src : Source) (stx : Syntax) (clean : Kernel.Environment) (reference : Reference)
    (st : Command.State) (log : List Message) (timing : Timing) : IO (Outcome × Timing) := do
  let cancelled ← session.token.isSet
  let notes ← if cancelled then pure [] else src.notes task.limits.messages log
  let kenv := st.env.toKernelEnv
  let outcome (verdict : String) (trust : Json) (notes : List Note) (axioms : List Name) (count : Nat) (t : Timing) : Outcome × Timing :=
    ({ verdict, trust, notes, axioms, constants := count }, t)
  let note (text : String) : Note := src.noteAt "error" text stx
  if cancelled then return outcome "timeout" .null [note "cancelled"] [] 0 timing
  if hasError log then return outcome (errorVerdict log notes) .null notes [] 0 timing
  -- compare
  match kenv.find? reference.name with
  | some info@(.thmInfo _) =>
    if !sameBinders info.type reference.info.type then
      return outcome "statement_changed" .null (note s!"the binders of {nameString reference.name} are not of the same kinds (explicit, implicit, instance) as those of the statement" :: notes) [] 0 timing
    let free := task.policy.holes.getD []
    match differs clean (withoutValues free reference.constants) (withoutValues free (constantsOf kenv)) reference.info info with
    | some d => return outcome "statement_changed" .null (note (← d.text st reference.name) :: notes) [] 0 timing
    | none =>
      let timing ← timing.lap "compare_ms"
      -- audit
      let axioms := axiomsBelow st.env (constantsOf kenv) [reference.name] {} []
      let timing ← timing.lap "audit_ms"
      if containsName ``sorryAx axioms && !containsName ``sorryAx task.policy.axioms then
        return outcome "incomplete" "elaborated" (note (unprovedText (presentIn clean (unprovedBelow st.env (constantsOf kenv) [reference.name] {} []))) :: notes) axioms 0 timing
      match notAllowed task.policy axioms with
      | n :: _ => return outcome "axiom_not_allowed" "elaborated" (note s!"the proof depends on the axiom {nameString n}" :: notes) axioms 0 timing
      | [] =>
        match task.policy.guard with
        | some target => match leak st.env (constantsOf kenv) target reference.name with
          | some (n, reason) => return outcome "forbidden" "elaborated" (note s!"the proof uses {nameString n}, which {reason}" :: notes) axioms 0 timing
          | none => pure ()
        | none => pure ()
        -- replay
        let todo := (reference.name, false) :: newSafeNames clean kenv
        let result := replay clean (constantsOf kenv) (kernelOptions task.limits) session.token todo {} clean 0
        match result with
        | .ok _ count =>
          let (verified, timing) := outcome "verified" "kernel_replayed" notes axioms count (← timing.lap "replay_ms")
          return ({ verified with proved := some kenv, basis := some (constantsOf kenv, [reference.name]) }, timing)
        | failed =>
          let (verdict, text) := failed.failure
          return outcome verdict "elaborated" (note text :: notes) axioms 0 (← timing.lap "replay_ms")
  | some _ => return outcome "statement_changed" .null (note s!"{nameString reference.name} is not a theorem" :: notes) [] 0 timing
  | none => return outcome "statement_changed" .null (note s!"there is no theorem {nameString reference.name}" :: notes) [] 0 timing

/-- A state in which elaboration skips the kernel's check, because the replay makes it in the clean environment. -/
def withoutKernel (st : Command.State) : Command.State := match st.scopes with
  | scope :: rest => { st with scopes := { scope with opts := scope.opts.setBool `debug.skipKernelTC true } :: rest }
  | [] => st

/-- The treatment of an elaborated candidate, given its source and syntax, the state and the clean environment before
    it, and the state and the messages after it. -/
abbrev Finish := Source → Syntax → Command.State → Kernel.Environment → Command.State → List Message → Timing → IO (Outcome × Timing)

/-- Vets and elaborates a candidate that is a proof. `header` is that of the reference. -/
def checkProof (session : Session) (task : Task) (st : Command.State) (clean : Kernel.Environment) (header : Option Language.DynamicSnapshot)
    (finish : Finish) (proof : String) (timing : Timing) : IO (Outcome × Timing) := do
  let src := proofSource task.statement proof
  match ← parseTheorem session task st src with
  | .error r => return (refused r, timing)
  | .ok stx =>
    let timing ← timing.lap "vet_ms"
    let mayName := hasPart proof "kernel" || hasPart task.statement "kernel"
    let st := if mayName && mentionsKernel (identsBelow [stx] []) then st else withoutKernel st
    let { after, log, .. } ← if header.isSome then runTheorem session src header st (session.sanitised stx) else do
      let (log, after) := takeMessages (← runCommand session src st (session.sanitised stx))
      pure { after, log, header }
    let timing ← timing.lap "elaborate_ms"
    finish src (argOf (argOf (argOf stx 1) 3) 1) st clean after log timing

/-- Names that some commands declare, at any depth. -/
partial def declaredIds (todo : List Syntax) (acc : List Name) : List Name := match todo with
  | [] => acc
  | stx@(.node _ k args) :: rest =>
    if k == ``Parser.Command.declId then
      match argOf stx 0 with
      | .ident _ _ n _ => declaredIds rest (n :: acc)
      | _ => declaredIds rest acc
    else declaredIds (pushSyntax args rest) acc
  | _ :: rest => declaredIds rest acc

/-- Namespaces that are open after a command, innermost first. A section counts as a namespace with the name of the
    current one. -/
def spacesAfter (stx : Syntax) (spaces : List Name) : List Name :=
  let current := match spaces with
    | n :: _ => n
    | [] => .anonymous
  if stx.getKind == ``Parser.Command.namespace then match identsBelow [stx] [] with
    | .ident _ _ n _ :: _ => (current ++ n) :: spaces
    | _ => spaces
  else if stx.getKind == ``Parser.Command.section then current :: spaces
  else if stx.getKind == ``Parser.Command.end then match spaces with
    | _ :: rest => rest
    | [] => []
  else spaces

/-- Elaborates a candidate that is a file: from the header alone if it repeats declarations of the context or the policy
    has holes, otherwise from the context. -/
def checkFile (session : Session) (task : Task) (env : Environment) (st : Command.State) (clean : Kernel.Environment) (finish : Finish)
    (file : String) (timing : Timing) : IO (Outcome × Timing) := do
  let src := plainSource file .candidate
  let headerOnly : Task := { task with context := "", key := task.key ++ "header" }
  let declared := addedConstants clean
  let repeats := match declared with
    | [] => false
    | _ => if quotesContext then true else repeatsContext declared (allNames st src 4096 {} [] [])
  let start ← if repeats || task.policy.holes.isSome then baseOf session headerOnly env else pure (.ok (st, clean))
  match start with
  | .error r => return (refused r, timing)
  | .ok (st, clean) =>
    match ← runFile session task src [] (if hasPart file linters then recording true st else st) with
    | .error r => return (refused r, timing)
    | .ok (after, log) =>
      let timing ← timing.lap "elaborate_ms"
      finish src .missing st clean after log timing
where
  quotesContext : Bool := match task.context.trimAscii.toString with
    | "" => false
    | context => match file.splitOn context with
      | _ :: _ :: _ => true
      | _ => false
  /-- Full names that the file declares, found by parsing alone. -/
  allNames (st : Command.State) (src : Source) : Nat → Parser.ModuleParserState → List Name → List Name → List Name
    | 0, _, _, acc => acc
    | n + 1, ps, spaces, acc =>
      let (stx, ps', _) := parseNext st src.input ps
      if isEnd stx || ps'.pos.byteIdx ≤ ps.pos.byteIdx then acc
      else allNames st src n ps' (spacesAfter stx spaces) (within spaces (declaredIds [stx] []) acc)
  within (spaces : List Name) : List Name → List Name → List Name
    | [], acc => acc
    | n :: ns, acc => match spaces with
      | space :: _ => within spaces ns ((space ++ n) :: acc)
      | [] => within spaces ns (n :: acc)
  repeatsContext : List ConstantInfo → List Name → Bool
    | [], _ => false
    | info :: rest, names => if containsName (privateToUserName info.name) names then true else repeatsContext rest names
