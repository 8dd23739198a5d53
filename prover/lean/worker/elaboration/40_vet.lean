/-! Vetting. The syntax tree of every command is checked against the allow-list before it is elaborated, so that no code
    of a request runs in this process, and no declaration of a request changes how later text is parsed, apart from
    notations that are read as data (46_notation.lean). The lists are data (prover/lean/vetting) and are sent with
    `hello`. -/

/-- The allow-list. `options` gives the largest value of each option that a request may set (0: any value). -/
structure Vetting where
  kinds : NameHashSet
  prefixes : List Name
  options : List (Name × Nat)
  attributes : NameHashSet
  deriveClasses : NameHashSet
  /-- Fields of tactic configurations with boolean values; below, those with numbers and with transparencies. -/
  booleans : NameHashSet
  numbers : NameHashSet
  transparencies : NameHashSet
  /-- Kinds of nodes that are allowed if their children are. -/
  plain : NameHashSet

/-- The text of a kind as a name of one component. Kinds of notation have dots inside a component (`Std.term_...*`), so
    kinds are stored in this form, too. -/
def flatName (k : Name) : Name := .str .anonymous (nameString k)

def kindNames : List String → List Name → List Name
  | [], acc => acc
  | s :: rest, acc => kindNames rest (parseName s :: .str .anonymous s :: acc)

def optionsOf : List Json → List (Name × Nat) → List (Name × Nat)
  | [], acc => acc
  | j :: rest, acc => optionsOf rest ((parseName (strField j "name"), natField j "max" 0) :: acc)

/-- Configuration fields whose values have type `type`. -/
def fieldsOf (type : String) : List Json → NameHashSet → NameHashSet
  | [], acc => acc
  | j :: rest, acc => fieldsOf type rest (if strField j "type" == type then insertNames acc (namesOf (strsField j "fields") []) else acc)

/-- Names that are not in `excluded`. -/
def namesWithout (excluded : List Name) : List Name → List Name → List Name
  | [], acc => acc
  | n :: rest, acc => namesWithout excluded rest (if containsName n excluded then acc else n :: acc)

def configKinds : List Name :=
  [``Parser.Tactic.posConfigItem, ``Parser.Tactic.negConfigItem, ``Parser.Tactic.valConfigItem]

def optionKinds : List Name :=
  [``Parser.Command.set_option, ``Parser.Term.set_option, ``Parser.Tactic.set_option]

/-- Listed kinds of nodes that are themselves checked, not only their children. -/
def inspectedKinds : List Name := pushNames optionKinds (pushNames configKinds [``Parser.Attr.simple, ``Parser.Command.derivingClass])

def Vetting.ofJson (j : Json) : Vetting where
  plain := insertNames {} (namesWithout inspectedKinds (kindNames (strsField j "kinds") []) [])
  booleans := fieldsOf "boolean" (listField j "configuration") {}
  numbers := fieldsOf "number" (listField j "configuration") {}
  transparencies := fieldsOf "transparency" (listField j "configuration") {}
  kinds := insertNames {} (kindNames (strsField j "kinds") [])
  prefixes := namesOf (strsField j "prefixes") []
  options := optionsOf (listField j "options") []
  attributes := insertNames {} (namesOf (strsField j "attributes") [])
  deriveClasses := insertNames {} (namesOf (strsField j "derive") [])

/-- A node that is not allowed, and the reason. -/
structure Offence where
  stx : Syntax
  reason : String

def hasPrefix (n : Name) : List Name → Bool
  | [] => false
  | p :: rest => p.isPrefixOf n || hasPrefix n rest

/-- The bound of an option, if it is listed. `pp.*` lists all options below `pp`. -/
def findOption (n : Name) : List (Name × Nat) → Option Nat
  | [] => none
  | (m, bound) :: rest => if m == n || isBelow m then some bound else findOption n rest
where
  isBelow : Name → Bool
    | .str p "*" => p.isPrefixOf n
    | _ => false

/-- Identifiers in some nodes, in reading order. -/
partial def identsBelow (todo : List Syntax) (acc : List Syntax) : List Syntax := match todo with
  | [] => reverseList acc []
  | s@(.ident ..) :: rest => identsBelow rest (s :: acc)
  | .node _ _ args :: rest => identsBelow (pushSyntax args rest) acc
  | _ :: rest => identsBelow rest acc

/-- Tokens of some nodes, in reading order. -/
partial def tokensBelow (todo : List Syntax) (acc : List String) : List String := match todo with
  | [] => reverseList acc []
  | .ident _ _ n _ :: rest => tokensBelow rest (nameString n :: acc)
  | .atom _ s :: rest => tokensBelow rest (s.trimAscii.toString :: acc)
  | .node _ _ args :: rest => tokensBelow (pushSyntax args rest) acc
  | .missing :: rest => tokensBelow rest ("" :: acc)

def isNumeral (s : String) : Bool := s.isNat

/-- The tokens after the value of the field `name`, if the value has the type of the field. -/
def afterValue (v : Vetting) (name : String) : List String → Option (List String)
  | "." :: mode :: rest =>
    if v.transparencies.contains (parseName name) && (mode == "all" || mode == "default" || mode == "reducible" || mode == "instances") then some rest else none
  | value :: rest =>
    let name := parseName name
    if v.booleans.contains name && (value == "true" || value == "false") then some rest
    else if v.numbers.contains name && isNumeral value then some rest
    else none
  | [] => none

