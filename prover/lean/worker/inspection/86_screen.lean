/-! Properties of a statement without a proof of it: its binders and whether the goal needs them, whether the goal holds
    at a glance, and the negation as the statement of another theorem. -/

/-- A binder of a statement: a value, a proposition that it assumes, or an instance. -/
structure BoundVariable where
  id : FVarId
  name : Name
  type : Expr
  shown : String
  kind : String

/-- Largest number of binders that are examined. -/
def maxBinders : Nat := 64

/-- The binders in front of the goal of a type, last first, and the goal. -/
def boundIn (st : Command.State) : Nat → LocalContext → Expr → List BoundVariable → BaseIO (LocalContext × List BoundVariable × Expr)
  | fuel + 1, locals, .forallE name type body info, acc => do
    let id : FVarId := ⟨.num `_bound fuel⟩
    let kind := binderKind st.env locals type info
    let shown ← renderUnder st locals type
    boundIn st fuel (locals.mkLocalDecl id name type info) (body.instantiate1 (.fvar id)) ({ id, name, type, shown, kind } :: acc)
  | _, locals, goal, acc => pure (locals, acc, goal)

/-- The binders that matter to the goal. A binder matters if the goal mentions it, if the type of one that matters
    mentions it, or if its own type mentions one that matters: a value of such a type may be meant as a witness. A
    proposition that mentions no binder matters, too, because it may be about anything. -/
def relevantBinders (all : List BoundVariable) : Nat → List Expr → List FVarId → List FVarId
  | 0, _, known => known
  | n + 1, terms, known =>
    match step all terms known false with
    | (_, found, false) => found
    | (terms, found, true) => relevantBinders all n terms found
where
  containsId (id : FVarId) : List FVarId → Bool
    | [] => false
    | other :: rest => if other == id then true else containsId id rest
  mentionedIn (id : FVarId) : List Expr → Bool
    | [] => false
    | e :: es => if e.containsFVar id then true else mentionedIn id es
  step : List BoundVariable → List Expr → List FVarId → Bool → List Expr × List FVarId × Bool
    | [], terms, known, changed => (terms, known, changed)
    | b :: rest, terms, known, changed =>
      if containsId b.id known then step rest terms known changed
      else if mentionedIn b.id terms || mentionsAny b.type known || (b.kind == "proposition" && !b.type.hasFVar) then step rest (b.type :: terms) (b.id :: known) true
      else step rest terms known changed

/-- Why a goal holds at a glance: it is a hypothesis, its two sides are identical, or it is `True`; otherwise empty. -/
def trivialReason (goal : Expr) : List BoundVariable → String
  | [] => match goal with
    | .const ``True _ => "true"
    | .app (.app (.app (.const ``Eq _) _) a) b => if a == b then "same" else ""
    | .app (.app (.const ``Iff _) a) b => if a == b then "same" else ""
    | _ => ""
  | b :: rest => if b.kind == "proposition" && b.type == goal then "assumed" else trivialReason goal rest

/-- Properties of a statement: its binders, with whether they matter to the goal; why the goal holds at a glance;
    whether it is `False`; and, if requested, constructors of the binders' types. -/
structure Screened where
  bound : Array Json
  types : Array Json
  glance : String
  absurd : Bool

def screened (reference : Reference) (values : Bool) : IO Screened := do
  let st := if values then withoutNotation reference.after else reference.after
  let (locals, last, goal) ← boundIn st maxBinders {} reference.info.type []
  let all := reverseList last []
  let known := relevantBinders all maxBinders [goal] []
  let types ← if values then makingOf st locals maxTypeSteps (typesIn all []) [] #[] else pure #[]
  return { bound := list locals known all #[], types, glance := trivialReason goal all, absurd := goal.isConstOf ``False }
where
  typesIn : List BoundVariable → List Expr → List Expr
    | [], acc => reverseList acc []
    | b :: rest, acc => typesIn rest (if b.kind == "value" then b.type :: acc else acc)
  list (locals : LocalContext) (known : List FVarId) : List BoundVariable → Array Json → Array Json
    | [], acc => acc
    | b :: rest, acc => list locals known rest (acc.push (Json.mkObj [("name", .str (if b.name.hasMacroScopes then "" else nameString b.name)),
        ("type", .str b.shown), ("kind", .str b.kind), ("matters", .bool (relevantBinders.containsId b.id known))]))

def Screened.fields (s : Screened) : List (String × Json) :=
  [("bound", .arr s.bound), ("types", .arr s.types), ("glance", .str s.glance), ("absurd", .bool s.absurd)]

/-- Names that are not in `others`. -/
def namesBeside (others : List Name) : List Name → List Name → List Name
  | [], acc => reverseList acc []
  | n :: ns, acc => namesBeside others ns (if containsName n others then acc else n :: acc)

def withOptions (st : Command.State) (set : Options → Options) : Command.State := match st.scopes with
  | scope :: rest => { st with scopes := { scope with opts := set scope.opts } :: rest }
  | [] => st

/-- Statements of the negation as Lean prints them, the most readable one first. -/
def printedNegations (st : Command.State) (reference : Reference) (name : String) : IO (List String) := do
  let universes := universeList (namesBeside (scopeOf st).levelNames reference.info.levelParams [])
  let text (set : Options → Options) : BaseIO String := do
    let type ← renderType (withOptions reference.after set) (.app (.const ``Not []) reference.info.type)
    return s!"theorem {name}{universes} :\n  {type}"
  let typed (o : Options) : Options := ((o.setBool `pp.numericTypes true).setBool `pp.funBinderTypes true).setBool `pp.coercions.types true
  return [← text id, ← text typed, ← text (fun o => (typed o).setBool `pp.proofs true |>.setBool `pp.explicit true), ← text (·.setBool `pp.all true)]

/-- The first of some statements that Lean elaborates to the negation of the reference, structurally and with the same
    universe parameters. -/
def negating (session : Session) (task : Task) (st : Command.State) (clean : Kernel.Environment) (reference : Reference) : List String → IO (Option String)
  | [] => pure none
  | text :: rest => do
    if ← session.token.isSet then return none
    match ← referenceOf session { task with statement := text } st with
    | .error _ => negating session task st clean reference rest
    | .ok found =>
      let type : Expr := .app (.const ``Not []) reference.info.type
      let wanted : ConstantInfo := .axiomInfo { name := found.name, levelParams := reference.info.levelParams, type, isUnsafe := false }
      match differs clean reference.constants found.constants wanted found.info with
      | none => return some text
      | some _ => negating session task st clean reference rest
