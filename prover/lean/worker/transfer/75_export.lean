/-! Constants as text in lean4export's format (NDJSON, version 3.1.0, keys in alphabetical order): the output of an
    elaborator, and the input of other kernels. -/

/-- The text written so far, and the indices of its parts. Indices count from 0 for terms, from 1 for names and levels,
    where 0 is the empty name and level 0. -/
structure Export where
  out : String
  names : Table Name Nat
  levels : Table Level Nat
  terms : Table Expr Nat
  done : NameHashSet

def quoted (s : String) : String := Json.compress (.str s)

def exportMeta : String :=
  "{\"meta\":{\"exporter\":{\"name\":\"leansieve\",\"version\":" ++ quoted workerVersion ++ "},\"format\":{\"version\":\"3.1.0\"},\"lean\":{\"githash\":" ++
    quoted Lean.githash ++ ",\"version\":" ++ quoted Lean.versionString ++ "}}}\n"

def Export.new : Export := { out := exportMeta, names := .empty, levels := .empty, terms := .empty, done := {} }

def Export.line (x : Export) (text : String) : Export := { x with out := x.out ++ text ++ "\n" }

def Export.name (x : Export) (n : Name) : Export × Nat := match n with
  | .anonymous => (x, 0)
  | .str p s => match x.names.find? nameKey n with
    | some i => (x, i)
    | none =>
      let (x, pre) := x.name p
      add x n ("\"str\":{\"pre\":" ++ toString pre ++ ",\"str\":" ++ quoted s ++ "}}")
  | .num p k => match x.names.find? nameKey n with
    | some i => (x, i)
    | none =>
      let (x, pre) := x.name p
      add x n ("\"num\":{\"i\":" ++ toString k ++ ",\"pre\":" ++ toString pre ++ "}}")
where
  add (x : Export) (n : Name) (body : String) : Export × Nat :=
    let i := x.names.size + 1
    let x := x.line ("{\"in\":" ++ toString i ++ "," ++ body)
    ({ x with names := x.names.add nameKey n i }, i)

def Export.level (x : Export) (l : Level) : Export × Nat := match l with
  | .zero => (x, 0)
  | .mvar _ => (x, 0)
  | .succ a => match x.levels.find? levelKey l with
    | some i => (x, i)
    | none =>
      let (x, i) := x.level a
      add x l ",\"succ\":" (toString i) ""
  | .max a b => match x.levels.find? levelKey l with
    | some i => (x, i)
    | none =>
      let (x, i) := x.level a
      let (x, j) := x.level b
      add x l ",\"max\":[" (toString i ++ "," ++ toString j) "]"
  | .imax a b => match x.levels.find? levelKey l with
    | some i => (x, i)
    | none =>
      let (x, i) := x.level a
      let (x, j) := x.level b
      add x l ",\"imax\":[" (toString i ++ "," ++ toString j) "]"
  | .param n => match x.levels.find? levelKey l with
    | some i => (x, i)
    | none =>
      let (x, i) := x.name n
      add x l ",\"param\":" (toString i) ""
where
  add (x : Export) (l : Level) (tag body close : String) : Export × Nat :=
    let k := x.levels.size + 1
    let x := x.line ("{\"il\":" ++ toString k ++ tag ++ body ++ close ++ "}")
    ({ x with levels := x.levels.add levelKey l k }, k)

def indices : List Nat → String
  | [] => ""
  | [i] => toString i
  | i :: rest => toString i ++ "," ++ indices rest

def Export.levelList (x : Export) : List Level → List Nat → Export × String
  | [], acc => (x, "[" ++ indices (reverseList acc []) ++ "]")
  | l :: ls, acc =>
    let (x, i) := x.level l
    x.levelList ls (i :: acc)

def Export.nameList (x : Export) : List Name → List Nat → Export × String
  | [], acc => (x, "[" ++ indices (reverseList acc []) ++ "]")
  | n :: ns, acc =>
    let (x, i) := x.name n
    x.nameList ns (i :: acc)

def binderWord : BinderInfo → String
  | .default => "\"default\""
  | .implicit => "\"implicit\""
  | .strictImplicit => "\"strictImplicit\""
  | .instImplicit => "\"instImplicit\""

/-- The index of a term that was written. -/
def Export.indexOf (x : Export) : Expr → Nat
  | e => match x.terms.find? exprKey e with
    | some i => i
    | none => 0

