/-! Constants read from an untrusted export. Every index must refer to an earlier line, every size is limited, and no
    function recurses as deeply as the text demands. The results are claims, which the kernel has to check. -/

/-- Limits of an export. Deeper terms would overflow the stack in functions that the kernel does not guard; a larger
    variable or level would overflow the data that Lean caches in every term. -/
def maxLines : Nat := 2000000
def maxTermDepth : Nat := 8192
def maxLevelDepth : Nat := 512
def maxNameParts : Nat := 64
def maxVariable : Nat := 65536
def maxCount : Nat := 65536
def maxNameBytes : Nat := 4096
def maxNumeralDigits : Nat := 16384

structure Reading where
  names : Array (Name × Nat)
  levels : Array (Level × Nat)
  terms : Array (Expr × Nat)
  constants : Table Name ConstantInfo
  order : List Name

def Reading.new : Reading :=
  { names := #[(.anonymous, 0)], levels := #[(.zero, 0)], terms := #[], constants := .empty, order := [] }

def Reading.find (r : Reading) : Constants := fun n => r.constants.find? nameKey n

abbrev ReadResult := Except String

def readError {α : Type} (reason : String) : ReadResult α := .error reason

def natOf (j : Json) (key : String) (max : Nat) : ReadResult Nat := match j.getNat? with
  | .ok n => if n ≤ max then .ok n else .error s!"{key} is greater than {max}"
  | .error _ => .error s!"{key} is not a number"

def countOf (j : Json) (key : String) : ReadResult Nat := natOf (field j key) key maxCount

def boolOf (j : Json) (key : String) : ReadResult Bool := match field j key with
  | .bool b => .ok b
  | _ => .error s!"{key} is not a boolean"

def textOf (j : Json) (key : String) : ReadResult String := match field j key with
  | .str s => .ok s
  | _ => .error s!"{key} is not a string"

def itemsOf (j : Json) (key : String) : ReadResult (List Json) := match field j key with
  | .arr items => if items.size ≤ maxCount then .ok items.toList else .error s!"{key} is too long"
  | _ => .error s!"{key} is not a list"

def entry {α : Type} (kind : String) (xs : Array (α × Nat)) (default : α) (j : Json) : ReadResult (α × Nat) := match j.getNat? with
  | .ok i => if i < xs.size then .ok (xs.getD i (default, 0)) else .error s!"{kind} {i} is not defined by an earlier line"
  | .error _ => .error s!"{kind} is not an index"

def Reading.name (r : Reading) (j : Json) : ReadResult Name := match entry "name" r.names .anonymous j with
  | .ok (n, _) => .ok n
  | .error e => .error e

def Reading.level (r : Reading) (j : Json) : ReadResult (Level × Nat) := entry "level" r.levels .zero j

def Reading.term (r : Reading) (j : Json) (key : String) : ReadResult (Expr × Nat) := entry "term" r.terms (.bvar 0) (field j key)

/-- A term without variables that are bound outside of it. -/
def Reading.closed (r : Reading) (j : Json) (key : String) : ReadResult Expr := match r.term j key with
  | .ok (e, _) => if e.hasLooseBVars then .error s!"{key} has an unbound variable" else .ok e
  | .error e => .error e

def Reading.nameList (r : Reading) : List Json → List Name → ReadResult (List Name)
  | [], acc => .ok (reverseList acc [])
  | j :: js, acc => match r.name j with
    | .ok n => r.nameList js (n :: acc)
    | .error e => .error e

def Reading.levelList (r : Reading) : List Json → List Level → ReadResult (List Level)
  | [], acc => .ok (reverseList acc [])
  | j :: js, acc => match r.level j with
    | .ok (l, _) => r.levelList js (l :: acc)
    | .error e => .error e

/-- Whether the worker uses a name for its own comparisons and checks. -/
def isReserved : Name → Bool
  | .str .anonymous s => s.startsWith "_leansieve"
  | .str p _ => isReserved p
  | .num p _ => isReserved p
  | .anonymous => false

def Reading.addName (r : Reading) (j : Json) : ReadResult Reading := do
  let i ← natOf (field j "in") "in" maxLines
  if i != r.names.size then readError s!"name {i} is out of order"
  let (pre, depth, name) ← (if hasField j "str" then do
      let body := field j "str"
      let (pre, depth) ← entry "name" r.names .anonymous (field body "pre")
      let s ← textOf body "str"
      if s.utf8ByteSize > maxNameBytes then readError "a name is too long"
      pure (pre, depth, Name.str pre s)
    else do
      let body := field j "num"
      let (pre, depth) ← entry "name" r.names .anonymous (field body "pre")
      let k ← natOf (field body "i") "i" 4294967295
      pure (pre, depth, Name.num pre k) : ReadResult (Name × Nat × Name))
  if depth ≥ maxNameParts then readError "a name has too many parts"
  if isReserved name then readError s!"the name {nameString name} is reserved"
  if pre == name then readError "a name is its own prefix"
  pure { r with names := r.names.push (name, depth + 1) }

def deeper (a b : Nat) : Nat := if a < b then b else a

def Reading.addLevel (r : Reading) (j : Json) : ReadResult Reading := do
  let i ← natOf (field j "il") "il" maxLines
  if i != r.levels.size then readError s!"level {i} is out of order"
  let pair (key : String) : ReadResult ((Level × Nat) × (Level × Nat)) := do
    match ← itemsOf j key with
    | [a, b] => pure (← r.level a, ← r.level b)
    | _ => readError s!"{key} does not have two levels"
  let (l, depth) ← (if hasField j "succ" then do
      let (l, d) ← r.level (field j "succ")
      pure (Level.succ l, d)
    else if hasField j "param" then do pure (Level.param (← r.name (field j "param")), 0)
    else if hasField j "max" then do
      let ((a, d), (b, e)) ← pair "max"
      pure (Level.max a b, deeper d e)
    else do
      let ((a, d), (b, e)) ← pair "imax"
      pure (Level.imax a b, deeper d e) : ReadResult (Level × Nat))
  if depth ≥ maxLevelDepth then readError "a level is too deep"
  pure { r with levels := r.levels.push (l, depth + 1) }

def binderOf (j : Json) : ReadResult BinderInfo := match field j "binderInfo" with
  | .str "default" => .ok .default
  | .str "implicit" => .ok .implicit
  | .str "strictImplicit" => .ok .strictImplicit
  | .str "instImplicit" => .ok .instImplicit
  | _ => .error "unknown kind of binder"

def Reading.addTerm (r : Reading) (j : Json) : ReadResult Reading := do
  let i ← natOf (field j "ie") "ie" maxLines
  if i != r.terms.size then readError s!"term {i} is out of order"
  let (e, depth) ← read j
  if depth ≥ maxTermDepth then readError "a term is too deep"
  pure { r with terms := r.terms.push (e, depth + 1) }
where
  read (j : Json) : ReadResult (Expr × Nat) :=
    if hasField j "app" then do
      let body := field j "app"
      let (f, d) ← r.term body "fn"
      let (a, e) ← r.term body "arg"
      pure (.app f a, deeper d e)
    else if hasField j "const" then do
      let body := field j "const"
      pure (.const (← r.name (field body "name")) (← r.levelList (← itemsOf body "us") []), 0)
    else if hasField j "bvar" then do pure (.bvar (← natOf (field j "bvar") "bvar" maxVariable), 0)
    else if hasField j "lam" then do
      let body := field j "lam"
      let (t, d) ← r.term body "type"
      let (b, e) ← r.term body "body"
      pure (.lam (← r.name (field body "name")) t b (← binderOf body), deeper d e)
    else if hasField j "forallE" then do
      let body := field j "forallE"
      let (t, d) ← r.term body "type"
      let (b, e) ← r.term body "body"
      pure (.forallE (← r.name (field body "name")) t b (← binderOf body), deeper d e)
    else if hasField j "sort" then do
      let (l, _) ← r.level (field j "sort")
      pure (.sort l, 0)
    else if hasField j "letE" then do
      let body := field j "letE"
      let (t, d) ← r.term body "type"
      let (v, e) ← r.term body "value"
      let (b, f) ← r.term body "body"
      pure (.letE (← r.name (field body "name")) t v b false, deeper d (deeper e f))
    else if hasField j "proj" then do
      let body := field j "proj"
      let (s, d) ← r.term body "struct"
      pure (.proj (← r.name (field body "typeName")) (← countOf body "idx") s, d)
    else if hasField j "natVal" then do
      let s ← textOf j "natVal"
      if s.utf8ByteSize > maxNumeralDigits then readError "a numeral is too long"
      match s.toNat? with
      | some n => pure (.lit (.natVal n), 0)
      | none => readError "natVal is not a numeral"
    else if hasField j "strVal" then do pure (.lit (.strVal (← textOf j "strVal")), 0)
    else readError "unknown kind of term"
