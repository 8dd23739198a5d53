/-! Comparison of the constants on which a statement depends, in two environments: the one in which the statement was
    elaborated alone, and a candidate's. Constants that elaboration generates (matchers, lifted proofs, instances) may
    have other names and numbers there, because a helper generated them first: they are compared by their content. -/

/-- Whether Lean generated a constant: a part of its name is a number, begins with `_`, or has one of Lean's
    prefixes. -/
def isAuxiliary (n : Name) : Bool := go (privateToUserName n)
where
  go : Name → Bool
    | .anonymous => false
    | .num _ _ => true
    | .str p s => if s.startsWith "_" || s.startsWith "match_" || s.startsWith "proof_" || s.startsWith "inst" then true else go p

/-- An auxiliary constant up to its name and the names of its universe parameters. A theorem has no value here: the
    kernel does not distinguish two proofs of one proposition. -/
structure Essence where
  levels : Nat
  type : Expr
  value : Option Expr

def sameEssence (a b : Essence) : Bool := a.levels == b.levels && a.type == b.type && match a.value, b.value with
  | some x, some y => x == y
  | none, none => true
  | _, _ => false

/-- Names of auxiliary constants that depend on their essence alone. `names` belongs to one environment, `essences` to
    all environments that are compared. -/
structure Canon where
  names : Table Name Name
  essences : List (Essence × Name)
  count : Nat

/-- Largest number of auxiliary constants that get canonical names, and largest depth of their dependencies; others keep
    their names. -/
def maxAuxiliaries : Nat := 1024
def maxAuxiliaryDepth : Nat := 64

def canonical (c : Canon) (e : Expr) : Expr :=
  if c.names.size == 0 then e else e.replace fun
    | .const n levels => match c.names.find? nameKey n with
      | some m => some (.const m levels)
      | none => none
    | _ => none

