/-! Theorems of the imported library, and the guard, which prevents a proof from using the theorem that it proves
    anew. -/

/-- Whether a type is a proposition. -/
def isProposition (env : Environment) (type : Expr) (locals : LocalContext := {}) : Bool := match Kernel.check env locals type with
  | .ok sort => match Kernel.whnf env locals sort with
    | .ok (.sort l) => l.normalize.isZero
    | _ => false
  | .error _ => false

/-- The kind of a constant that has no value in the library: a theorem whose proof is absent, a definition that other
    modules must not unfold, or an axiom. -/
inductive Hidden where
  | proof | value | axiom

def hidden (env : Environment) (v : AxiomVal) : Hidden :=
  if containsName v.name standardAxioms || containsName v.name hollowAxioms || !fromLibrary env v.name then .axiom
  else if isProposition env v.type then .proof else .value

def isLibraryTheorem (env : Environment) (info : ConstantInfo) : Bool := match info with
  | .thmInfo _ => (env.getModuleIdxFor? info.name).isSome
  | .axiomInfo v => match hidden env v with
    | .proof => true
    | _ => false
  | _ => false

/-- Endings of names that Lean generates. -/
def generatedEndings : List String :=
  ["inj", "injEq", "sizeOf_spec", "noConfusion", "eq_def", "congr_simp", "hcongr", "induct", "induct_unfolding", "fun_cases", "fun_cases_unfolding", "ext_iff", "mutual_induct"]

/-- Whether a person wrote a name: it has no private, numbered or underscored part and no generated ending. -/
def isWritten (n : Name) : Bool := if isPrivateName n then false else plain n && !generated n
where
  plain : Name → Bool
    | .anonymous => true
    | .num _ _ => false
    | .str p s => if s.startsWith "_" then false else plain p
  generated : Name → Bool
    | .str _ s => if s.startsWith "eq_" && (s.drop 3).toString.isNat || s.startsWith "match_" || s.startsWith "proof_" || s.startsWith "inst" then true else isOneOf generatedEndings s
    | _ => false
  isOneOf : List String → String → Bool
    | [], _ => false
    | e :: es, s => if e == s then true else isOneOf es s

/-- Index of a constant's module among the imports. A module comes after all modules that it imports. -/
def moduleIndexOf (env : Environment) (n : Name) : Option Nat := match env.getModuleIdxFor? n with
  | some i => some i.toNat
  | none => none

/-- Imported constants on which `todo` depend. Constants of the candidate are followed, and so are those of the module
    at `moduleIndex`, where a definition may contain a proof that comes after the theorem of this module. -/
partial def importedBelow (env : Environment) (kenv : Constants) (moduleIndex : Nat) (todo : List Name) (seen : NameHashSet) (found : List Name) :
    NameHashSet × List Name := match todo with
  | [] => (seen, found)
  | n :: rest =>
    if seen.contains n then importedBelow env kenv moduleIndex rest seen found else
    let seen := seen.insert n
    match moduleIndexOf env n, kenv n with
    | some i, some info =>
      importedBelow env kenv moduleIndex (if i == moduleIndex then pushNames (mentions info) rest else rest) seen (n :: found)
    | none, some info => importedBelow env kenv moduleIndex (pushNames (mentions info) rest) seen found
    | _, none => importedBelow env kenv moduleIndex rest seen found

/-- The first constant that a proof `name` of the library theorem `target` must not use: the target, a theorem of the
    same type, or a constant that does not precede the target. Inside one module the order is unknown, so its other
    theorems are refused, too, except those inside the definitions that the statement mentions. -/
def leak (env : Environment) (kenv : Constants) (target name : Name) : Option (Name × String) := match env.find? target, moduleIndexOf env target with
  | some goal, some moduleIndex =>
    let (stated, _) := importedBelow env kenv moduleIndex goal.type.getUsedConstants.toList {} []
    let (_, used) := importedBelow env kenv moduleIndex [name] stated []
    go goal moduleIndex used
  | _, _ => some (target, "is not in the imported library")
where
  go (goal : ConstantInfo) (moduleIndex : Nat) : List Name → Option (Name × String)
    | [] => none
    | n :: ns => match env.find? n, moduleIndexOf env n with
      | some info, some i =>
        if n == target then some (n, "is the theorem itself")
        else if i > moduleIndex then some (n, "does not precede the theorem")
        else if !isLibraryTheorem env info then go goal moduleIndex ns
        else if info.type == goal.type then some (n, "has the same type")
        else if i == moduleIndex then some (n, "does not precede the theorem")
        else go goal moduleIndex ns
      | _, _ => go goal moduleIndex ns
