/-! Declarations of an untrusted export, and the export as a whole. -/

/-- Name, universe parameters and type of a constant. -/
def Reading.head (r : Reading) (j : Json) : ReadResult ConstantVal := do
  pure { name := ← r.name (field j "name"), levelParams := ← r.nameList (← itemsOf j "levelParams") [], type := ← r.closed j "type" }

def noUnsafe (j : Json) : ReadResult Unit := do
  if ← boolOf j "isUnsafe" then readError "a proof must not contain unsafe constants"

def hintsOf (j : Json) : ReadResult ReducibilityHints := match field j "hints" with
  | .str "opaque" => .ok .opaque
  | .str "abbrev" => .ok .abbrev
  | hints => match natOf (field hints "regular") "regular" 4294967295 with
    | .ok n => .ok (.regular (UInt32.ofNat n))
    | .error e => .error e

def Reading.readInductive (r : Reading) (j : Json) : ReadResult ConstantInfo := do
  noUnsafe j
  pure (.inductInfo {
    toConstantVal := ← r.head j, numParams := ← countOf j "numParams", numIndices := ← countOf j "numIndices",
    all := ← r.nameList (← itemsOf j "all") [], ctors := ← r.nameList (← itemsOf j "ctors") [], numNested := ← natOf (field j "numNested") "numNested" 1024,
    isRec := ← boolOf j "isRec", isUnsafe := false, isReflexive := ← boolOf j "isReflexive" })

def Reading.readConstructor (r : Reading) (j : Json) : ReadResult ConstantInfo := do
  noUnsafe j
  pure (.ctorInfo {
    toConstantVal := ← r.head j, induct := ← r.name (field j "induct"), cidx := ← countOf j "cidx", numParams := ← countOf j "numParams",
    numFields := ← countOf j "numFields", isUnsafe := false })

def Reading.readRecursor (r : Reading) (j : Json) : ReadResult ConstantInfo := do
  noUnsafe j
  pure (.recInfo {
    toConstantVal := ← r.head j, all := ← r.nameList (← itemsOf j "all") [], numParams := ← countOf j "numParams", numIndices := ← countOf j "numIndices",
    numMotives := ← countOf j "numMotives", numMinors := ← countOf j "numMinors", rules := ← rules (← itemsOf j "rules") [], k := ← boolOf j "k", isUnsafe := false })
where
  rules : List Json → List RecursorRule → ReadResult (List RecursorRule)
    | [], acc => .ok (reverseList acc [])
    | j :: js, acc => do
      let rule : RecursorRule := { ctor := ← r.name (field j "ctor"), nfields := ← countOf j "nfields", rhs := ← r.closed j "rhs" }
      rules js (rule :: acc)

/-- Adds a constant, which must be new in the export and absent from the imports. -/
def Reading.addConstant (r : Reading) (clean : Kernel.Environment) (info : ConstantInfo) : ReadResult Reading :=
  let n := info.name
  if (clean.find? n).isSome then .error s!"{nameString n} is in the imported library"
  else if (r.constants.find? nameKey n).isSome then .error s!"{nameString n} is declared twice"
  else .ok { r with constants := r.constants.add nameKey n info, order := n :: r.order }

def Reading.block (r : Reading) (clean : Kernel.Environment) (j : Json) : ReadResult Reading := do
  let reading ← each inductives (← itemsOf j "types") r
  let reading ← each constructors (← itemsOf j "ctors") reading
  each recursors (← itemsOf j "recs") reading
where
  each (read : Json → ReadResult ConstantInfo) : List Json → Reading → ReadResult Reading
    | [], reading => .ok reading
    | j :: js, reading => do each read js (← reading.addConstant clean (← read j))
  inductives (j : Json) : ReadResult ConstantInfo := r.readInductive j
  constructors (j : Json) : ReadResult ConstantInfo := r.readConstructor j
  recursors (j : Json) : ReadResult ConstantInfo := r.readRecursor j

def Reading.addDeclaration (r : Reading) (clean : Kernel.Environment) (j : Json) : ReadResult Reading := do
  if hasField j "thm" then
    let j := field j "thm"
    r.addConstant clean (.thmInfo { toConstantVal := ← r.head j, value := ← r.closed j "value", all := ← r.nameList (← itemsOf j "all") [] })
  else if hasField j "def" then
    let j := field j "def"
    if (← textOf j "safety") != "safe" then readError "a proof must not contain unsafe definitions"
    r.addConstant clean (.defnInfo { toConstantVal := ← r.head j, value := ← r.closed j "value", hints := ← hintsOf j, safety := .safe, all := ← r.nameList (← itemsOf j "all") [] })
  else if hasField j "opaque" then
    let j := field j "opaque"
    noUnsafe j
    r.addConstant clean (.opaqueInfo { toConstantVal := ← r.head j, value := ← r.closed j "value", isUnsafe := false, all := ← r.nameList (← itemsOf j "all") [] })
  else if hasField j "axiom" then
    let j := field j "axiom"
    noUnsafe j
    r.addConstant clean (.axiomInfo { toConstantVal := ← r.head j, isUnsafe := false })
  else if hasField j "inductive" then r.block clean (field j "inductive")
  else readError "unknown kind of line"

def Reading.line (r : Reading) (clean : Kernel.Environment) (j : Json) : ReadResult Reading :=
  if hasField j "ie" then r.addTerm j
  else if hasField j "in" then r.addName j
  else if hasField j "il" then r.addLevel j
  else r.addDeclaration clean j

def isExportMeta (j : Json) : Bool := (strField (field (field j "meta") "format") "version").startsWith "3."

/-- All constants of an export, or an error with its line. The last line must end: an export that was cut off is
    refused. -/
def readExport (clean : Kernel.Environment) (text : String) : ReadResult Reading := match text.splitOn "\n" with
  | first :: rest => match Json.parse first with
    | .ok j => if isExportMeta j then go rest 2 .new else .error "line 1 is not the metadata of an export of version 3"
    | .error _ => .error "line 1 is not the metadata of an export of version 3"
  | [] => .error "the export is empty"
where
  go : List String → Nat → Reading → ReadResult Reading
    | [""], _, r => .ok r
    | [], _, _ => .error "the last line lacks its line feed: the export is cut off"
    | [_], n, _ => .error s!"line {n}, the last one, lacks its line feed: the export is cut off"
    | line :: rest, n, r =>
      if n > maxLines then .error s!"there are more than {maxLines} lines" else
      match Json.parse line with
      | .error _ => .error s!"line {n} is not JSON"
      | .ok j => match r.line clean j with
        | .ok r => go rest (n + 1) r
        | .error e => .error s!"line {n}: {e}"