def numberedLevels : List Name → Nat → List Level
  | [], _ => []
  | _ :: rest, i => .param (.num `u i) :: numberedLevels rest (i + 1)

/-- Constants on which the meaning of a constant depends. The proof of a theorem does not belong to it. -/
def statedBy (info : ConstantInfo) : List Name := match info with
  | .thmInfo v => v.type.getUsedConstants.toList
  | _ => mentions info

/-- Adds an auxiliary constant whose own auxiliary constants have their canonical names. -/
def Canon.add (c : Canon) (info : ConstantInfo) (value : Option Expr) : Canon :=
  let type := canonical c (info.instantiateTypeLevelParams (numberedLevels info.levelParams 0))
  let essence : Essence := { levels := lengthOf info.levelParams 0, type, value }
  match find essence c.essences with
  | some name => { c with names := c.names.add nameKey info.name name }
  | none =>
    let name : Name := .num `_leansieve_auxiliary c.count
    { names := c.names.add nameKey info.name name, essences := (essence, name) :: c.essences, count := c.count + 1 }
where
  find (e : Essence) : List (Essence × Name) → Option Name
    | [] => none
    | (f, n) :: rest => if sameEssence e f then some n else find e rest

/-- Gives canonical names to the auxiliary constants among `todo`, after those on which they depend. -/
def canonise (clean : Kernel.Environment) (source : Constants) : Nat → List Name → Canon → Canon
  | 0, _, c => c
  | depth + 1, todo, c => go depth todo c
where
  go (depth : Nat) : List Name → Canon → Canon
    | [], c => c
    | n :: rest, c =>
      if !isAuxiliary n || (c.names.find? nameKey n).isSome || c.count ≥ maxAuxiliaries || (clean.find? n).isSome then go depth rest c
      else match source n with
        | some info@(.thmInfo _) => go depth rest ((canonise clean source depth (statedBy info) c).add info none)
        | some info@(.defnInfo v) =>
          let c := canonise clean source depth (statedBy info) c
          if v.safety != .safe then go depth rest c
          else go depth rest (c.add info (some (canonical c (info.instantiateValueLevelParams! (numberedLevels info.levelParams 0)))))
        | _ => go depth rest c

def renamed (c : Canon) (info : ConstantInfo) : ConstantInfo := match info with
  | .thmInfo v => .thmInfo { v with type := canonical c v.type }
  | .defnInfo v => .defnInfo { v with type := canonical c v.type, value := canonical c v.value }
  | .opaqueInfo v => .opaqueInfo { v with type := canonical c v.type, value := canonical c v.value }
  | .axiomInfo v => .axiomInfo { v with type := canonical c v.type }
  | .inductInfo v => .inductInfo { v with type := canonical c v.type }
  | .ctorInfo v => .ctorInfo { v with type := canonical c v.type }
  | .recInfo v => .recInfo { v with type := canonical c v.type, rules := rules v.rules }
  | .quotInfo v => .quotInfo v
where
  rules : List RecursorRule → List RecursorRule
    | [] => []
    | r :: rs => { r with rhs := canonical c r.rhs } :: rules rs

/-- Constants of which those in `free` have a type but no value, so that any value is accepted. -/
def withoutValues (free : List Name) (source : Constants) : Constants := fun n => match source n with
  | some info => if containsName n free then some (.axiomInfo { name := n, levelParams := info.levelParams, type := info.type, isUnsafe := false }) else some info
  | none => none

/-- A constant that differs between two environments; `none` where one lacks it. -/
structure Difference where
  name : Name
  stated : Option ConstantInfo
  found : Option ConstantInfo

/-- The first difference in a constant on which `todo` depend and which `clean` lacks. -/
partial def sameBelow (clean : Kernel.Environment) (reference candidate : Constants) (todo : List Name) (seen : NameHashSet) : Option Difference := match todo with
  | [] => none
  | n :: rest =>
    if seen.contains n || (clean.find? n).isSome then sameBelow clean reference candidate rest seen else
    match reference n, candidate n with
    | some a, some b =>
      if sameConstant a b then sameBelow clean reference candidate (pushNames (mentions a) rest) (seen.insert n) else some { name := n, stated := some a, found := some b }
    | a, b => some { name := n, stated := a, found := b }

/-- The first difference as in `sameBelow`, but whatever names auxiliary constants have. `r` holds the canonical names
    of the reference, `c` those of the candidate. -/
partial def sameUpToAuxiliaries (clean : Kernel.Environment) (reference candidate : Constants) (todo : List Name) (seen : NameHashSet) (r c : Canon) : Option Difference := match todo with
  | [] => none
  | n :: rest =>
    if seen.contains n || (clean.find? n).isSome then sameUpToAuxiliaries clean reference candidate rest seen r c else
    match reference n, candidate n with
    | none, b => some { name := n, stated := none, found := b }
    | some a, b =>
      if (r.names.find? nameKey n).isSome then sameUpToAuxiliaries clean reference candidate (pushNames (statedBy a) rest) (seen.insert n) r c
      else match b with
        | none => some { name := n, stated := some a, found := none }
        | some b =>
          let r := canonise clean reference maxAuxiliaryDepth (statedBy a) { r with essences := c.essences, count := c.count }
          let c := canonise clean candidate maxAuxiliaryDepth (statedBy b) { c with essences := r.essences, count := r.count }
          if sameConstant (renamed r a) (renamed c b) then
            sameUpToAuxiliaries clean reference candidate (pushNames (statedBy a) rest) (seen.insert n) r c
          else some { name := n, stated := some a, found := some b }

/-- The first difference between reference and candidate in the type of the theorem, or in a constant on which the type
    depends. -/
def differs (clean : Kernel.Environment) (reference candidate : Constants) (stated found : ConstantInfo) : Option Difference :=
  let exact := stated.type == found.type && sameNames stated.levelParams found.levelParams
  let below := if exact then sameBelow clean reference candidate stated.type.getUsedConstants.toList {} else none
  if exact && below.isNone then none else
  let r := canonise clean reference maxAuxiliaryDepth (statedBy stated) { names := .empty, essences := [], count := 0 }
  let c := canonise clean candidate maxAuxiliaryDepth (statedBy found) { names := .empty, essences := r.essences, count := r.count }
  if !(sameNames stated.levelParams found.levelParams && canonical r stated.type == canonical c found.type) then
    some { name := stated.name, stated := some stated, found := some found }
  else sameUpToAuxiliaries clean reference candidate stated.type.getUsedConstants.toList {} r c
