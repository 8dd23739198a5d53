/-! Search in the imported library: its declarations with the *shapes* of their types, and the shape of a pattern.

    A shape is a term as text, its nodes in reading order: a symbol and the number of its parts, as in ` 12.3 1.0 b0.0`.
    A symbol is an index into a list of constants, or one of these codes: `b` for a variable, with the number of binders
    around its own; `?` for a hole; `_` for an instance, which repeats what the types express, or an applied hole; `p`
    and `q` for a function type (`q`: over an instance); `l` for a function; `t` for a `let`; `j` for a projection; `s`
    for a sort; `#` and `$` for literals; `@` for the application of anything else. -/

structure Shapes where
  out : String := ""
  symbols : Table Name Nat := .empty
  listed : Array Json := #[]
  /-- Of each constant, whether its arguments are instances. -/
  instances : Table Name (List Bool) := .empty
  holes : Table Name Nat := .empty

def Shapes.put (s : Shapes) (symbol : String) (parts : Nat) : Shapes := { s with out := s.out ++ " " ++ symbol ++ "." ++ toString parts }

def Shapes.symbol (s : Shapes) (n : Name) : Shapes × String := match s.symbols.find? nameKey n with
  | some i => (s, toString i)
  | none =>
    let i := s.symbols.size
    ({ s with symbols := s.symbols.add nameKey n i, listed := s.listed.push (.str (nameString n)) }, toString i)

def Shapes.hole (s : Shapes) (m : MVarId) : Shapes × String := match s.holes.find? nameKey m.name with
  | some i => (s, "?" ++ toString i)
  | none =>
    let i := s.holes.size
    ({ s with holes := s.holes.add nameKey m.name i }, "?" ++ toString i)

/-- Whether each of the first arguments of a function of this type is an instance; last first. -/
def instanceArguments : Nat → Expr → List Bool → List Bool
  | 0, _, acc => acc
  | n + 1, .forallE _ _ b i, acc => instanceArguments n b ((match i with | .instImplicit => true | _ => false) :: acc)
  | _, _, acc => acc

def Shapes.instancesOf (s : Shapes) (constants : Constants) (n : Name) : Shapes × List Bool := match s.instances.find? nameKey n with
  | some known => (s, known)
  | none =>
    let found := match constants n with
      | some info => reverseList (instanceArguments 64 info.type []) []
      | none => []
    ({ s with instances := s.instances.add nameKey n found }, found)

/-- A term to be written, below a number of binders; `none` for an instance. -/
abbrev Written := Nat × Option Expr

/-- The head of an application, its arguments followed by some others, and the number of its arguments. -/
def spine : Expr → List Expr → Nat → Expr × List Expr × Nat
  | .app f a, acc, n => spine f (a :: acc) (n + 1)
  | .mdata _ e, acc, n => spine e acc n
  | e, acc, n => (e, acc, n)

/-- Arguments to be written, instances as `none`, followed by `rest`. -/
def argumentsThen (depth : Nat) (flags : List Bool) (args : List Expr) (rest : List Written) : List Written :=
  reverseList (go flags args []) rest
where
  go : List Bool → List Expr → List Written → List Written
    | true :: flags, _ :: args, acc => go flags args ((depth, none) :: acc)
    | _ :: flags, a :: args, acc => go flags args ((depth, some a) :: acc)
    | [], a :: args, acc => go [] args ((depth, some a) :: acc)
    | _, [], acc => acc

/-- Writes terms one after the other. -/
partial def Shapes.write (constants : Constants) (s : Shapes) : List Written → Shapes
  | [] => s
  | (_, none) :: rest => (s.put "_" 0).write constants rest
  | (d, some e) :: rest => match e with
    | .mdata _ e => s.write constants ((d, some e) :: rest)
    | .bvar k => (s.put (variableAt d k) 0).write constants rest
    | .fvar _ => (s.put "@" 0).write constants rest
    | .mvar m =>
      let (s, text) := s.hole m
      (s.put text 0).write constants rest
    | .sort _ => (s.put "s" 0).write constants rest
    | .const n _ =>
      let (s, text) := s.symbol n
      (s.put text 0).write constants rest
    | .lam _ t b _ => (s.put "l" 2).write constants ((d, some t) :: (d + 1, some b) :: rest)
    | .forallE _ t b i => (s.put (match i with | .instImplicit => "q" | _ => "p") 2).write constants ((d, some t) :: (d + 1, some b) :: rest)
    | .letE _ _ v b _ => (s.put "t" 2).write constants ((d, some v) :: (d + 1, some b) :: rest)
    | .lit (.natVal n) => (s.put ("#" ++ (if n < 1000000000 then toString n else "")) 0).write constants rest
    | .lit (.strVal _) => (s.put "$" 0).write constants rest
    | .proj _ i e => (s.put ("j" ++ toString i) 1).write constants ((d, some e) :: rest)
    | .app .. =>
      let (f, args, n) := spine e [] 0
      match f with
      | .const name _ =>
        let (s, flags) := s.instancesOf constants name
        let (s, text) := s.symbol name
        (s.put text n).write constants (argumentsThen d flags args rest)
      | .bvar k => (s.put (variableAt d k) n).write constants (argumentsThen d [] args rest)
      | .mvar _ => (s.put "_" 0).write constants rest  -- stands for any term in which these variables occur
      | _ => (s.put "@" (n + 1)).write constants ((d, some f) :: argumentsThen d [] args rest)
