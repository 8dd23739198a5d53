/-! Requests that inspect a statement, a proof or the imported library without checking a candidate. -/

def opElaborate (w : Wire) (id : Nat) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (w.refuse id task timing) fun st _ reference => do
    let inspection ← inspectProof w.session task st "by sorry" [``Parser.Tactic.tacticSorry]
    w.reportStatement id task timing reference inspection inspection.verdict (if inspection.verdict == "verified" then [] else inspection.notes) []

def opGoals (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  let reply (inspection : Inspection) : IO Unit := do
    w.report id task timing inspection.verdict inspection.notes
      [("containable", .bool inspection.containable), ("sorries", .arr (← sorriesJson inspection.src inspection.steps [])), ("assumed", .arr (assumedJson inspection inspection.steps #[]))]
  if hasField j "file" then match ← baseOf w.session task env with
    | .error r => w.refuse id task timing r
    | .ok (st, _) => reply (← inspectFile w.session task st (strField j "file"))
  else withReference w task env (w.refuse id task timing) fun st _ _ => do
    reply (← inspectProof w.session task st (strField j "proof") [``Parser.Tactic.tacticSorry, ``Parser.Tactic.paren])

def opSteps (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (w.refuse id task timing) fun st _ _ => do
    let (inspection, steps, names) ← stepsOf w.session task st (strField j "proof")
    w.report id task timing inspection.verdict inspection.notes [("containable", .bool inspection.containable), ("steps", .arr steps), ("names", .arr names)]

def withoutErrors : List Note → List Note → List Note
  | [], acc => reverseList acc []
  | n :: ns, acc => if n.severity == "error" then withoutErrors ns acc else withoutErrors ns (n :: acc)

def opTactic (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (w.refuse id task timing) fun st _ _ => do
    let script := strsField j "script"
    let inspection ← inspectProof w.session task st ("by" ++ scriptText script "" ++ indented (strField j "tactic")) [``Parser.Term.byTactic]
    let (goals, assumed) ← match inspection.steps with
      | s :: _ => pure (← printGoals s.context s.info.mctxAfter s.info.goalsAfter #[], inspection.admits s)
      | [] => pure (#[], false)
    -- After an error inside a tactic, Lean admits the goal and continues; `sorry` admits it, too.
    let verdict := if inspection.verdict == "verified" && (assumed || !inspection.onlyOuterOpen) then "incomplete" else inspection.verdict
    -- errors about open goals repeat `goals`; a tactic's suggestions, as of `exact?`, are messages, too, and stay
    w.report id task timing verdict (if verdict == "verified" then withoutErrors inspection.notes [] else inspection.notes) [("containable", .bool inspection.containable), ("goals", .arr goals)]

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
  withReference w task env (w.refuse id task timing) fun st _ reference => do
    let decided ← inspectProof w.session task st "by decide +kernel +revert" []
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
  withReference w task env (w.refuse id task timing) fun _ _ reference => do
    w.report id task timing "verified" [] (← screened reference (hasField j "values")).fields

/-- Finds a statement whose type is the negation of the statement's; the types are compared. -/
def opNegation (w : Wire) (id : Nat) (j : Json) (task : Task) (env : Environment) : IO Unit := do
  let timing ← Timing.begin
  withReference w task env (w.refuse id task timing) fun st clean reference => do
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
  let reply (constants : Constants) (e : Expr) : IO Unit := w.report id task timing "verified" [] (({} : Shapes).write constants [(0, some e)]).fields
  if hasField j "pattern" then match ← baseOf w.session task env with
    | .error r => w.refuse id task timing r
    | .ok (st, clean) => match ← patternOf w.session task st (strField j "pattern") with
      | .error r => w.refuse id task timing r
      | .ok e => reply (constantsOf clean) e
  else withReference w task env (w.refuse id task timing) fun _ _ reference => reply reference.constants reference.info.type

/-- Exports library constants for a second kernel that lacks them. -/
def opClosure (w : Wire) (id : Nat) (j : Json) (env : Environment) : IO Unit := do
  w.answer id [("text", .str (exportLibrary env.toKernelEnv (namesOfJson (listField j "names") []) (namesOfJson (listField j "known") [])))]
