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
  /-- Fields of tactic configurations, by the type of their values. -/
  booleans : NameHashSet
  numbers : NameHashSet
  transparencies : NameHashSet
  /-- Of the kinds those of which only their children are looked at. -/
  plain : NameHashSet

/-- Notation kinds have dots inside a component (`Std.term_...*`), so kinds are also known by their text as one component. -/
def flatName (k : Name) : Name := .str .anonymous (nameString k)

def kindNames : List String → List Name → List Name
  | [], acc => acc
  | s :: rest, acc => kindNames rest (parseName s :: .str .anonymous s :: acc)

def optionsOf : List Json → List (Name × Nat) → List (Name × Nat)
  | [], acc => acc
  | j :: rest, acc => optionsOf rest ((parseName (strField j "name"), natField j "max" 0) :: acc)

/-- The configuration fields whose values have a type. -/
def fieldsOf (type : String) : List Json → NameHashSet → NameHashSet
  | [], acc => acc
  | j :: rest, acc => fieldsOf type rest (if strField j "type" == type then insertNames acc (namesOf (strsField j "fields") []) else acc)

/-- Names without some of them. -/
def namesWithout (some_ : List Name) : List Name → List Name → List Name
  | [], acc => acc
  | n :: rest, acc => namesWithout some_ rest (if containsName n some_ then acc else n :: acc)

def configKinds : List Name :=
  [``Parser.Tactic.posConfigItem, ``Parser.Tactic.negConfigItem, ``Parser.Tactic.valConfigItem]

def optionKinds : List Name :=
  [``Parser.Command.set_option, ``Parser.Term.set_option, ``Parser.Tactic.set_option]

/-- Listed kinds of which more than their children is looked at. -/
def judgedKinds : List Name := pushNames optionKinds (pushNames configKinds [``Parser.Attr.simple, ``Parser.Command.derivingClass])

def Vetting.ofJson (j : Json) : Vetting where
  plain := insertNames {} (namesWithout judgedKinds (kindNames (strsField j "kinds") []) [])
  booleans := fieldsOf "boolean" (listField j "configuration") {}
  numbers := fieldsOf "number" (listField j "configuration") {}
  transparencies := fieldsOf "transparency" (listField j "configuration") {}
  kinds := insertNames {} (kindNames (strsField j "kinds") [])
  prefixes := namesOf (strsField j "prefixes") []
  options := optionsOf (listField j "options") []
  attributes := insertNames {} (namesOf (strsField j "attributes") [])
  deriveClasses := insertNames {} (namesOf (strsField j "derive") [])

/-- What the walk found wrong, and where. -/
structure Offence where
  stx : Syntax
  reason : String

def hasPrefix (n : Name) : List Name → Bool
  | [] => false
  | p :: rest => p.isPrefixOf n || hasPrefix n rest

/-- The bound of an option on the list, where `pp.*` stands for all options below `pp`. -/
def findOption (n : Name) : List (Name × Nat) → Option Nat
  | [] => none
  | (m, bound) :: rest => if m == n || isBelow m then some bound else findOption n rest
where
  isBelow : Name → Bool
    | .str p "*" => p.isPrefixOf n
    | _ => false

/-- The identifiers below some nodes, in reading order. -/
partial def identsBelow (todo : List Syntax) (acc : List Syntax) : List Syntax := match todo with
  | [] => reverseList acc []
  | s@(.ident ..) :: rest => identsBelow rest (s :: acc)
  | .node _ _ args :: rest => identsBelow (pushSyntax args rest) acc
  | _ :: rest => identsBelow rest acc

/-- The tokens below some nodes, in reading order. -/
partial def tokensBelow (todo : List Syntax) (acc : List String) : List String := match todo with
  | [] => reverseList acc []
  | .ident _ _ n _ :: rest => tokensBelow rest (nameString n :: acc)
  | .atom _ s :: rest => tokensBelow rest (s.trimAscii.toString :: acc)
  | .node _ _ args :: rest => tokensBelow (pushSyntax args rest) acc
  | .missing :: rest => tokensBelow rest ("" :: acc)

def isNumeral (s : String) : Bool := s.isNat

