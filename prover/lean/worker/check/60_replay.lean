/-! The kernel's word: constants are re-checked on a clean environment, compared with the reference, and audited. -/

/-- The constants that the type and the value of a constant mention. -/
def mentions (info : ConstantInfo) : List Name :=
  let used := info.type.getUsedConstants.toList
  match info with
  | .inductInfo v => pushNames v.ctors (pushNames v.all used)
  | .ctorInfo v => v.induct :: used
  | .recInfo v => pushNames v.all (rules v.rules used)
  | _ => match info.value? (allowOpaque := true) with
    | some value => pushNames value.getUsedConstants.toList used
    | none => used
where
  rules : List RecursorRule → List Name → List Name
    | [], acc => acc
    | r :: rs, acc => rules rs (pushNames r.rhs.getUsedConstants.toList acc)

inductive Replayed where
  | ok (env : Kernel.Environment) (count : Nat)
  | rejected (name : Name) (why : String)
  | resources (name : Name) (why : String)
  | forbidden (name : Name) (why : String)
  | interrupted

instance : Inhabited Replayed := ⟨.interrupted⟩

def sameRules : List RecursorRule → List RecursorRule → Bool
  | [], [] => true
  | a :: as, b :: bs => a.ctor == b.ctor && a.nfields == b.nfields && a.rhs == b.rhs && sameRules as bs
  | _, _ => false

/-- Structural equality of two constants, up to the names of bound variables. -/
def sameConstant (a b : ConstantInfo) : Bool :=
  a.type == b.type && sameNames a.levelParams b.levelParams && match a, b with
  | .thmInfo _, .thmInfo _ => true
  | .defnInfo x, .defnInfo y => x.value == y.value && x.safety == y.safety
  | .opaqueInfo x, .opaqueInfo y => x.value == y.value && x.isUnsafe == y.isUnsafe
  | .axiomInfo x, .axiomInfo y => x.isUnsafe == y.isUnsafe
  | .inductInfo x, .inductInfo y => x.numParams == y.numParams && x.numIndices == y.numIndices && sameNames x.all y.all && sameNames x.ctors y.ctors && x.isUnsafe == y.isUnsafe
  | .ctorInfo x, .ctorInfo y => x.induct == y.induct && x.cidx == y.cidx && x.numParams == y.numParams && x.numFields == y.numFields
  | .recInfo x, .recInfo y => x.k == y.k && x.numParams == y.numParams && x.numIndices == y.numIndices && x.numMotives == y.numMotives && x.numMinors == y.numMinors && sameRules x.rules y.rules
  | .quotInfo _, .quotInfo _ => true
  | _, _ => false

def inductiveTypes (source : Constants) : List Name → List InductiveType → Option (List InductiveType)
  | [], acc => some (reverseList acc [])
  | n :: rest, acc => match source n with
    | some (.inductInfo v) => match ctors v.ctors [] with
      | some cs => inductiveTypes source rest ({ name := n, type := v.type, ctors := cs } :: acc)
      | none => none
    | _ => none
where
  ctors : List Name → List Constructor → Option (List Constructor)
    | [], acc => some (reverseList acc [])
    | n :: rest, acc => match source n with
      | some info => ctors rest ({ name := n, type := info.type } :: acc)
      | none => none

/-- What the kernel is given for a constant; `none` where it is made by another declaration (constructors, recursors). -/
def declarationOf (source : Constants) : ConstantInfo → Option Declaration
  | .thmInfo v => some (.thmDecl v)
  | .defnInfo v => some (.defnDecl v)
  | .opaqueInfo v => some (.opaqueDecl v)
  | .axiomInfo v => some (.axiomDecl v)
  | .inductInfo v => match inductiveTypes source v.all [] with
    | some types => some (.inductDecl v.levelParams v.numParams types v.isUnsafe)
    | none => none
  | _ => none

