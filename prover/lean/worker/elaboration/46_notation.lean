/-! Notations of a context, without code. From a `notation` command Lean would generate a parser and a macro, compile
    and run them. Here the command is read as data: the parser is built from Lean's own combinators, and the macro
    copies the right side of the notation with the arguments inserted. Only simple notations are accepted, whose meaning
    needs no program; any other command goes to quarantine. -/

inductive NotationItem where
  | token (text : String)
  | argument (name : Name) (precedence : Nat)

structure Notation where
  scope : AttributeKind
  precedence : Option Nat
  items : List NotationItem
  body : Syntax

/-- Largest depth of the right side of a notation. -/
def maxNotationDepth : Nat := 64

/-- The number of an optional precedence, `some none` if it is absent; `none` if it is neither a number nor `max`. -/
def precedenceOf (stx : Syntax) : Option (Option Nat) := match stx with
  | .node _ _ #[] => some none
  | .node _ _ #[clause] => match argOf clause 1 with
    | value@(.node _ k _) => if k == `precMax then some (some Parser.maxPrec) else match value.isNatLit? with
      | some n => some (some n)
      | none => none
    | _ => none
  | _ => none

/-- Whether Lean reads a text as one token wherever it occurs: it contains no white space and no beginning of a comment
    or a string, and does not begin like a number, a character, a quoted name or an escaped one. -/
def isToken (s : String) : Bool := match s.toList with
  | [] => false
  | c :: cs => if c.isDigit || isOneOf "\"'`«»" c then false else all (c :: cs)
where
  isOneOf (s : String) (c : Char) : Bool := match s.toList with
    | cs => anyOf c cs
  anyOf (c : Char) : List Char → Bool
    | [] => false
    | d :: ds => if c == d then true else anyOf c ds
  all : List Char → Bool
    | [] => true
    | '-' :: '-' :: _ => false
    | '/' :: '-' :: _ => false
    | c :: cs => if c.isWhitespace || c == '"' then false else all cs

def notationItems : List Syntax → List NotationItem → Option (List NotationItem)
  | [], acc => some (reverseList acc [])
  | stx@(.node _ k args) :: rest, acc =>
    if k == `str then match stx.isStrLit? with
      | some s => let token := s.trimAscii.toString
        if isToken token then notationItems rest (.token token :: acc) else none
      | none => none
    else if k == `Lean.Parser.Command.identPrec then match args.getD 0 .missing, precedenceOf (args.getD 1 .missing) with
      | .ident _ _ n _, some p => if hasArgument n acc then none else notationItems rest (.argument n (p.getD 0) :: acc)
      | _, _ => none
    else none
  | _, _ => none
where
  hasArgument (n : Name) : List NotationItem → Bool
    | [] => false
    | .argument m _ :: rest => if m == n then true else hasArgument n rest
    | _ :: rest => hasArgument n rest

/-- A `notation` command, global or `local`, without a name, priority or attributes of its own. -/
def notationOf : Syntax → Option Notation
  | .node _ `Lean.Parser.Command.notation #[_, .node _ _ #[], kind, _, precedence, .node _ _ #[], .node _ _ #[], .node _ _ items, _, body] =>
    match scopeOfKind kind, precedenceOf precedence, notationItems items.toList [] with
    | some scope, some precedence, some items => some { scope, precedence, items, body }
    | _, _, _ => none
  | _ => none
where
  scopeOfKind (kind : Syntax) : Option AttributeKind := match argOf kind 0 with
    | .node _ _ #[] => some .global
    | .node _ _ #[keyword] => if keyword.getKind == ``Parser.Term.local then some .local else none
    | _ => none

/-- Arguments of a notation, each with its index among the children of the notation's nodes. -/
def argumentsOf : List NotationItem → Nat → List (Name × Nat) → List (Name × Nat)
  | [], _, acc => acc
  | .argument n _ :: rest, i, acc => argumentsOf rest (i + 1) ((n, i) :: acc)
  | _ :: rest, i, acc => argumentsOf rest (i + 1) acc

def argumentPlace (n : Name) : List (Name × Nat) → Option Nat
  | [] => none
  | (m, i) :: rest => if m == n then some i else argumentPlace n rest

/-- Kinds that may occur on the right side of a notation, beside other notations. -/
def notationKinds : List Name := [`null, `num, `hygieneInfo, ``Parser.Term.app, ``Parser.Term.paren, ``Parser.Term.hygienicLParen,
  ``Parser.Term.typeAscription, ``Parser.Term.tuple, ``Parser.Term.arrow, ``Parser.Term.explicit, ``Parser.Term.prop, ``Parser.Term.type]

/-- The right side of a notation, with each name resolved to the one constant that it means here; `none` if a name means
    no constant or several, a constant that runs compiled code, or a variable of a section, and if a kind is not
    accepted. -/
def resolved (st : Command.State) (v : Vetting) (gate : Gate) (arguments : List (Name × Nat)) : Nat → Syntax → Option Syntax
  | depth + 1, .node info k args =>
    if containsName k notationKinds || notationPrefix.isPrefixOf k || (isListed v k && gate.expands k) then
      match each depth args.toList #[] with
      | some args => some (.node info k args)
      | none => none
    else none
  | _, stx@(.atom ..) => some stx
  | _, .ident info raw n _ =>
    if n.isAnonymous || (argumentPlace n arguments).isSome then some (.ident info raw n [])
    else if isEvaluatorName n || containsName n.getRoot (namesIn (identsBelow (variables (scopeOf st).varDecls.toList []) []) []) then none
    else match ResolveName.resolveGlobalName st.env (scopeOf st).opts (scopeOf st).currNamespace (scopeOf st).openDecls n with
      | [(c, [])] => if isEvaluatorName c then none else some (.ident info raw n [.decl c []])
      | _ => none
  | _, _ => none
