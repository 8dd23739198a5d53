/-! Declarations as text, and the constants that belong to a proof. -/

/-- The common part of all declarations, in the order of the keys: universe parameters, name and type. -/
structure Head where
  levels : String
  name : String
  type : String

def Export.head (x : Export) (info : ConstantInfo) : Export × Head :=
  let (x, name) := x.name info.name
  let (x, levels) := x.nameList info.levelParams []
  let (x, type) := x.term info.type
  (x, { levels := "\"levelParams\":" ++ levels, name := "\"name\":" ++ toString name, type := "\"type\":" ++ toString type })

def Export.value (x : Export) (kind : String) (info : ConstantInfo) (value : Expr) (all : List Name) (before between : String) : Export :=
  let (x, h) := x.head info
  let (x, v) := x.term value
  let (x, all) := x.nameList all []
  x.line ("{\"" ++ kind ++ "\":{\"all\":" ++ all ++ "," ++ before ++ h.levels ++ "," ++ h.name ++ "," ++ between ++ h.type ++ ",\"value\":" ++ toString v ++ "}}")

def hintsText : ReducibilityHints → String
  | .opaque => "\"opaque\""
  | .abbrev => "\"abbrev\""
  | .regular n => "{\"regular\":" ++ toString n.toNat ++ "}"

def safetyText : DefinitionSafety → String
  | .unsafe => "\"unsafe\""
  | .safe => "\"safe\""
  | .partial => "\"partial\""

def separated : List String → String
  | [] => ""
  | [s] => s
  | s :: rest => s ++ "," ++ separated rest

def Export.inductiveType (x : Export) (v : InductiveVal) : Export × String :=
  let (x, h) := x.head (.inductInfo v)
  let (x, all) := x.nameList v.all []
  let (x, ctors) := x.nameList v.ctors []
  (x, "{\"all\":" ++ all ++ ",\"ctors\":" ++ ctors ++ ",\"isRec\":" ++ boolText v.isRec ++ ",\"isReflexive\":" ++ boolText v.isReflexive ++ ",\"isUnsafe\":" ++ boolText v.isUnsafe ++ "," ++
    h.levels ++ "," ++ h.name ++ ",\"numIndices\":" ++ toString v.numIndices ++ ",\"numNested\":" ++ toString v.numNested ++ ",\"numParams\":" ++ toString v.numParams ++ "," ++ h.type ++ "}")

def Export.constructor (x : Export) (v : ConstructorVal) : Export × String :=
  let (x, h) := x.head (.ctorInfo v)
  let (x, induct) := x.name v.induct
  (x, "{\"cidx\":" ++ toString v.cidx ++ ",\"induct\":" ++ toString induct ++ ",\"isUnsafe\":" ++ boolText v.isUnsafe ++ "," ++ h.levels ++ "," ++ h.name ++ ",\"numFields\":" ++
    toString v.numFields ++ ",\"numParams\":" ++ toString v.numParams ++ "," ++ h.type ++ "}")

def Export.recursor (x : Export) (v : RecursorVal) : Export × String :=
  let (x, h) := x.head (.recInfo v)
  let (x, all) := x.nameList v.all []
  let (x, rules) := each x v.rules []
  (x, "{\"all\":" ++ all ++ ",\"isUnsafe\":" ++ boolText v.isUnsafe ++ ",\"k\":" ++ boolText v.k ++ "," ++ h.levels ++ "," ++ h.name ++ ",\"numIndices\":" ++ toString v.numIndices ++
    ",\"numMinors\":" ++ toString v.numMinors ++ ",\"numMotives\":" ++ toString v.numMotives ++ ",\"numParams\":" ++ toString v.numParams ++ ",\"rules\":[" ++ rules ++ "]," ++ h.type ++ "}")
where
  each (x : Export) : List RecursorRule → List String → Export × String
    | [], acc => (x, separated (reverseList acc []))
    | r :: rs, acc =>
      let (x, ctor) := x.name r.ctor
      let (x, rhs) := x.term r.rhs
      each x rs (("{\"ctor\":" ++ toString ctor ++ ",\"nfields\":" ++ toString r.nfields ++ ",\"rhs\":" ++ toString rhs ++ "}") :: acc)