/-- What may follow `field :=`; the rest of the tokens behind it. -/
def afterValue (v : Vetting) (name : String) : List String → Option (List String)
  | "." :: mode :: rest =>
    if v.transparencies.contains (parseName name) && (mode == "all" || mode == "default" || mode == "reducible" || mode == "instances") then some rest else none
  | value :: rest =>
    let name := parseName name
    if v.booleans.contains name && (value == "true" || value == "false") then some rest
    else if v.numbers.contains name && isNumeral value then some rest
    else none
  | [] => none

/-- `field := value, …}` up to the end of a configuration record. -/
partial def areFields (v : Vetting) : List String → Bool
  | ["}", ")"] => true
  | "," :: rest => areFields v rest
  | name :: ":=" :: rest => match afterValue v name rest with
    | some rest => areFields v rest
    | none => false
  | _ => false

/-- Lean evaluates a configuration as a program: only literals of the field's own type may stand in it (vetting/configuration.toml). -/
def isPlainConfig (v : Vetting) : List String → Bool
  | "(" :: "config" :: ":=" :: "{" :: rest => areFields v rest
  | "(" :: name :: ":=" :: rest => match afterValue v name rest with
    | some [")"] => true
    | _ => false
  | ["+", name] => v.booleans.contains (parseName name)
  | ["-", name] => v.booleans.contains (parseName name)
  | _ => false

