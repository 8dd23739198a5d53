/-! Requests that inspect a statement, a proof or the imported library without checking a candidate. -/

def opElaborate (w : Wire) (id : Nat) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun st _ reference => do
    let looked ← lookInto w.session task st "by sorry" [``Parser.Tactic.tacticSorry]
    let goals ← match looked.steps with
      | s :: _ => printGoals s.context s.info.mctxBefore s.info.goalsBefore #[]
      | [] => pure #[]
    w.report id task timing looked.verdict (if looked.verdict == "verified" then [] else looked.notes)
      [("theorem", .str (nameString (privateToUserName reference.name))), ("type", .str (← reference.printed)), ("goal", goals.getD 0 (.str ""))]

def opGoals (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  let refuse (r : Refusal) : IO Unit := w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]
  let tell (looked : Looked) : IO Unit := do
    w.report id task timing looked.verdict looked.notes
      [("containable", .bool looked.containable), ("sorries", .arr (← sorriesJson looked.src looked.steps [])), ("assumed", .arr (assumedJson looked looked.steps #[]))]
  if hasField j "file" then match ← baseOf w.session task env with
    | .error r => refuse r
    | .ok (st, _) => tell (← lookIntoFile w.session task st (strField j "file"))
  else withReference w task env refuse fun st _ _ => do
    tell (← lookInto w.session task st (strField j "proof") [``Parser.Tactic.tacticSorry, ``Parser.Tactic.paren])

def opSteps (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun st _ _ => do
    let (looked, steps, names) ← stepsOf w.session task st (strField j "proof")
    w.report id task timing looked.verdict looked.notes [("containable", .bool looked.containable), ("steps", .arr steps), ("names", .arr names)]

def withoutErrors : List Note → List Note → List Note
  | [], acc => reverseList acc []
  | n :: ns, acc => if n.severity == "error" then withoutErrors ns acc else withoutErrors ns (n :: acc)

def opTactic (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun st _ _ => do
    let script := strsField j "script"
    let looked ← lookInto w.session task st ("by" ++ scriptText script "" ++ indented (strField j "tactic")) [``Parser.Term.byTactic]
    let (goals, assumed) ← match looked.steps with
      | s :: _ => pure (← printGoals s.context s.info.mctxAfter s.info.goalsAfter #[], looked.assumes s)
      | [] => pure (#[], false)
    -- After an error inside a tactic, Lean admits the goal and continues; `sorry` admits it, too.
    let verdict := if looked.verdict == "verified" && (assumed || !looked.onlyOuterOpen) then "incomplete" else looked.verdict
    -- errors about open goals repeat `goals`; a tactic's suggestions, as of `exact?`, are messages, too, and stay
    w.report id task timing verdict (if verdict == "verified" then withoutErrors looked.notes [] else looked.notes) [("containable", .bool looked.containable), ("goals", .arr goals)]

def opConstant (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  match ← baseOf w.session task env with
  | .error r => w.fail id "bad_header" (match r.notes with | n :: _ => n.text | [] => r.verdict)
  | .ok (st, _) =>
    if hasField j "names" then w.answer id [("constants", .arr (← constantsJson st env (strsField j "names") #[]))]
    else w.answer id (← constantFields st env (parseName (strField j "name")))

def opNames (w : Wire) (id : Nat) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  match ← baseOf w.session task env with
  | .error r => w.report id task timing r.verdict r.notes []
  | .ok (st, clean) => w.report id task timing "verified" [] [("names", .arr (← declaredJson st (addedConstants clean) #[]))]

/-- Finds the library constant at which evaluating the statement stops because its body is absent; null if there is
    none. `decide` has to fail first, because that attempt can be cancelled. -/
def opStuck (w : Wire) (id : Nat) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun st _ reference => do
    let decided ← lookInto w.session task st "by decide +kernel +revert" []
    let found ← if decided.verdict != "rejected" then pure none else match ← decidableOf w.session st reference.info.type with
      | some instance_ => pure (match stuckAt st.env 64 instance_ with
        | some name => if isWritten name then some name else none
        | none => none)
      | none => pure none
    w.report id task timing "verified" [] [("at", match found with
      | some name => .str (nameString name)
      | none => .null)]

/-- Reports properties of the statement that need no proof. -/
def opScreen (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun _ _ reference => do
    w.report id task timing "verified" [] (← screened reference (hasField j "values")).fields

/-- Finds a statement whose type is the negation of the statement's; the types are compared. -/
def opNegation (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (fun r => w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]) fun st clean reference => do
    let texts := reverseList (reverseList (strsField j "written") []) (← printedNegations st reference (strField j "name"))
    let found ← negating w.session task st clean reference texts
    w.report id task timing "verified" [] [("negation", match found with
      | some text => .str text
      | none => .null)]

/-- Lists the imported modules, or the theorems of one. -/
def opLibrary (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  match ← baseOf w.session task env with
  | .error r => w.report id task timing r.verdict r.notes []
  | .ok (st, _) =>
    if !hasField j "module" then
      w.report id task timing "verified" [] [("modules", jsonNames env.allImportedModuleNames.toList #[])]
    else match findModule (parseName (strField j "module")) env.allImportedModuleNames.toList 0 with
      | none => w.fail id "bad_request" s!"{strField j "module"} is not imported"
      | some place =>
        let names := (env.header.moduleData.getD place default).constNames
        let offset := natField j "offset" 0
        let selected := reverseList (slice names .anonymous offset (natField j "limit" 100) []) []
        let found ← theoremsJson w.session task st env selected #[]
        w.report id task timing "verified" [] [("theorems", .arr found), ("constants", .num names.size)]

/-- Lists the imported modules with their fingerprints, or the declarations of one. -/
def opIndex (w : Wire) (id : Nat) (j : Json) (env : Environment) : IO Unit := do
  if !hasField j "module" then w.answer id [("modules", .arr (modulesJson env env.allImportedModuleNames.toList 0 #[]))]
  else match findModule (parseName (strField j "module")) env.allImportedModuleNames.toList 0 with
    | none => w.fail id "bad_request" s!"{strField j "module"} is not imported"
    | some place =>
      let names := (env.header.moduleData.getD place default).constNames
      let selected := reverseList (slice names .anonymous (natField j "offset" 0) (natField j "limit" 1000) []) []
      let (s, found) ← declarationsJson w.session env (constantsOf env.toKernelEnv) selected {} #[]
      w.answer id [("declarations", .arr found), ("symbols", .arr s.listed), ("constants", .num names.size)]

/-- Gives the shape of a pattern, or of a statement's type. -/
def opShape (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  let refuse (r : Refusal) : IO Unit := w.report id task timing r.verdict r.notes [("containable", .bool r.containable)]
  let tell (constants : Constants) (e : Expr) : IO Unit := w.report id task timing "verified" [] (({} : Shapes).write constants [(0, some e)]).fields
  if hasField j "pattern" then match ← baseOf w.session task env with
    | .error r => refuse r
    | .ok (st, clean) => match ← patternOf w.session task st (strField j "pattern") with
      | .error r => refuse r
      | .ok e => tell (constantsOf clean) e
  else withReference w task env refuse fun _ _ reference => tell reference.constants reference.info.type

/-- Exports library constants for a second kernel that lacks them. -/
def opClosure (w : Wire) (id : Nat) (j : Json) (env : Environment) : IO Unit := do
  w.answer id [("text", .str (exportLibrary env.toKernelEnv (namesOfJson (listField j "names") []) (namesOfJson (listField j "known") [])))]
