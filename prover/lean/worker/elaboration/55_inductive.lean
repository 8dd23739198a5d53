/-! Inductive types. Some kernels, among them that of the pinned pre-release, check too little there. Declarations that
    trigger their known faults are refused before the kernel sees them, and the constants that the kernel generates are
    type-checked once more (docs/trust.md). -/

/-- Inductive types that are declared together with a constant. -/
def blockOf (source : Constants) : ConstantInfo → List Name
  | .inductInfo v => v.all
  | .recInfo v => v.all
  | .ctorInfo v => match source v.induct with
    | some (.inductInfo w) => w.all
    | _ => []
  | _ => []

/-- Constructors of a block of inductive types. -/
def constructorsOf (source : Constants) : List Name → List Name → List Name
  | [], acc => acc
  | n :: rest, acc => match source n with
    | some (.inductInfo v) => constructorsOf source rest (pushNames v.ctors acc)
    | _ => constructorsOf source rest acc

/-- Whether the sort of a declared type is written out, and is 0 or never 0. Kernels decide whether a type is a
    proposition by reducing its sort, with two answers for some sorts (lean4#14807). -/
def hasPlainSort : Expr → Bool
  | .forallE _ _ body _ => hasPlainSort body
  | .mdata _ e => hasPlainSort e
  | .sort l => l.isZero || l.isNeverZero
  | _ => false

def headOf : Expr → Expr
  | .app f _ => headOf f
  | .mdata _ e => headOf e
  | e => e

def argsOf : Expr → List Expr → List Expr
  | .app f a, acc => argsOf f (a :: acc)
  | .mdata _ e, acc => argsOf e acc
  | _, acc => acc

/-- Whether the head of each field that mentions a declared type is an inductive type as written, not after reduction,
    and so in its arguments (lean4#14806, lean4#14576). -/
partial def hasPlainFields (source : Constants) (types : List Name) : Expr → Bool
  | .forallE _ domain body _ => if isPlain domain then hasPlainFields source types body else false
  | .mdata _ e => hasPlainFields source types e
  | _ => true
where
  isPlain (e : Expr) : Bool := if !mentionsAny e.getUsedConstants.toList then true else match e with
    | .forallE _ domain body _ => if isPlain domain then isPlain body else false
    | .lam _ domain body _ => if isPlain domain then isPlain body else false
    | .mdata _ e => isPlain e
    | e => if inductiveHead (headOf e) then arePlainArgs e else false
  arePlainArgs : Expr → Bool
    | .app f a => if isPlain a then arePlainArgs f else false
    | .mdata _ e => arePlainArgs e
    | _ => true
  mentionsAny : List Name → Bool
    | [] => false
    | n :: ns => if containsName n types then true else mentionsAny ns
  inductiveHead : Expr → Bool
    | .const n _ => match source n with
      | some (.inductInfo _) => true
      | some (.ctorInfo _) => true
      | _ => false
    | _ => false

/-- The reason for refusing a declaration of inductive types before the kernel sees it. -/
def suspicious (source : Constants) : ConstantInfo → Option String
  | .inductInfo v => go v.all v.all
  | _ => none
where
  go (types : List Name) : List Name → Option String
    | [] => none
    | n :: ns => match source n with
      | some (.inductInfo v) =>
        if !hasPlainSort v.type then some "an inductive type whose sort is computed"
        else if !fields types v.ctors then some "a recursive occurrence that is hidden behind a computation"
        else go types ns
      | _ => some "an inductive type that is missing"
  fields (types : List Name) : List Name → Bool
    | [] => true
    | c :: cs => match source c with
      | some info => if hasPlainFields source types info.type then fields types cs else false
      | none => false

/-- Constants that the kernel generates for a block of inductive types: constructors, the recursor of each type, and
    those of nested types. -/
def generatedConstants (env : Kernel.Environment) : ConstantInfo → List ConstantInfo
  | .inductInfo v => lookUp (constructorsOf (constantsOf env) v.all []) (recursors v.all (nested v.all v.numNested []))
  | _ => []
where
  nested (types : List Name) : Nat → List ConstantInfo → List ConstantInfo
    | 0, acc => acc
    | i + 1, acc => match types with
      | first :: _ => nested types i (lookUp [.str first s!"rec_{i + 1}"] acc)
      | [] => acc
  lookUp : List Name → List ConstantInfo → List ConstantInfo
    | [], acc => acc
    | n :: ns, acc => match env.find? n with
      | some info => lookUp ns (info :: acc)
      | none => lookUp ns acc
  recursors : List Name → List ConstantInfo → List ConstantInfo
    | [], acc => acc
    | n :: ns, acc => recursors ns (lookUp [.str n "rec"] acc)

/-- A value, and the type that it must have. -/
structure Obligation where
  levels : List Name
  type : Expr
  value : Expr

abbrev Binder := Name × Expr × BinderInfo

/-- Takes `n` binders off a type; returns them, last first, and the rest of the type. -/
def peel : Nat → Expr → List Binder → Option (List Binder × Expr)
  | 0, e, acc => some (acc, e)
  | n + 1, .forallE x domain body i, acc => peel n body ((x, domain, i) :: acc)
  | _, _, _ => none

/-- The type from which `peel` took the binders. -/
def unpeel : List Binder → Expr → Expr
  | [], e => e
  | (x, domain, i) :: rest, e => unpeel rest (.forallE x domain e i)

/-- The type of a function after its first arguments are applied. -/
def typeAfterArgs : List Expr → Expr → Option Expr
  | [], e => some e
  | a :: as, .forallE _ _ body _ => typeAfterArgs as (body.instantiate1 a)
  | _, _ => none

/-- The first `n` elements of a list, each mapped by `f`, and the other elements. -/
def splitMap (f : Expr → Expr) : Nat → List Expr → List Expr → List Expr × List Expr
  | n + 1, e :: es, acc => splitMap f n es (f e :: acc)
  | _, es, acc => (reverseList acc [], es)

/-- A constructor applied to its parameters and to the innermost `n` bound variables. -/
def constructed (ctor : Expr) (n : Nat) : List Expr → Expr
  | [] => applyVariables n ctor
  | a :: as => constructed (.app ctor a) n as
where
  applyVariables : Nat → Expr → Expr
    | 0, e => e
    | i + 1, e => applyVariables i (.app e (.bvar i))

/-- The type that the right side of a recursor's rule must have: for all parameters, motives, minor premises and fields,
    that of the recursor applied to the constructor, which the kernel replaces by the right side (lean4#14808). -/
def ruleType (env : Kernel.Environment) (r : RecursorVal) (rule : RecursorRule) : Option Expr :=
  match peel (r.numParams + r.numMotives + r.numMinors) r.type [] with
  | none => none
  | some (outer, body) => match peel r.numIndices body [], env.find? rule.ctor with
    | some (_, .forallE _ major _ _), some (.ctorInfo c) => match headOf major with
      | .const _ levels =>
        -- the parameters, also those of a nested type, do not depend on the indices between
        let (parameters, _) := splitMap (fun e => e.lowerLooseBVars r.numIndices r.numIndices) c.numParams (argsOf major []) []
        match typeAfterArgs parameters ((ConstantInfo.ctorInfo c).instantiateTypeLevelParams levels) with
        | none => none
        | some type => match peel rule.nfields type [] with
          | none => none
          | some (fields, result) =>
            let (lifted, _) := splitMap (fun e => e.liftLooseBVars 0 rule.nfields) c.numParams parameters []
            let (_, indices) := splitMap (fun e => e) c.numParams (argsOf result []) []
            let value := constructed (.const rule.ctor levels) rule.nfields lifted
            match typeAfterArgs (reverseList (reverseList indices []) [value]) (body.liftLooseBVars 0 rule.nfields) with
            | none => none
            | some type => some (unpeel outer (unpeel fields type))
      | _ => none
    | _, _ => none

/-- Required types for what the kernel generated for a declaration (lean4#14576); `none` if a rule has an unknown
    shape. -/
def obligationsOf (env : Kernel.Environment) (info : ConstantInfo) : Option (List Obligation) := go (generatedConstants env info) []
where
  go : List ConstantInfo → List Obligation → Option (List Obligation)
    | [], acc => some acc
    | info :: rest, acc =>
      -- the identity on a type is well typed only if the type is
      let typed : Obligation :=
        { levels := info.levelParams, type := .forallE `x info.type info.type .default, value := .lam `x info.type (.bvar 0) .default }
      match info with
      | .recInfo r => match rules r r.rules (typed :: acc) with
        | some acc => go rest acc
        | none => none
      | _ => go rest (typed :: acc)
  rules (r : RecursorVal) : List RecursorRule → List Obligation → Option (List Obligation)
    | [], acc => some acc
    | rule :: rest, acc => match ruleType env r rule with
      | some type => rules r rest ({ levels := r.levelParams, type, value := rule.rhs } :: acc)
      | none => none

/-- The error of the first obligation that does not hold. Each is declared in an environment that is then discarded. -/
def discharge (opts : Options) (token : IO.CancelToken) (env : Kernel.Environment) : List Obligation → Option Kernel.Exception
  | [] => none
  | o :: rest =>
    let decl := Declaration.defnDecl
      { name := `_leansieve_check, levelParams := o.levels, type := o.type, value := o.value, hints := .opaque, safety := .safe }
    match kernelAdd env opts token decl with
    | .ok _ => discharge opts token env rest
    | .error e => some e