/-- Whether tokens are `field := value, …` up to the end of a configuration record. -/
partial def areFields (v : Vetting) : List String → Bool
  | ["}", ")"] => true
  | "," :: rest => areFields v rest
  | name :: ":=" :: rest => match afterValue v name rest with
    | some rest => areFields v rest
    | none => false
  | _ => false

/-- Whether a configuration contains only literals of the type of their field. Lean evaluates a configuration as a
    program, so nothing else may occur in it (vetting/configuration.toml). -/
def isPlainConfig (v : Vetting) : List String → Bool
  | "(" :: "config" :: ":=" :: "{" :: rest => areFields v rest
  | "(" :: name :: ":=" :: rest => match afterValue v name rest with
    | some [")"] => true
    | _ => false
  | ["+", name] => v.booleans.contains (parseName name)
  | ["-", name] => v.booleans.contains (parseName name)
  | _ => false

/-- Whether `kernel` is among some identifiers: `decide +kernel` and similar tactics call the kernel during
    elaboration. -/
def mentionsKernel : List Syntax → Bool
  | [] => false
  | .ident _ _ n _ :: rest => if n == `kernel then true else mentionsKernel rest
  | _ :: rest => mentionsKernel rest

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

/-- The offence of a node itself, whatever its children are. -/
def checkNode (v : Vetting) (policy : Policy) (stx : Syntax) (k : Name) : Option Offence :=
  if containsName k policy.kinds then none
  else if !isListed v k then some { stx, reason := nameString k }
  else if containsName k optionKinds then checkOption v stx
  else if containsName k configKinds then checkConfig v stx
  else if k == ``Parser.Attr.simple then checkAttribute v stx
  else if k == ``Parser.Command.derivingClass then checkDerive v (identsBelow [stx] [])
  else none

/-- Constants that make Lean run compiled code. The first four evaluate their argument; the last one runs a tactic whose
    syntax was not vetted. (`(h : p := by tac)`, whose tactic is vetted, needs no such name.) -/
def evaluators : List String := ["reduceBool", "reduceNat", "ofReduceBool", "ofReduceNat", "autoParam"]

def evaluatorNames : NameHashSet := insertNames {} (namesOf evaluators [])

def isEvaluatorName : Name → Bool
  | .anonymous => false
  | .str p s => if evaluatorNames.contains (.str .anonymous s) then true else isEvaluatorName p
  | .num p _ => isEvaluatorName p

/-- The first node in reading order that is not allowed, and the number of nodes that were checked. -/
partial def vetNodes (v : Vetting) (policy : Policy) (todo : List Syntax) (count : Nat) : Option Offence × Nat := match todo with
  | [] => (none, count)
  | stx@(.ident _ _ n _) :: rest =>
    if isEvaluatorName n && !containsName n policy.axioms then (some { stx, reason := s!"evaluation by compiled code ({nameString n})" }, count)
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

/-- Kinds of nodes that `sanitised` may change. -/
def sanitisedKinds : NameHashSet := insertNames {} (``Parser.Command.declaration :: pushNames optionKinds configKinds)

/-- Kinds without which `sanitised` changes nothing in a command. -/
def sanitiseTriggers : NameHashSet := insertNames {} (pushNames computedKinds (pushNames optionKinds configKinds))

/-- Largest depth at which `sanitised` changes options, configurations and declarations. -/
def maxSanitisedDepth : Nat := 1024

/-- Whether a node that `sanitised` would have to change lies deeper than it reaches. -/
def beyondSanitising : Nat → Syntax → Bool
  | depth + 1, .node _ _ args => go depth args.toList
  | 0, s => mentionsKind sanitisedKinds [s]
  | _, _ => false
where
  go (depth : Nat) : List Syntax → Bool
    | [] => false
    | s :: ss => if beyondSanitising depth s then true else go depth ss

/-- A configuration with `true`, `false` and numerals written in a form to which no declaration can give another
    meaning. -/
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

/-- A vetted command in the form in which it is elaborated. Options with a bound are lowered to it (also `maxHeartbeats
    0`, which means no limit), values of configurations are written out, and definitions become `noncomputable`, so that
    Lean generates no code from them that anything could run. -/
def sanitised (v : Vetting) (stx : Syntax) : Syntax :=
  if mentionsKind sanitiseTriggers [stx] then go maxSanitisedDepth stx else stx
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
  /-- Adds `noncomputable`, the fifth of the modifiers. -/
  withoutCode : Syntax → Syntax
    | .node info k args => match args.getD 4 .missing with
      | .node i n #[] => .node info k (args.set! 4 (.node i n #[.node .none ``Parser.Command.noncomputable #[.atom .none "noncomputable"]]))
      | _ => .node info k args
    | s => s

/-- The offence of a command in which `sanitised` cannot reach all that it has to change. -/
def tooDeep (stx : Syntax) : Option Offence :=
  if mentionsKind sanitisedKinds [stx] && beyondSanitising maxSanitisedDepth stx then some { stx, reason := s!"options or configurations nested more than {maxSanitisedDepth} levels deep" } else none

/-- The offence of a command: its first node that is not allowed, or a depth that hides nodes from `sanitised`. -/
def vetCommand (v : Vetting) (policy : Policy) (stx : Syntax) : Option Offence := match vetNodes v policy [stx] 0 with
  | (some o, _) => some o
  | (none, count) => if count ≤ maxSanitisedDepth then none else tooDeep stx