/-- `decide +kernel` and its like ask the kernel while they elaborate. -/
def namesKernel : List Syntax → Bool
  | [] => false
  | .ident _ _ n _ :: rest => if n == `kernel then true else namesKernel rest
  | _ :: rest => namesKernel rest

def checkOption (v : Vetting) (stx : Syntax) : Option Offence :=
  match identsBelow [argOf stx 1] [] with
  | (.ident _ _ n _) :: _ => match findOption n v.options with
    | none => some { stx, reason := s!"set_option {nameString n}" }
    | some _ => none
  | _ => some { stx, reason := "set_option" }

def checkConfig (v : Vetting) (stx : Syntax) : Option Offence :=
  if isPlainConfig v (tokensBelow [stx] []) then none
  else some { stx, reason := "a configuration that is not a literal of a listed field" }

def checkAttribute (v : Vetting) (stx : Syntax) : Option Offence :=
  match identsBelow [argOf stx 0] [] with
  | s@(.ident _ _ n _) :: _ => if v.attributes.contains n then none else some { stx := s, reason := s!"attribute {nameString n}" }
  | _ => some { stx, reason := "attribute" }

def checkDerive (v : Vetting) : List Syntax → Option Offence
  | [] => none
  | s@(.ident _ _ n _) :: rest => if v.deriveClasses.contains n then checkDerive v rest else some { stx := s, reason := s!"deriving {nameString n}" }
  | _ :: rest => checkDerive v rest

def isListed (v : Vetting) (k : Name) : Bool := v.kinds.contains k || v.kinds.contains (flatName k) || hasPrefix k v.prefixes

/-- What is wrong with this node itself, its children left aside. -/
def checkNode (v : Vetting) (policy : Policy) (stx : Syntax) (k : Name) : Option Offence :=
  if containsName k policy.kinds then none
  else if !isListed v k then some { stx, reason := nameString k }
  else if containsName k optionKinds then checkOption v stx
  else if containsName k configKinds then checkConfig v stx
  else if k == ``Parser.Attr.simple then checkAttribute v stx
  else if k == ``Parser.Command.derivingClass then checkDerive v (identsBelow [stx] [])
  else none

/-- Constants that make Lean run compiled code: the first four evaluate their argument, the last the syntax of a tactic, which
    nobody has vetted. (`(h : p := by tac)` needs no such name.) -/
def evaluators : List String := ["reduceBool", "reduceNat", "ofReduceBool", "ofReduceNat", "autoParam"]

def evaluatorNames : NameHashSet := insertNames {} (namesOf evaluators [])

def namesEvaluator : Name → Bool
  | .anonymous => false
  | .str p s => if evaluatorNames.contains (.str .anonymous s) then true else namesEvaluator p
  | .num p _ => namesEvaluator p

/-- The first node that is not allowed, in reading order, and how many nodes were looked at. -/
partial def vetNodes (v : Vetting) (policy : Policy) (todo : List Syntax) (count : Nat) : Option Offence × Nat := match todo with
  | [] => (none, count)
  | stx@(.ident _ _ n _) :: rest =>
    if namesEvaluator n && !containsName n policy.axioms then (some { stx, reason := s!"evaluation by compiled code ({nameString n})" }, count)
    else vetNodes v policy rest count
  | stx@(.node _ k args) :: rest =>
    if v.plain.contains k then vetNodes v policy (pushSyntax args rest) (count + 1)
    else match checkNode v policy stx k with
      | some o => (some o, count)
      | none => vetNodes v policy (pushSyntax args rest) (count + 1)
  | _ :: rest => vetNodes v policy rest count

def vet (v : Vetting) (policy : Policy) (todo : List Syntax) : Option Offence := (vetNodes v policy todo 0).1

partial def mentionsKind (kinds : NameHashSet) : List Syntax → Bool
  | [] => false
  | .node _ k args :: rest => if kinds.contains k then true else mentionsKind kinds (pushSyntax args rest)
  | _ :: rest => mentionsKind kinds rest

def computedKinds : List Name := [``Parser.Command.definition, ``Parser.Command.abbrev, ``Parser.Command.instance]

/-- What `tamed` changes, and what it is in. -/
def tamedKinds : NameHashSet := insertNames {} (``Parser.Command.declaration :: pushNames optionKinds configKinds)

/-- What there is nothing to tame without. -/
def wildKinds : NameHashSet := insertNames {} (pushNames computedKinds (pushNames optionKinds configKinds))

/-- How deep commands may nest options, configurations and declarations. -/
def tamedDepth : Nat := 1024

/-- The first node that `tamed` would have to change and does not reach. -/
def outOfReach : Nat → Syntax → Bool
  | depth + 1, .node _ _ args => go depth args.toList
  | 0, s => mentionsKind tamedKinds [s]
  | _, _ => false
where
  go (depth : Nat) : List Syntax → Bool
    | [] => false
    | s :: ss => if outOfReach depth s then true else go depth ss

/-- `true`, `false` and numerals of a configuration, written so that nothing declared can give them another meaning. -/
partial def plainValues : Syntax → Syntax
  | stx@(.ident _ _ n _) =>
    if n == `true then (mkIdent `_root_.Bool.true).raw else if n == `false then (mkIdent `_root_.Bool.false).raw else stx
  | stx@(.node info k args) =>
    if k == `num then .node info `rawNatLit #[.atom info "nat_lit", stx] else .node info k (each args.toList #[])
  | s => s
where
  each : List Syntax → Array Syntax → Array Syntax
    | [], acc => acc
    | s :: ss, acc => each ss (acc.push (plainValues s))

/-- What is elaborated for a vetted command: options with a bound are lowered to it (`maxHeartbeats 0` means no limit and is
    lowered too), values of configurations are written out, and definitions are `noncomputable`, so that no code is made of
    them that anything could run. -/
def tamed (v : Vetting) (stx : Syntax) : Syntax :=
  if mentionsKind wildKinds [stx] then go tamedDepth stx else stx
where
  go : Nat → Syntax → Syntax
    | depth + 1, .node info k args =>
      if k == ``Parser.Tactic.valConfigItem then plainValues (.node info k args)
      else if k == ``Parser.Command.declaration && containsName (args.getD 1 .missing).getKind computedKinds then
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

/-- Nesting that hides what has to be changed. -/
def tooDeep (stx : Syntax) : Option Offence :=
  if mentionsKind tamedKinds [stx] && outOfReach tamedDepth stx then some { stx, reason := "options or configurations nested that deeply" } else none

/-- Why a command is not elaborated, if it is not: the first node that is not allowed, or nesting that hides some. -/
def vetCommand (v : Vetting) (policy : Policy) (stx : Syntax) : Option Offence := match vetNodes v policy [stx] 0 with
  | (some o, _) => some o
  | (none, count) => if count ≤ tamedDepth then none else tooDeep stx
