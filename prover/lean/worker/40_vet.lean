/-! Vetting: the syntax tree of every text is walked against the allow-list before it is elaborated, so that no code of
    a request ever runs in this process and nothing it declares changes how later text is read.
    The lists are data (prover/lean/vetting), sent with `hello`. -/

/-- The allow-list. `bounded` are options with the largest value a request may give them (0 means: any value). -/
structure Vetting where
  kinds : NameHashSet
  prefixes : List Name
  options : List (Name × Nat)
  attributes : NameHashSet
  deriveClasses : NameHashSet

/-- Notation kinds have dots inside a component (`Std.term_...*`), so kinds are also known by their text as one component. -/
def flatName (k : Name) : Name := .str .anonymous (nameString k)

def kindNames : List String → List Name → List Name
  | [], acc => acc
  | s :: rest, acc => kindNames rest (parseName s :: .str .anonymous s :: acc)

def optionsOf : List Json → List (Name × Nat) → List (Name × Nat)
  | [], acc => acc
  | j :: rest, acc => optionsOf rest ((parseName (strField j "name"), natField j "max" 0) :: acc)

def Vetting.ofJson (j : Json) : Vetting where
  kinds := insertNames {} (kindNames (strsField j "kinds") [])
  prefixes := namesOf (strsField j "prefixes") []
  options := optionsOf (match field j "options" with | .arr items => items.toList | _ => []) []
  attributes := insertNames {} (namesOf (strsField j "attributes") [])
  deriveClasses := insertNames {} (namesOf (strsField j "derive") [])

/-- What the walk found wrong, and where. -/
structure Offence where
  stx : Syntax
  reason : String

def hasPrefix (n : Name) : List Name → Bool
  | [] => false
  | p :: rest => p.isPrefixOf n || hasPrefix n rest

def findOption (n : Name) : List (Name × Nat) → Option Nat
  | [] => none
  | (m, bound) :: rest => if m == n then some bound else findOption n rest

/-- The identifiers below some nodes, in reading order. -/
partial def identsBelow (todo : List Syntax) (acc : List Syntax) : List Syntax := match todo with
  | [] => reverseList acc []
  | s@(.ident ..) :: rest => identsBelow rest (s :: acc)
  | .node _ _ args :: rest => identsBelow (pushSyntax args rest) acc
  | _ :: rest => identsBelow rest acc

/-- A configuration value is evaluated by Lean as a program, so only literals and plain constructor names may stand there. -/
def literalKinds : List Name :=
  [`num, `str, `null, `group, `ident, ``Parser.Term.structInst, ``Parser.Term.structInstFields, ``Parser.Term.structInstField,
   ``Parser.Term.structInstLVal, ``Parser.Term.structInstFieldDef, ``Parser.Term.optEllipsis, ``Parser.Term.dotIdent,
   ``Parser.Term.paren, ``Parser.Term.hygienicLParen, `hygieneInfo]

def literalNames : List Name :=
  [`true, `false, `all, `default, `reducible, `instances, `none]

/-- The flag of an item says whether identifiers below it are field names. -/
partial def areLiterals : List (Syntax × Bool) → Bool
  | [] => true
  | (.atom .., _) :: rest => areLiterals rest
  | (.missing, _) :: _ => false
  | (.ident _ _ n _, fields) :: rest => if fields || containsName n literalNames then areLiterals rest else false
  | (.node _ k args, fields) :: rest =>
    if containsName k literalKinds || (`token).isPrefixOf k then
      areLiterals (push (fields && k != ``Parser.Term.structInstFieldDef || k == ``Parser.Term.structInstLVal) args.toList rest)
    else false
where
  push (fields : Bool) : List Syntax → List (Syntax × Bool) → List (Syntax × Bool)
    | [], rest => rest
    | s :: ss, rest => push fields ss ((s, fields) :: rest)

/-- Configuration items that hand work to compiled code of the request. -/
def namesNative : List Syntax → Bool
  | [] => false
  | .ident _ _ n _ :: rest => if n == `native then true else namesNative rest
  | _ :: rest => namesNative rest

/-- `decide +kernel` and its like ask the kernel while they elaborate. -/
def namesKernel : List Syntax → Bool
  | [] => false
  | .ident _ _ n _ :: rest => if n == `kernel then true else namesKernel rest
  | _ :: rest => namesKernel rest

def configKinds : List Name :=
  [``Parser.Tactic.posConfigItem, ``Parser.Tactic.negConfigItem, ``Parser.Tactic.valConfigItem]

def optionKinds : List Name :=
  [``Parser.Command.set_option, ``Parser.Term.set_option, ``Parser.Tactic.set_option]

def checkOption (v : Vetting) (stx : Syntax) : Option Offence :=
  match identsBelow [argOf stx 1] [] with
  | (.ident _ _ n _) :: _ => match findOption n v.options with
    | none => some { stx, reason := s!"set_option {nameString n}" }
    | some _ => none
  | _ => some { stx, reason := "set_option" }

