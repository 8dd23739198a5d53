/-! Declarations of an untrusted export, and the export as a whole. -/

/-- Name, universe parameters and type of a constant. -/
def Reading.head (r : Reading) (j : Json) : Read ConstantVal := do
  pure { name := ← r.name (field j "name"), levelParams := ← r.nameList (← itemsOf j "levelParams") [], type := ← r.closed j "type" }

def noUnsafe (j : Json) : Read Unit := do
  if ← truthOf j "isUnsafe" then refuseRead "an unsafe constant is no part of a proof"

def hintsOf (j : Json) : Read ReducibilityHints := match field j "hints" with
  | .str "opaque" => .ok .opaque
  | .str "abbrev" => .ok .abbrev
  | hints => match natOf (field hints "regular") "regular" 4294967295 with
    | .ok n => .ok (.regular (UInt32.ofNat n))
    | .error e => .error e

def Reading.readInductive (r : Reading) (j : Json) : Read ConstantInfo := do
  noUnsafe j
  pure (.inductInfo {
    toConstantVal := ← r.head j, numParams := ← countOf j "numParams", numIndices := ← countOf j "numIndices",
    all := ← r.nameList (← itemsOf j "all") [], ctors := ← r.nameList (← itemsOf j "ctors") [], numNested := ← natOf (field j "numNested") "numNested" 1024,
    isRec := ← truthOf j "isRec", isUnsafe := false, isReflexive := ← truthOf j "isReflexive" })

def Reading.readConstructor (r : Reading) (j : Json) : Read ConstantInfo := do
  noUnsafe j
  pure (.ctorInfo {
    toConstantVal := ← r.head j, induct := ← r.name (field j "induct"), cidx := ← countOf j "cidx", numParams := ← countOf j "numParams",
    numFields := ← countOf j "numFields", isUnsafe := false })

def Reading.readRecursor (r : Reading) (j : Json) : Read ConstantInfo := do
  noUnsafe j
  pure (.recInfo {
    toConstantVal := ← r.head j, all := ← r.nameList (← itemsOf j "all") [], numParams := ← countOf j "numParams", numIndices := ← countOf j "numIndices",
    numMotives := ← countOf j "numMotives", numMinors := ← countOf j "numMinors", rules := ← rules (← itemsOf j "rules") [], k := ← truthOf j "k", isUnsafe := false })
where
  rules : List Json → List RecursorRule → Read (List RecursorRule)
    | [], acc => .ok (reverseList acc [])
    | j :: js, acc => do
      let rule : RecursorRule := { ctor := ← r.name (field j "ctor"), nfields := ← countOf j "nfields", rhs := ← r.closed j "rhs" }
      rules js (rule :: acc)

/-- Adds a constant, which must be new in the export and absent from the imports. -/
def Reading.take (r : Reading) (clean : Kernel.Environment) (info : ConstantInfo) : Read Reading :=
  let n := info.name
  if (clean.find? n).isSome then .error s!"{nameString n} is in the imported library"
  else if (r.constants.find? nameKey n).isSome then .error s!"{nameString n} is declared twice"
  else .ok { r with constants := r.constants.add nameKey n info, order := n :: r.order }

def Reading.block (r : Reading) (clean : Kernel.Environment) (j : Json) : Read Reading := do
  let into ← each inductives (← itemsOf j "types") r
  let into ← each constructors (← itemsOf j "ctors") into
  each recursors (← itemsOf j "recs") into
where
  each (read : Json → Read ConstantInfo) : List Json → Reading → Read Reading
    | [], into => .ok into
    | j :: js, into => do each read js (← into.take clean (← read j))
  inductives (j : Json) : Read ConstantInfo := r.readInductive j
  constructors (j : Json) : Read ConstantInfo := r.readConstructor j
  recursors (j : Json) : Read ConstantInfo := r.readRecursor j

def Reading.addDeclaration (r : Reading) (clean : Kernel.Environment) (j : Json) : Read Reading := do
  if hasField j "thm" then
    let j := field j "thm"
    r.take clean (.thmInfo { toConstantVal := ← r.head j, value := ← r.closed j "value", all := ← r.nameList (← itemsOf j "all") [] })
  else if hasField j "def" then
    let j := field j "def"
    if (← textOf j "safety") != "safe" then refuseRead "an unsafe definition is no part of a proof"
    r.take clean (.defnInfo { toConstantVal := ← r.head j, value := ← r.closed j "value", hints := ← hintsOf j, safety := .safe, all := ← r.nameList (← itemsOf j "all") [] })
  else if hasField j "opaque" then
    let j := field j "opaque"
    noUnsafe j
    r.take clean (.opaqueInfo { toConstantVal := ← r.head j, value := ← r.closed j "value", isUnsafe := false, all := ← r.nameList (← itemsOf j "all") [] })
  else if hasField j "axiom" then
    let j := field j "axiom"
    noUnsafe j
    r.take clean (.axiomInfo { toConstantVal := ← r.head j, isUnsafe := false })
  else if hasField j "inductive" then r.block clean (field j "inductive")
  else refuseRead "a line is of no kind that an export has"

def Reading.line (r : Reading) (clean : Kernel.Environment) (j : Json) : Read Reading :=
  if hasField j "ie" then r.addTerm j
  else if hasField j "in" then r.addName j
  else if hasField j "il" then r.addLevel j
  else r.addDeclaration clean j

def isExportMeta (j : Json) : Bool := (strField (field (field j "meta") "format") "version").startsWith "3."

/-- All constants of an export, or an error with its line. The last line must end: an export that was cut off is
    refused. -/
def readExport (clean : Kernel.Environment) (text : String) : Read Reading := match text.splitOn "\n" with
  | first :: rest => match Json.parse first with
    | .ok j => if isExportMeta j then go rest 2 .new else .error "line 1 does not say that this is an export of version 3"
    | .error _ => .error "line 1 does not say that this is an export of version 3"
  | [] => .error "the export is empty"
where
  go : List String → Nat → Reading → Read Reading
    | [""], _, r => .ok r
    | [], _, _ => .error "the last line is cut off"
    | [_], n, _ => .error s!"line {n}, the last one, is cut off"
    | line :: rest, n, r =>
      if n > mostLines then .error s!"there are more than {mostLines} lines" else
      match Json.parse line with
      | .error _ => .error s!"line {n} is no JSON"
      | .ok j => match r.line clean j with
        | .ok r => go rest (n + 1) r
        | .error e => .error s!"line {n}: {e}"
