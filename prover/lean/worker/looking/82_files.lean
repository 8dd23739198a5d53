/-! Files and declarations without a statement to compare with: their verdict, and the goals at their `sorry`s. -/

/-- Result of elaborating all commands of a text, even after failing ones. -/
structure Elaborated where
  st : Command.State
  /-- Last first, like `refusals` and `steps`, until the text ends. -/
  log : List Message
  refusals : List Note
  steps : List Step

/-- Elaborates a text to its end. A command that is not allowed or cannot be parsed is left out and reported. Steps
    whose syntax has one of the `kinds` are recorded. -/
partial def runAll (session : Session) (task : Task) (src : Source) (kinds : List Name) (ps : Parser.ModuleParserState) (done : Elaborated) :
    IO Elaborated := do
  let (stx, ps, log) := parseNext done.st src.input ps
  let done := { done with log := reverseList log done.log }
  if ← session.token.isSet then return done
  if isEnd stx then return done
  if hasError log && stx.hasMissing then return ← runAll session task src kinds ps done
  match ← session.offence task done.st stx with
  | some o =>
    let note := src.noteAt "error" s!"not allowed: {o.reason}" o.stx
    runAll session task src kinds ps { done with refusals := note :: done.refusals }
  | none =>
    let looking := kinds != []
    let stx := session.tamed stx
    let stx := if looking then sorryBlocks 256 stx else stx
    let st := { done.st with infoState := { done.st.infoState with enabled := looking, trees := {} } }
    let (log, st) := takeMessages (← runCommand session src st stx)
    let steps := if looking then stepsBelow kinds 0 (arrayTrees st.infoState.trees [] none) [] else []
    runAll session task src kinds ps { done with st, log := reverseList log done.log, steps := reverseList (reverseList steps []) done.steps }

def elaborated (session : Session) (task : Task) (src : Source) (kinds : List Name) (st : Command.State) : IO Elaborated := do
  let done ← runAll session task src kinds {} { st, log := [], refusals := [], steps := [] }
  pure { done with log := reverseList done.log [], refusals := reverseList done.refusals [], steps := reverseList done.steps [] }

/-- The goals at each `sorry` in the declarations of a file. -/
def lookIntoFile (session : Session) (task : Task) (st : Command.State) (file : String) : IO Looked := do
  let src := plainSource file .candidate
  let done ← elaborated session task src [``Parser.Tactic.tacticSorry, ``Parser.Tactic.paren] st
  let notes ← src.notes task.limits.messages done.log
  let verdict := if ← session.token.isSet then "timeout" else match done.refusals with
    | _ :: _ => "forbidden"
    | [] => if hasError done.log then errorVerdict done.log notes else "verified"
  pure { verdict := if verdict == "incomplete" then "verified" else verdict, notes := pushNotes done.refusals notes, log := done.log, src,
         containable := (match done.refusals with | [] => false | _ => true),
         before := st, after := done.st, steps := done.steps }
where
  pushNotes : List Note → List Note → List Note
    | [], acc => acc
    | n :: ns, acc => n :: pushNotes ns acc

/-- The verdict on a file that is judged as a whole: whether everything that it declares is proved. -/
def checkWhole (session : Session) (task : Task) (st : Command.State) (clean : Kernel.Environment) (file : String) : IO Outcome := do
  let src := plainSource file .candidate
  let done ← elaborated session task src [] st
  if ← session.token.isSet then return outcome "timeout" [here src "cancelled"] []
  let notes ← src.notes task.limits.messages done.log
  match done.refusals with
  | _ :: _ => return { outcome "forbidden" (lookIntoFile.pushNotes done.refusals notes) [] with containable := true }
  | [] =>
    if hasError done.log then return outcome (errorVerdict done.log notes) notes []
    let kenv := done.st.env.toKernelEnv
    let added := newSafeNames clean kenv
    let names := firsts added []
    let axioms := axiomsBelow done.st.env (constantsOf kenv) names {} []
    let reached (verdict : String) (messages : List Note) : Outcome := { outcome verdict messages axioms with trust := "elaborated" }
    -- an `example` leaves no constant, only Lean's messages
    if (containsName ``sorryAx axioms || saidSorry done.log) && !containsName ``sorryAx task.policy.axioms then
      return reached "incomplete" (here src (unprovedText (unprovedBelow done.st.env (constantsOf kenv) names {} [])) :: notes)
    match notAllowed task.policy axioms with
    | n :: _ => return reached "axiom_not_allowed" (here src s!"it rests on the axiom {nameString n}" :: notes)
    | [] => match replay clean (constantsOf kenv) (kernelOptions task.limits) session.token added {} clean 0 with
      | .ok _ count => return { verdict := "verified", trust := "kernel_replayed", notes, axioms, constants := count, basis := some (constantsOf kenv, names) }
      | .interrupted => return reached "timeout" notes
      | .resources n why => return reached "out_of_resources" (here src s!"the kernel gave up on {nameString n}: {why}" :: notes)
      | .forbidden n why => return reached "forbidden" (here src s!"{nameString n}: {why}" :: notes)
      | .rejected n why => return reached "rejected" (here src s!"the kernel refuses {nameString n}: {why}" :: notes)
where
  outcome (verdict : String) (notes : List Note) (axioms : List Name) : Outcome :=
    { verdict, trust := .null, notes, axioms, constants := 0 }
  saidSorry : List Message → Bool
    | [] => false
    | m :: ms => if m.data.hasTag (fun tag => tag == `hasSorry) then true else saidSorry ms
  here (src : Source) (text : String) : Note := src.noteAt "error" text .missing
  firsts : List (Name × Bool) → List Name → List Name
    | [], acc => acc
    | (n, _) :: rest, acc => firsts rest (n :: acc)
