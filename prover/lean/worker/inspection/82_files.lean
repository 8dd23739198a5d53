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
partial def runAll (session : Session) (task : Task) (src : Source) (kinds : List Name) (ps : Parser.ModuleParserState) (progress : Elaborated) :
    IO Elaborated := do
  let (stx, ps, log) := parseNext progress.st src.input ps
  let progress := { progress with log := reverseList log progress.log }
  if ← session.token.isSet then return progress
  if isEnd stx then return progress
  if hasError log && stx.hasMissing then return ← runAll session task src kinds ps progress
  match ← session.offence task progress.st stx with
  | some o =>
    let note := src.noteAt "error" s!"not allowed: {o.reason}" o.stx
    runAll session task src kinds ps { progress with refusals := note :: progress.refusals }
  | none =>
    let recordSteps := kinds != []
    let stx := session.sanitised stx
    let stx := if recordSteps then sorryBlocks 256 stx else stx
    let st := { progress.st with infoState := { progress.st.infoState with enabled := recordSteps, trees := {} } }
    let (log, st) := takeMessages (← runCommand session src st stx)
    let steps := if recordSteps then stepsBelow kinds 0 (arrayTrees st.infoState.trees [] none) [] else []
    runAll session task src kinds ps { progress with st, log := reverseList log progress.log, steps := reverseList (reverseList steps []) progress.steps }

def elaborated (session : Session) (task : Task) (src : Source) (kinds : List Name) (st : Command.State) : IO Elaborated := do
  let progress ← runAll session task src kinds {} { st, log := [], refusals := [], steps := [] }
  pure { progress with log := reverseList progress.log [], refusals := reverseList progress.refusals [], steps := reverseList progress.steps [] }

/-- The goals at each `sorry` in the declarations of a file. -/
def inspectFile (session : Session) (task : Task) (st : Command.State) (file : String) : IO Inspection := do
  let src := plainSource file .candidate
  let progress ← elaborated session task src [``Parser.Tactic.tacticSorry, ``Parser.Tactic.paren] st
  let notes ← src.notes task.limits.messages progress.log
  let verdict := if ← session.token.isSet then "timeout" else match progress.refusals with
    | _ :: _ => "forbidden"
    | [] => if hasError progress.log then errorVerdict progress.log notes else "verified"
  let inspection : Inspection :=
    { verdict, notes := pushNotes progress.refusals notes, log := progress.log, steps := progress.steps, src,
      containable := (match progress.refusals with | [] => false | _ => true), before := st, after := progress.st }
  pure inspection.withOpenGoals
where
  pushNotes : List Note → List Note → List Note
    | [], acc => acc
    | n :: ns, acc => n :: pushNotes ns acc

/-- The verdict on a file that is judged as a whole: whether everything that it declares is proved. -/
def checkWhole (session : Session) (task : Task) (st : Command.State) (clean : Kernel.Environment) (file : String) : IO Outcome := do
  let src := plainSource file .candidate
  let progress ← elaborated session task src [] st
  if ← session.token.isSet then return outcome "timeout" [errorAt src "cancelled"] []
  let notes ← src.notes task.limits.messages progress.log
  match progress.refusals with
  | _ :: _ => return { outcome "forbidden" (inspectFile.pushNotes progress.refusals notes) [] with containable := true }
  | [] =>
    if hasError progress.log then return outcome (errorVerdict progress.log notes) notes []
    let kenv := progress.st.env.toKernelEnv
    let added := newSafeNames clean kenv
    let names := visitNames added []
    let axioms := axiomsBelow progress.st.env (constantsOf kenv) names {} []
    let audited (verdict : String) (messages : List Note) : Outcome := { outcome verdict messages axioms with trust := "elaborated" }
    -- an `example` leaves no constant, only Lean's messages
    if (containsName ``sorryAx axioms || reportsSorry progress.log) && !containsName ``sorryAx task.policy.axioms then
      return audited "incomplete" (errorAt src (unprovedText (unprovedBelow progress.st.env (constantsOf kenv) names {} [])) :: notes)
    match notAllowed task.policy axioms with
    | n :: _ => return audited "axiom_not_allowed" (errorAt src s!"it depends on the axiom {nameString n}" :: notes)
    | [] => match replay clean (constantsOf kenv) (kernelOptions task.limits) session.token added {} clean 0 with
      | .ok _ count => return { verdict := "verified", trust := "kernel_replayed", notes, axioms, constants := count, basis := some (constantsOf kenv, names) }
      | failed =>
        let (verdict, text) := failed.failure
        return audited verdict (errorAt src text :: notes)
where
  outcome (verdict : String) (notes : List Note) (axioms : List Name) : Outcome :=
    { verdict, trust := .null, notes, axioms, constants := 0 }
  reportsSorry : List Message → Bool
    | [] => false
    | m :: ms => if m.data.hasTag (fun tag => tag == `hasSorry) then true else reportsSorry ms
  errorAt (src : Source) (text : String) : Note := src.noteAt "error" text .missing