def checkConfig (stx : Syntax) (k : Name) : Option Offence :=
  if namesNative (identsBelow [stx] []) then some { stx, reason := "evaluation by compiled code (native)" }
  else if k == ``Parser.Tactic.valConfigItem && !areLiterals [(argOf stx 3, false)] then
    some { stx, reason := "a configuration value that is not a literal" }
  else none

def checkAttribute (v : Vetting) (stx : Syntax) : Option Offence :=
  match identsBelow [argOf stx 0] [] with
  | s@(.ident _ _ n _) :: _ => if v.attributes.contains n then none else some { stx := s, reason := s!"attribute {nameString n}" }
  | _ => some { stx, reason := "attribute" }

def checkDerive (v : Vetting) : List Syntax → Option Offence
  | [] => none
  | s@(.ident _ _ n _) :: rest => if v.deriveClasses.contains n then checkDerive v rest else some { stx := s, reason := s!"deriving {nameString n}" }
  | _ :: rest => checkDerive v rest

/-- What is wrong with this node itself, its children left aside. -/
def checkNode (v : Vetting) (policy : Policy) (stx : Syntax) (k : Name) : Option Offence :=
  if containsName k policy.kinds then none
  else if !(v.kinds.contains k || v.kinds.contains (flatName k) || hasPrefix k v.prefixes) then some { stx, reason := nameString k }
  else if containsName k optionKinds then checkOption v stx
  else if containsName k configKinds then checkConfig stx k
  else if k == ``Parser.Attr.simple then checkAttribute v stx
  else if k == ``Parser.Command.derivingClass then checkDerive v (identsBelow [stx] [])
  else none

/-- Constants that Meta and the kernel evaluate by running compiled code, whatever they are applied to. -/
def evaluators : List String := ["reduceBool", "reduceNat", "ofReduceBool", "ofReduceNat"]

def namesEvaluator : Name → Bool
  | .anonymous => false
  | .str p s => if isOne evaluators s then true else namesEvaluator p
  | .num p _ => namesEvaluator p
where
  isOne : List String → String → Bool
    | [], _ => false
    | e :: es, s => if e == s then true else isOne es s

/-- The first node that is not allowed, in reading order. -/
partial def vet (v : Vetting) (policy : Policy) : List Syntax → Option Offence
  | [] => none
  | stx@(.ident _ _ n _) :: rest =>
    if namesEvaluator n && !containsName n policy.axioms then some { stx, reason := s!"evaluation by compiled code ({nameString n})" }
    else vet v policy rest
  | stx@(.node _ k args) :: rest => match checkNode v policy stx k with
    | some o => some o
    | none => vet v policy (pushSyntax args rest)
  | _ :: rest => vet v policy rest

partial def mentionsKind (kinds : List Name) : List Syntax → Bool
  | [] => false
  | .node _ k args :: rest => if containsName k kinds then true else mentionsKind kinds (pushSyntax args rest)
  | _ :: rest => mentionsKind kinds rest

def computedKinds : List Name := [``Parser.Command.definition, ``Parser.Command.abbrev, ``Parser.Command.instance]

/-- What is elaborated for a vetted command: options with a bound are lowered to it (`maxHeartbeats 0` means no limit and is
    lowered too), and definitions are `noncomputable`, so that no code is made of them that anything could run.
    Deeper than anyone nests options they are left alone: the deadline holds all the same. -/
def tamed (v : Vetting) (stx : Syntax) : Syntax :=
  if mentionsKind (``Parser.Command.declaration :: optionKinds) [stx] then go 256 stx else stx
where
  go : Nat → Syntax → Syntax
    | depth + 1, .node info k args =>
      if k == ``Parser.Command.declaration && containsName (args.getD 1 .missing).getKind computedKinds then
        .node info k ((args.set! 0 (withoutCode (args.getD 0 .missing))).set! 1 (go depth (args.getD 1 .missing)))
      else
        let args := goAll depth args.toList #[]
        match containsName k optionKinds, identsBelow [args.getD 1 .missing] [] with
        | true, .ident _ _ n _ :: _ => match findOption n v.options with
          | some (bound + 1) => .node info k (lower (bound + 1) args.toList #[])
          | _ => .node info k args
        | _, _ => .node info k args
    | _, s => s
  goAll (depth : Nat) : List Syntax → Array Syntax → Array Syntax
    | [], acc => acc
    | s :: ss, acc => goAll depth ss (acc.push (go depth s))
  lower (bound : Nat) : List Syntax → Array Syntax → Array Syntax
    | [], acc => acc
    | s :: ss, acc => lower bound ss (acc.push (match s.isNatLit? with
      | some n => if n == 0 || n > bound then Syntax.mkNumLit (toString bound) else s
      | none => s))
  /-- The place of `noncomputable` among the modifiers is the fifth. -/
  withoutCode : Syntax → Syntax
    | .node info k args => match args.getD 4 .missing with
      | .node i n #[] => .node info k (args.set! 4 (.node i n #[.node .none ``Parser.Command.noncomputable #[.atom .none "noncomputable"]]))
      | _ => .node info k args
    | s => s