def isUnsafeConstant : ConstantInfo → Bool
  | .defnInfo v => v.safety != .safe
  | info => info.isUnsafe

/-- All that the constants mention. -/
def mentionsOf (source : Constants) : List Name → List Name → List Name
  | [], acc => acc
  | n :: rest, acc => match source n with
    | some info => mentionsOf source rest (pushNames (mentions info) acc)
    | none => mentionsOf source rest acc

/-- Re-check `todo` and what they need of `source`, dependencies first, on top of the clean environment `base`; `env` is
    `base` with what was re-checked so far. A name that comes back marked has its dependencies in `env`. Constructors
    and recursors are made by the kernel and compared. -/
partial def replay (base : Kernel.Environment) (source : Constants) (opts : Options) (token : IO.CancelToken) (todo : List (Name × Bool))
    (seen : NameHashSet) (env : Kernel.Environment) (count : Nat) : Replayed := match todo with
  | [] => .ok env count
  | (n, visited) :: rest =>
    if !visited then
      if seen.contains n || (base.find? n).isSome then replay base source opts token rest seen env count else
      match source n with
      | none => .rejected n "unknown constant"
      | some info => match blockOf source info with
        | [] => replay base source opts token (pushAll (mentions info) false ((n, true) :: rest)) (seen.insert n) env count
        | types =>
          let members := constructorsOf source types types
          let todo := pushAll members true ((n, true) :: rest)
          replay base source opts token (pushAll (mentionsOf source members []) false todo) (insertNames (seen.insert n) members) env count
    else match env.find? n, source n with
      | _, none => .rejected n "unknown constant"
      | some mine, some theirs =>
        if sameConstant mine theirs then replay base source opts token rest seen env (count + 1)
        else .rejected n "differs from what the kernel generates"
      | none, some info => match declarationOf source info with
        | none => .rejected n "not made by the declaration it belongs to"
        | some decl => match suspicious source info with
          | some why => .forbidden n why
          | none => match kernelAdd env opts token decl with
            | .ok env => match obligationsOf env info with
              | none => .rejected n "its recursors have an unknown shape"
              | some due => match discharge opts token env due with
                | none => replay base source opts token todo seen env count
                | some e => failure n e
            | .error e => failure n e
where
  pushAll : List Name → Bool → List (Name × Bool) → List (Name × Bool)
    | [], _, acc => acc
    | n :: ns, mark, acc => pushAll ns mark ((n, mark) :: acc)
  failure (n : Name) : Kernel.Exception → Replayed
    | .interrupted => .interrupted
    | .deterministicTimeout => .resources n "deterministic timeout"
    | .excessiveMemory => .resources n "excessive memory"
    | .deepRecursion => .resources n "deep recursion"
    | .unknownConstant _ m => .rejected n s!"unknown constant {nameString m}"
    | .alreadyDeclared _ _ => .rejected n "already declared"
    | .declTypeMismatch .. => .rejected n "the value does not have the declared type"
    | .declHasMVars .. => .rejected n "metavariables are left"
    | .declHasFVars .. => .rejected n "free variables are left"
    | .other s => .rejected n s
    | _ => .rejected n "type error"

/-- Names of the safe constants that `source` has beyond `env`. -/
def newSafeNames (env source : Kernel.Environment) : List (Name × Bool) := go (addedConstants source) []
where
  go : List ConstantInfo → List (Name × Bool) → List (Name × Bool)
    | [], acc => acc
    | info :: rest, acc =>
      if isUnsafeConstant info || (env.find? info.name).isSome then go rest acc else go rest ((info.name, false) :: acc)

def standardAxioms : List Name := [``propext, ``Classical.choice, ``Quot.sound]

/-- Axioms that let a proof rest on compiled code or on nothing; never allowed unless the policy names them. -/
def hollowAxioms : List Name := 
  [``sorryAx, ``Lean.ofReduceBool, ``Lean.ofReduceNat, ``Lean.trustCompiler, ``Lean.reduceBool, ``Lean.reduceNat]