/-- Names of the recursors of a block of inductive types, those of nested types last. -/
def recursorNames (source : Constants) (types : List Name) : List Name := match types with
  | [] => []
  | first :: _ => match source first with
    | some (.inductInfo v) => reverseList (ofTypes types []) (nested first v.numNested [])
    | _ => []
where
  ofTypes : List Name → List Name → List Name
    | [], acc => acc
    | n :: ns, acc => ofTypes ns (.str n "rec" :: acc)
  nested (first : Name) : Nat → List Name → List Name
    | 0, acc => acc
    | i + 1, acc => nested first i (.str first s!"rec_{i + 1}" :: acc)

/-- Writes a block of inductive types with the constants that the kernel generates for it. -/
def Export.block (x : Export) (source : Constants) (types : List Name) : Export :=
  let (x, ts) := inductives x types []
  let (x, cs) := constructors x (reverseList (constructorsOf source types []) []) []
  let (x, rs) := recursors x (recursorNames source types) []
  x.line ("{\"inductive\":{\"ctors\":[" ++ cs ++ "],\"recs\":[" ++ rs ++ "],\"types\":[" ++ ts ++ "]}}")
where
  inductives (x : Export) : List Name → List String → Export × String
    | [], acc => (x, separated (reverseList acc []))
    | n :: ns, acc => match source n with
      | some (.inductInfo v) => let (x, t) := x.inductiveType v; inductives x ns (t :: acc)
      | _ => inductives x ns acc
  constructors (x : Export) : List Name → List String → Export × String
    | [], acc => (x, separated (reverseList acc []))
    | n :: ns, acc => match source n with
      | some (.ctorInfo v) => let (x, t) := x.constructor v; constructors x ns (t :: acc)
      | _ => constructors x ns acc
  recursors (x : Export) : List Name → List String → Export × String
    | [], acc => (x, separated (reverseList acc []))
    | n :: ns, acc => match source n with
      | some (.recInfo v) => let (x, t) := x.recursor v; recursors x ns (t :: acc)
      | _ => recursors x ns acc

def quotientWord : QuotKind → String
  | .type => "\"type\""
  | .ctor => "\"ctor\""
  | .lift => "\"lift\""
  | .ind => "\"ind\""

/-- Writes a declaration. Constructors and recursors are written with their types. -/
def Export.declaration (x : Export) (source : Constants) (info : ConstantInfo) : Export := match info with
  | .thmInfo v => x.value "thm" info v.value v.all "" ""
  | .defnInfo v => x.value "def" info v.value v.all ("\"hints\":" ++ hintsText v.hints ++ ",") ("\"safety\":" ++ safetyText v.safety ++ ",")
  | .opaqueInfo v => x.value "opaque" info v.value v.all ("\"isUnsafe\":" ++ boolText v.isUnsafe ++ ",") ""
  | .axiomInfo v =>
    let (x, h) := x.head info
    x.line ("{\"axiom\":{\"isUnsafe\":" ++ boolText v.isUnsafe ++ "," ++ h.levels ++ "," ++ h.name ++ "," ++ h.type ++ "}}")
  | .inductInfo v => x.block source v.all
  | .quotInfo v =>
    let (x, h) := x.head info
    x.line ("{\"quot\":{\"kind\":" ++ quotientWord v.kind ++ "," ++ h.levels ++ "," ++ h.name ++ "," ++ h.type ++ "}}")
  | _ => x

/-- Writes the constants `todo` and their dependencies, dependencies first, except those that are known (`stop`). -/
partial def Export.below (x : Export) (source : Constants) (stop : Name → Bool) (todo : List (Name × Bool)) : Export := match todo with
  | [] => x
  | (n, visited) :: rest => match source n with
    | none => x.below source stop rest
    | some info =>
      if visited then (x.declaration source info).below source stop rest
      else if x.done.contains n || stop n then x.below source stop rest
      else match blockOf source info with
        | [] => Export.below { x with done := x.done.insert n } source stop (pushVisits (mentions info) false ((n, true) :: rest))
        | types => match types with
          | [] => x.below source stop rest
          | first :: _ =>
            let members := pushNames types (pushNames (recursorNames source types) (constructorsOf source types []))
            Export.below { x with done := insertNames (x.done.insert n) members } source stop (pushVisits (mentionsOf source members []) false ((first, true) :: rest))
