/-! Constructors for values of the types in a statement, for a search for counterexamples. -/

/-- Largest number of types in an answer, and of steps to find them. -/
def maxTypes : Nat := 32
def maxTypeSteps : Nat := 256

/-- Types whose values are written as literals instead of with constructors. -/
def writtenTypes : List Name := [``Nat, ``Int, ``String, ``Char]

/-- A term with its local variables, as a user would write it. -/
def renderUnder (st : Command.State) (locals : LocalContext) (e : Expr) : BaseIO String := do
  let scope := scopeOf st
  let data := MessageData.withContext { env := st.env, mctx := {}, lctx := locals, opts := scope.opts } (.ofExpr e)
  return (cut (← (MessageData.withNamingContext { currNamespace := scope.currNamespace, openDecls := scope.openDecls } data).toString) 2000).1

/-- A state for printing without notation: a program that builds values knows the names of types, but not a context's
    notation for them. -/
def withoutNotation (st : Command.State) : Command.State :=
  match st.scopes with
  | scope :: rest => { st with scopes := { scope with opts := scope.opts.setBool `pp.notation false } :: rest }
  | [] => st

def mentionsAny (e : Expr) : List FVarId → Bool
  | [] => false
  | id :: ids => if e.containsFVar id then true else mentionsAny e ids

/-- The kind of a binder: value, proposition or instance. -/
def binderKind (env : Environment) (locals : LocalContext) (type : Expr) (info : BinderInfo) : String :=
  if info matches .instImplicit then "instance" else if isProposition env type locals then "proposition" else "value"

/-- A constructor that can be written with its explicit arguments alone, and the types of those arguments that are
    values. -/
structure ValueConstructor where
  shown : Json
  needs : List Expr

/-- The remaining fields of a constructor; `none` if one is implicit, or a value's type depends on another field.
    Instances are left out. -/
def fieldsFrom (st : Command.State) : Nat → LocalContext → List FVarId → Expr → Array Json → List Expr → BaseIO (Option (Array Json × List Expr))
  | fuel + 1, locals, fields, .forallE name type body info, shown, needs => do
    let kind := binderKind st.env locals type info
    if kind == "value" && mentionsAny type fields then return none
    if kind != "instance" && !(info matches .default) then return none
    let id : FVarId := ⟨.num `_field fuel⟩
    let field := Json.mkObj [("type", .str (← renderUnder st locals type)), ("kind", .str kind)]
    let needs := if kind == "value" then type :: needs else needs
    fieldsFrom st fuel (locals.mkLocalDecl id name type info) (id :: fields) (body.instantiate1 (.fvar id)) (if kind == "instance" then shown else shown.push field) needs
  | 0, _, _, .forallE .., _, _ => return none
  | _, _, _, _, shown, needs => return some (shown, needs)

def makersOf (st : Command.State) (locals : LocalContext) (type : Expr) : BaseIO (List ValueConstructor) := do
  match type with
  | .forallE _ domain body _ =>
    -- a constant function: a constructor without a name
    if body.hasLooseBVars || isProposition st.env domain locals then return []
    let field := Json.mkObj [("type", .str (← renderUnder st locals body)), ("kind", .str "value")]
    return [{ shown := Json.mkObj [("name", .str ""), ("fields", .arr #[field])], needs := [body] }]
  | _ =>
    match headOf type with
    | .const n levels => match st.env.find? n with
      | some (.inductInfo v) => if v.numIndices == 0 then constructors levels (argsOf type []) v.ctors [] else return []
      | _ => return []
    | _ => return []
where
  constructors (levels : List Level) (parameters : List Expr) : List Name → List ValueConstructor → BaseIO (List ValueConstructor)
    | [], acc => return reverseList acc []
    | c :: rest, acc => match st.env.find? c with
      | some info => match typeAfterArgs parameters (info.instantiateTypeLevelParams levels) with
        | some fields => do
          match ← fieldsFrom st 16 locals [] fields #[] [] with
          | some (shown, needs) =>
            let name ← renderUnder st locals (.const c levels)
            constructors levels parameters rest ({ shown := Json.mkObj [("name", .str name), ("fields", .arr shown)], needs } :: acc)
          | none => constructors levels parameters rest acc
        | none => constructors levels parameters rest acc
      | none => constructors levels parameters rest acc

/-- Constructors of some types, and of the types that their fields need. -/
def makingOf (st : Command.State) (locals : LocalContext) : Nat → List Expr → List String → Array Json → BaseIO (Array Json)
  | fuel + 1, type :: rest, seen, acc => do
    let shown ← renderUnder st locals type
    if acc.size ≥ maxTypes then return acc
    if isSeen shown seen then makingOf st locals fuel rest seen acc
    else
      let reduced := match Kernel.whnf st.env locals type with
        | .ok reduced => reduced
        | .error _ => type
      let makers ← if written (headOf reduced) then pure [] else makersOf st locals reduced
      let entry := Json.mkObj [("type", .str shown), ("makers", .arr (all makers #[])), ("reduced", .str (← renderUnder st locals reduced))]
      makingOf st locals fuel (reverseList (reverseList rest []) (needed makers [])) (shown :: seen) (acc.push entry)
  | _, _, _, acc => return acc
where
  isSeen (shown : String) : List String → Bool
    | [] => false
    | s :: rest => s == shown || isSeen shown rest
  written : Expr → Bool
    | .const n _ => containsName n writtenTypes
    | _ => false
  all : List ValueConstructor → Array Json → Array Json
    | [], acc => acc
    | m :: rest, acc => all rest (acc.push m.shown)
  needed : List ValueConstructor → List Expr → List Expr
    | [], acc => acc
    | m :: rest, acc => needed rest (reverseList m.needs acc)