/-- Modules whose content is the library: their theorems are taken as they are (embedded, their bodies are absent and
    they look like axioms). Everything else is followed. -/
def trustedRoots : List Name := [`Init, `Std, `Lean, `Lake, `Mathlib, `Batteries, `Aesop, `Qq, `Plausible, `ProofWidgets, `ImportGraph, `LeanSearchClient]

def moduleOf (env : Environment) (n : Name) : Option Name := match env.getModuleIdxFor? n with
  | none => none
  | some i => if i.toNat < env.header.modules.size then some (env.header.modules.getD i.toNat default).module else none

def fromLibrary (env : Environment) (n : Name) : Bool := match moduleOf env n with
  | none => false
  | some m => containsName m.getRoot trustedRoots

/-- The axioms below `todo`; `library` is looked at by name only. -/
partial def axiomsBelow (env : Environment) (kenv : Constants) (todo : List Name) (seen : NameHashSet) (found : List Name) : List Name := match todo with
  | [] => found
  | n :: rest =>
    if seen.contains n then axiomsBelow env kenv rest seen found else
    let seen := seen.insert n
    if containsName n standardAxioms || containsName n hollowAxioms then axiomsBelow env kenv rest seen (n :: found)
    else match kenv n with
      | none => axiomsBelow env kenv rest seen found
      | some info =>
        if fromLibrary env n then axiomsBelow env kenv rest seen found
        else match info with
          | .axiomInfo _ => axiomsBelow env kenv (pushNames (mentions info) rest) seen (n :: found)
          | _ => axiomsBelow env kenv (pushNames (mentions info) rest) seen found

/-- Axioms that are neither standard nor allowed by the policy. -/
def notAllowed (policy : Policy) : List Name → List Name
  | [] => []
  | n :: rest =>
    if containsName n standardAxioms || containsName n policy.axioms then notAllowed policy rest else n :: notAllowed policy rest

/-- The constants below `todo` that mention `sorryAx` themselves. -/
partial def unprovedBelow (env : Environment) (kenv : Constants) (todo : List Name) (seen : NameHashSet) (found : List Name) : List Name := match todo with
  | [] => reverseList found []
  | n :: rest =>
    if seen.contains n then unprovedBelow env kenv rest seen found else
    let seen := seen.insert n
    match kenv n with
    | none => unprovedBelow env kenv rest seen found
    | some info =>
      if fromLibrary env n then unprovedBelow env kenv rest seen found
      else
        let used := mentions info
        unprovedBelow env kenv (pushNames used rest) seen (if containsName ``sorryAx used then n :: found else found)

/-- The declaration that Lean made an auxiliary constant for. -/
def ownerOf : Name → Name
  | .num p _ => ownerOf p
  | .str p s => if s.startsWith "_" || s.startsWith "match_" || s.startsWith "proof_" then ownerOf p else .str p s
  | .anonymous => .anonymous

/-- The declarations that some constants belong to, each once. -/
def ownersOf : List Name → List Name → List Name
  | [], acc => reverseList acc []
  | n :: ns, acc =>
    let owner := privateToUserName (ownerOf n)
    ownersOf ns (if containsName owner acc then acc else owner :: acc)

/-- Those of some constants that an environment has. -/
def thoseIn (env : Kernel.Environment) : List Name → List Name
  | [] => []
  | n :: ns => if (env.find? n).isSome then n :: thoseIn env ns else thoseIn env ns

/-- Whose `sorry` something rests on. -/
def unprovedText (names : List Name) : String := match ownersOf names [] with
  | [] => "the proof uses sorry"
  | [n] => s!"it rests on {nameString n}, which is not proved"
  | n :: ns => s!"it rests on {nameString n}{joinStrings ", " (strings ns) ""}, which are not proved"
where
  strings : List Name → List String
    | [] => []
    | n :: ns => nameString n :: strings ns