where
  variableAt (depth k : Nat) : String := "b" ++ toString (depth - 1 - k)

/-- Answer fields with a shape. -/
def Shapes.fields (s : Shapes) : List (String × Json) := [("shape", .str s.out), ("symbols", .arr s.listed)]

/-- Whether a user may search for a library constant. -/
def isSearchable (info : ConstantInfo) : Bool := isWritten info.name && !isUnsafeConstant info && match info with
  | .recInfo _ | .quotInfo _ => false
  | _ => true

def maxShapeBytes : Nat := 20000

/-- Those of some constants that users may search for: name, kind, whether deprecated, and shape. -/
partial def declarationsJson (session : Session) (env : Environment) (constants : Constants) : List Name → Shapes → Array Json → IO (Shapes × Array Json)
  | [], s, acc => pure (s, acc)
  | n :: ns, s, acc => do
    if ← session.token.isSet then return (s, acc)
    match env.find? n with
    | some info =>
      if isSearchable info then
        let written := ({ s with out := "" }).write constants [(0, some info.type)]
        let shape := if written.out.utf8ByteSize > maxShapeBytes then "" else written.out
        let entry := Json.arr #[.str (nameString n), .str (kindOf env info), .bool (Linter.isDeprecated env n), .str shape]
        declarationsJson session env constants ns written (acc.push entry)
      else declarationsJson session env constants ns s acc
    | none => declarationsJson session env constants ns s acc

/-- A number that almost certainly changes if the names or types of a module's constants change. -/
def fingerprint (env : Environment) : List Name → UInt64 → UInt64
  | [], acc => acc
  | n :: ns, acc => match env.find? n with
    | some info => fingerprint env ns (mixHash acc (mixHash n.hash info.type.hash))
    | none => fingerprint env ns acc

def modulesJson (env : Environment) : List Name → Nat → Array Json → Array Json
  | [], _, acc => acc
  | m :: ms, i, acc =>
    let names := (env.header.moduleData.getD i default).constNames
    let entry := Json.arr #[.str (nameString m), .num names.size, .str (toString (fingerprint env names.toList 7))]
    modulesJson env ms (i + 1) (acc.push entry)

/-- Index of a module among the imports. -/
def findModule (n : Name) : List Name → Nat → Option Nat
  | [], _ => none
  | m :: ms, i => if m == n then some i else findModule n ms (i + 1)

/-- Elaborates a term whose holes stay where nothing determines them. -/
def elabPattern (stx : Syntax) : Term.TermElabM Expr := do
  let e ← Term.elabTerm stx none
  Term.synthesizeSyntheticMVars (postpone := .yes)
  let mctx ← getMCtx
  return (instantiateMVarsCore mctx e).1

/-- Elaborates a term in the environment of `st`. Lean's own functions for this are inlined where they are used, from
    private parts. -/
def runTerm (session : Session) (src : Source) (st : Command.State) (go : Term.TermElabM Expr) : IO (Except String Expr × List Message) := do
  let scope := scopeOf st
  let core : Core.Context :=
    { fileName := src.input.fileName, fileMap := src.input.fileMap, options := scope.opts, maxRecDepth := scope.opts.getNat `maxRecDepth 512,
      currNamespace := scope.currNamespace, openDecls := scope.openDecls, initHeartbeats := ← IO.getNumHeartbeats,
      maxHeartbeats := scope.opts.getNat `maxHeartbeats 200000 * 1000, cancelTk? := some session.token }
  let coreState ← IO.mkRef ({ env := st.env, ngen := st.ngen, nextMacroScope := st.nextMacroScope } : Core.State)
  let metaState ← IO.mkRef ({} : Meta.State)
  let termState ← IO.mkRef ({} : Term.State)
  let result ← (go {} termState {} metaState core coreState).toIO'
  let log := (← coreState.get).messages.toList
  match result with
  | .ok e => return (.ok e, log)
  | .error e => return (.error (← e.toMessageData.toString), log)

/-- Vets and elaborates a pattern. -/
def patternOf (session : Session) (task : Task) (st : Command.State) (pattern : String) : IO (Except Refusal Expr) := do
  let task := { task with statement := "theorem leansieve_pattern :\n" ++ pattern }
  let src := proofSource task.statement "sorry"
  match ← parseTheorem session task st src with
  | .error r => return .error (asInvalid r)
  | .ok stx =>
    let type := argOf (argOf (argOf (argOf (session.sanitised stx) 1) 2) 1) 1
    let (found, log) ← runTerm session src st (elabPattern type)
    if ← session.token.isSet then return .error { verdict := "timeout", notes := [] }
    match found with
    | .error text => return .error (invalid src type text)
    | .ok e =>
      if hasError log then return .error { verdict := "invalid_statement", notes := ← src.notes task.limits.messages log }
      return .ok e

/-- Answer fields for some constants of the imported library. -/
def constantsJson (st : Command.State) (env : Environment) : List String → Array Json → IO (Array Json)
  | [], acc => pure acc
  | n :: ns, acc => do
    let fields ← constantFields st env (parseName n)
    constantsJson st env ns (acc.push (Json.mkObj (("name", .str n) :: fields)))