where
  each (depth : Nat) : List Syntax → Array Syntax → Option (Array Syntax)
    | [], acc => some acc
    | s :: ss, acc => match resolved st v gate arguments depth s with
      | some s => each depth ss (acc.push s)
      | none => none
  variables : List (TSyntax ``Parser.Term.bracketedBinder) → List Syntax → List Syntax
    | [], acc => acc
    | b :: bs, acc => variables bs (b.raw :: acc)
  namesIn : List Syntax → List Name → List Name
    | [], acc => acc
    | .ident _ _ n _ :: rest, acc => namesIn rest (n.getRoot :: acc)
    | _ :: rest, acc => namesIn rest acc

/-- A copy of the right side of a notation for one `use` of it, made as Lean's quotations make it: names that are not arguments get a macro
    scope, which separates them from the user's. -/
def instantiateNotation (info : SourceInfo) (rename : Name → Name) (arguments : List (Name × Nat)) (use : Syntax) : Nat → Syntax → Syntax
  | depth + 1, .node _ k args => .node info k (each depth args.toList #[])
  | _, .atom _ s => .atom info s
  | _, .ident _ raw n preresolved => match argumentPlace n arguments with
    | some i => argOf use i
    | none => .ident info raw (rename n) preresolved
  | _, s => s
where
  each (depth : Nat) : List Syntax → Array Syntax → Array Syntax
    | [], acc => acc
    | s :: ss, acc => each depth ss (acc.push (instantiateNotation info rename arguments use depth s))

def notationMacro (arguments : List (Name × Nat)) (body : Syntax) : Macro := fun stx ctx s =>
  .ok (instantiateNotation (SourceInfo.fromRef ctx.ref) (fun n => addMacroScope ctx.quotContext n ctx.currMacroScope) arguments stx (maxNotationDepth + 1) body) s

/-- The parser of a notation, and whether it begins with a token. -/
def notationParser (kind : Name) (n : Notation) : Option (Bool × ParserDescr) := match n.items with
  | .argument _ p :: rest => match sequence rest with
    | some d => some (false, .trailingNode kind (n.precedence.getD Parser.leadPrec) p d)
    | none => none
  | items => match sequence items with
    | some d => some (true, .node kind (n.precedence.getD (if endsInToken items then Parser.maxPrec else Parser.leadPrec)) d)
    | none => none
where
  itemParser : NotationItem → ParserDescr
    | .token s => .symbol s
    | .argument _ p => .cat `term p
  sequence : List NotationItem → Option ParserDescr
    | [] => none
    | item :: rest => some (after (itemParser item) rest)
  after (d : ParserDescr) : List NotationItem → ParserDescr
    | [] => d
    | item :: rest => after (.binary `andthen d (itemParser item)) rest
  endsInToken : List NotationItem → Bool
    | [] => false
    | [.token _] => true
    | _ :: rest => endsInToken rest

def tokensOf : List NotationItem → List String → List String
  | [], acc => reverseList acc []
  | .token s :: rest, acc => tokensOf rest (s :: acc)
  | _ :: rest, acc => tokensOf rest acc

/-- An environment with one more entry of an extension, global or for the current section. -/
def withEntry {α β σ : Type} (ext : ScopedEnvExtension α β σ) (scope : AttributeKind) (entry : β) (env : Environment) : Environment := match scope with
  | .local => applyOpaque₂ (@ScopedEnvExtension.addLocalEntry α β σ ext) env entry
  | _ => applyOpaque₂ (@ScopedEnvExtension.addEntry α β σ ext) env entry

def withTokens (scope : AttributeKind) : List String → Environment → Environment
  | [], env => env
  | s :: rest, env => withTokens scope rest (withEntry Parser.parserExtension scope (.token s) env)

/-- The state after a simple `notation`, `infix` or similar command; `none` for any other. -/
def declareNotation (gate : IO.Ref Gate) (v : Vetting) (st : Command.State) (stx : Syntax) : IO (Option Command.State) := do
  let state ← gate.get
  -- `infix` expands to a `notation`, which is read as data and not elaborated: its expansion needs no vetting
  gate.set { state with transparent := false }
  let command := (← expandOnce st stx).getD stx
  gate.set state
  match notationOf (if stx.getKind == ``Parser.Command.mixfix then command else stx) with
  | none => return none
  | some n =>
    let arguments := argumentsOf n.items 0 []
    let kind := notationPrefix.num st.nextMacroScope
    match resolved st v state arguments maxNotationDepth n.body, notationParser kind n with
    | some body, some (leading, description) =>
      match valuesOf (← macroAttribute.tableRef.get) with
      | (template :: _) :: _ =>
        let categories ← Parser.builtinParserCategoriesRef.get
        let parser ← (Parser.compileParserDescr categories description) { env := st.env, opts := (scopeOf st).opts }
        gate.modify fun g => { g with transparent := true }
        let entry : MacroEntry := { template with key := kind, declName := kind, value := guarded gate v kind (notationMacro arguments body) }
        let env := withTokens n.scope (tokensOf n.items []) st.env
        let env := withEntry Parser.parserExtension n.scope (.kind kind) env
        let env := withEntry Parser.parserExtension n.scope (.parser `term kind leading parser 1000) env
        return some { st with env := withEntry macroAttribute.ext n.scope entry env, nextMacroScope := st.nextMacroScope + 1 }
      | _ => return none
    | _, _ => return none

def isNotationCommand (stx : Syntax) : Bool := stx.getKind == ``Parser.Command.notation || stx.getKind == ``Parser.Command.mixfix