/-- Writes the line of a term whose parts were written. -/
def Export.node (x : Export) (e : Expr) : Export :=
  let i := x.terms.size
  let index := "\"ie\":" ++ toString i
  let (x, text) : Export × String := match e with
    | .bvar k => (x, "{\"bvar\":" ++ toString k ++ "," ++ index ++ "}")
    | .sort l => let (x, l) := x.level l; (x, "{" ++ index ++ ",\"sort\":" ++ toString l ++ "}")
    | .const n ls =>
      let (x, n) := x.name n
      let (x, ls) := x.levelList ls []
      (x, "{\"const\":{\"name\":" ++ toString n ++ ",\"us\":" ++ ls ++ "}," ++ index ++ "}")
    | .app f a => (x, "{\"app\":{\"arg\":" ++ toString (x.indexOf a) ++ ",\"fn\":" ++ toString (x.indexOf f) ++ "}," ++ index ++ "}")
    | .lam n t b i => let (x, n) := x.name n; (x, "{" ++ index ++ ",\"lam\":" ++ binder x i b n t ++ "}")
    | .forallE n t b i => let (x, n) := x.name n; (x, "{\"forallE\":" ++ binder x i b n t ++ "," ++ index ++ "}")
    | .letE n t v b _ =>
      let (x, n) := x.name n
      (x, "{" ++ index ++ ",\"letE\":{\"body\":" ++ toString (x.indexOf b) ++ ",\"name\":" ++ toString n ++ ",\"nondep\":false,\"type\":" ++
        toString (x.indexOf t) ++ ",\"value\":" ++ toString (x.indexOf v) ++ "}}")
    | .proj n k s =>
      let (x, n) := x.name n
      (x, "{" ++ index ++ ",\"proj\":{\"idx\":" ++ toString k ++ ",\"struct\":" ++ toString (x.indexOf s) ++ ",\"typeName\":" ++ toString n ++ "}}")
    | .lit (.natVal k) => (x, "{" ++ index ++ ",\"natVal\":\"" ++ toString k ++ "\"}")
    | .lit (.strVal s) => (x, "{" ++ index ++ ",\"strVal\":" ++ quoted s ++ "}")
    -- a free variable or a metavariable, which no kernel accepts
    | _ => (x, "{\"open\":true," ++ index ++ "}")
  let x := x.line text
  { x with terms := x.terms.add exprKey e i }
where
  binder (x : Export) (i : BinderInfo) (body : Expr) (n : Nat) (type : Expr) : String :=
    "{\"binderInfo\":" ++ binderWord i ++ ",\"body\":" ++ toString (x.indexOf body) ++ ",\"name\":" ++ toString n ++ ",\"type\":" ++ toString (x.indexOf type) ++ "}"

/-- Writes terms, parts first. A term is on the list twice: first to have its parts written, then to be written
    itself. -/
partial def Export.parts (x : Export) : List (Expr × Bool) → Export
  | [] => x
  | (e, visited) :: rest =>
    if (x.terms.find? exprKey e).isSome then x.parts rest
    else if visited then (x.node e).parts rest
    else match e with
      | .app f a => x.parts ((f, false) :: (a, false) :: (e, true) :: rest)
      | .lam _ t b _ => x.parts ((t, false) :: (b, false) :: (e, true) :: rest)
      | .forallE _ t b _ => x.parts ((t, false) :: (b, false) :: (e, true) :: rest)
      | .letE _ t v b _ => x.parts ((t, false) :: (v, false) :: (b, false) :: (e, true) :: rest)
      | .proj _ _ s => x.parts ((s, false) :: (e, true) :: rest)
      | _ => (x.node e).parts rest

/-- A term without annotations, which kernels ignore. -/
def withoutAnnotations : Nat → Expr → Expr
  | 0, e => e
  | n + 1, e => match e.find? isAnnotation with
    | none => e
    | some _ => withoutAnnotations n (e.replace fun
      | .mdata _ b => some b
      | _ => none)
where
  isAnnotation : Expr → Bool
    | .mdata .. => true
    | _ => false

def Export.term (x : Export) (e : Expr) : Export × Nat :=
  let e := withoutAnnotations 4096 e
  let x := x.parts [(e, false)]
  (x, x.indexOf e)

def boolText (b : Bool) : String := if b then "true" else "false"
