/-! The transparent path: syntax that is not listed, but that nothing reads except macros of imported modules (and notations of the
    request's context, 46_notation.lean). What a macro makes of it is vetted at the moment at which Lean asks for it: the macros
    of kinds that are not listed are wrapped once for each import set. A request that needs none of this is elaborated as if nothing were. -/

/-- A function of the library that the compiler must not open: some of what it is made of is not there to be linked. -/
@[noinline, nospecialize] def handed {α β : Type} (f : α → β) (a : α) : β := f a
@[noinline, nospecialize] def handed₂ {α β γ : Type} (f : α → β → γ) (a : α) (b : β) : γ := f a b

/-- What imported modules do with kinds of syntax. -/
structure Kinds where
  macros : NameHashSet
  elaborated : NameHashSet
  /-- Macros or elaborators for them wait in namespaces that may be opened at any time; those macros are not guarded. -/
  waiting : NameHashSet

/-- What was let through in the present request because macros expand it. -/
structure Gate where
  kinds : Option Kinds := none
  policy : Policy := { axioms := [], kinds := [], guard := none, holes := none, whole := false }
  /-- Nodes of expansions that may still be looked at. -/
  left : Nat := 0
  open_ : Bool := false
  /-- Why an expansion was refused that Lean had asked for. -/
  refusal : Option String := none

instance : Inhabited Gate := ⟨{}⟩

/-- Nodes of expansions that are looked at in a request, those that are met again counted again. -/
def mostExpanded : Nat := 50000

/-- Below it stand the kinds of the notations that contexts declare. -/
def notationPrefix : Name := `Leansieve.notation

/-- Whether macros of imported modules expand a kind, and nothing else looks at it. -/
def Gate.expands (gate : Gate) (k : Name) : Bool := match gate.kinds with
  | some kinds => kinds.macros.contains k && !kinds.elaborated.contains k && !kinds.waiting.contains k
  | none => false

def Gate.elaborates (gate : Gate) (k : Name) : Bool := match gate.kinds with
  | some kinds => kinds.elaborated.contains k || kinds.waiting.contains k
  | none => true

/-- Whether an identifier stands for a constant that makes Lean run compiled code, in whatever words. -/
def meansEvaluator (policy : Policy) (n : Name) (preresolved : List Syntax.Preresolved) : Bool :=
  (namesEvaluator n && !containsName n policy.axioms) || go preresolved
where
  go : List Syntax.Preresolved → Bool
    | [] => false
    | .decl n _ :: rest => if namesEvaluator n && !containsName n policy.axioms then true else go rest
    | _ :: rest => go rest

/-- A node to be looked at. `loose`: it is a part of syntax that a macro takes away, and of nothing listed inside that. `made`: it
    comes from an expansion. -/
structure Place where
  stx : Syntax
  loose : Bool
  made : Bool

def places (loose made : Bool) (args : Array Syntax) (rest : List Place) : List Place := go args.size rest
where
  go : Nat → List Place → List Place
    | 0, acc => acc
    | i + 1, acc => go i ({ stx := args.getD i .missing, loose, made } :: acc)

/-- The first node that is neither allowed nor expanded by macros; parts that only macros see are allowed. `expand` says what becomes of a
    node. Every node is looked at where it stands, too, as Lean takes some out of their places before it expands anything (`(← e)`). -/
partial def vetExpanded (v : Vetting) (gate : Gate) (expand : Syntax → BaseIO (Option Syntax)) (todo : List Place) (left : Nat) :
    BaseIO (Option Offence × Nat) := do
  match todo with
  | [] => return (none, left)
  | { stx := stx@(.ident _ _ n preresolved), .. } :: rest =>
    if meansEvaluator gate.policy n preresolved then return (some { stx, reason := s!"evaluation by compiled code ({nameString n})" }, left)
    vetExpanded v gate expand rest left
  | { stx := stx@(.node _ k args), loose, made } :: rest =>
    if made && left == 0 then return (some { stx, reason := "an expansion that large" }, 0)
    let left := if made then left - 1 else left
    if containsName k gate.policy.kinds || isListed v k then match if containsName k judgedKinds then vet v gate.policy [stx] else checkNode v gate.policy stx k with
      | some o => return (some o, left)
      | none => vetExpanded v gate expand (places (loose && k == `null) made args rest) left
    else if notationPrefix.isPrefixOf k || gate.expands k then match ← expand stx with
      | some more => vetExpanded v gate expand ({ stx := more, loose := false, made := true } :: places true made args rest) left
      | none => vetExpanded v gate expand (places true made args rest) left
    else if loose && !gate.elaborates k then vetExpanded v gate expand (places true made args rest) left
    else return (some { stx, reason := nameString k }, left)
  | _ :: rest => vetExpanded v gate expand rest left

/-- What a macro made, as it may be elaborated, or why not. -/
def admit (gate : IO.Ref Gate) (v : Vetting) (k : Name) (made : Syntax) : BaseIO (Except String Syntax) := do
  let now ← gate.get
  if !now.open_ || containsName k now.policy.kinds then return .ok made
  let (found, left) ← vetExpanded v now (fun _ => pure none) [{ stx := made, loose := false, made := true }] now.left
  let found := match found with
    | some o => some o.reason
    | none => match tooDeep made with
      | some o => some o.reason
      | none => none
  match found with
  | some why =>
    gate.set { now with left, refusal := some why }
    return .error why
  | none =>
    gate.set { now with left }
    return .ok (tamed v made)

/-- Macros are functions; what they make is judged by what the request has let through so far. -/
unsafe def admittedImpl (gate : IO.Ref Gate) (v : Vetting) (k : Name) (made : Syntax) : Except String Syntax :=
  handed (@unsafeBaseIO (Except String Syntax)) (admit gate v k made)
@[implemented_by admittedImpl, noinline] opaque admitted (gate : IO.Ref Gate) (v : Vetting) (k : Name) (made : Syntax) : Except String Syntax

def guarded (gate : IO.Ref Gate) (v : Vetting) (k : Name) (expand : Macro) : Macro := fun stx ctx s => match expand stx ctx s with
  | .ok made s => match admitted gate v k made with
    | .ok made => .ok made s
    | .error why => .error (.error stx s!"not allowed: {why}") s
  | .error e s => .error e s

abbrev MacroEntry := KeyedDeclsAttribute.AttributeEntry Macro

def guardedEntry (gate : IO.Ref Gate) (v : Vetting) (e : MacroEntry) : MacroEntry :=
  if isListed v e.key then e else { e with value := guarded gate v e.key e.value }

/-- The values of an imported map, in no order. -/
def valuesOf {ν : Type} (m : SMap Name ν) : List ν :=
  buckets m.map₁.inner.1.buckets.toList (mapNodes (fun _ v => v) [m.map₂.root] [])
where
  buckets : List (Std.DHashMap.Internal.AssocList Name (fun _ => ν)) → List ν → List ν
    | [], acc => acc
    | b :: bs, acc => buckets bs (one b acc)
  one : Std.DHashMap.Internal.AssocList Name (fun _ => ν) → List ν → List ν
    | .nil, acc => acc
    | .cons _ v rest, acc => one rest (v :: acc)

/-- An environment of imports whose macros are guarded. -/
def guardMacros (gate : IO.Ref Gate) (v : Vetting) (env : Environment) : Environment :=
  handed₂ (@ScopedEnvExtension.modifyState _ _ _ macroAttribute.ext) env fun s =>
    let guarded := tables (valuesOf s.table) { s with table := { stage₁ := false } }
    { guarded with newEntries := s.newEntries, declNames := s.declNames, erased := s.erased }
where
  tables : List (List MacroEntry) → KeyedDeclsAttribute.ExtensionState Macro → KeyedDeclsAttribute.ExtensionState Macro
    | [], acc => acc
    | es :: rest, acc => tables rest (entries (reverseList es []) acc)
  entries : List MacroEntry → KeyedDeclsAttribute.ExtensionState Macro → KeyedDeclsAttribute.ExtensionState Macro
    | [], acc => acc
    | e :: es, acc => entries es (macroAttribute.ext.descr.addEntry acc (guardedEntry gate v e))

abbrev AttributeEntries := List (ScopedEnvExtension.Entry KeyedDeclsAttribute.OLeanEntry)

/-- What a module says of an attribute, as it lies in its file. -/
unsafe def entriesOfImpl (entries : Array EnvExtensionEntry) : AttributeEntries := unsafeCast entries.toList
@[implemented_by entriesOfImpl] opaque entriesOf (entries : Array EnvExtensionEntry) : AttributeEntries

/-- The kinds that an attribute of imported modules is about, those that wait for a namespace to be opened apart. -/
structure Attributed where
  kinds : NameHashSet
  waiting : NameHashSet

def attributed {γ : Type} (attr : KeyedDeclsAttribute γ) (env : Environment) (acc : Attributed) : IO Attributed := do
  return modules attr.ext.ext.name env.header.moduleData.toList { acc with kinds := builtin (valuesOf (← attr.tableRef.get)) acc.kinds }
where
  builtin : List (List (KeyedDeclsAttribute.AttributeEntry γ)) → NameHashSet → NameHashSet
    | [], acc => acc
    | (e :: _) :: rest, acc => builtin rest (acc.insert e.key)
    | [] :: rest, acc => builtin rest acc
  modules (name : Name) : List ModuleData → Attributed → Attributed
    | [], acc => acc
    | m :: ms, acc => modules name ms (extensions name m.entries.toList acc)
  extensions (name : Name) : List (Name × Array EnvExtensionEntry) → Attributed → Attributed
    | [], acc => acc
    | (n, es) :: rest, acc => extensions name rest (if n == name then entries (entriesOf es) acc else acc)
  entries : AttributeEntries → Attributed → Attributed
    | [], acc => acc
    | .scoped _ e :: rest, acc => entries rest { acc with waiting := acc.waiting.insert e.key }
    | .global e :: rest, acc => entries rest { acc with kinds := acc.kinds.insert e.key }

def kindsOf (env : Environment) : IO Kinds := do
  let macros ← attributed macroAttribute env { kinds := {}, waiting := {} }
  let elaborated ← attributed Term.termElabAttribute env { kinds := {}, waiting := macros.waiting }
  let elaborated ← attributed Tactic.tacticElabAttribute env elaborated
  let elaborated ← attributed Command.commandElabAttribute env elaborated
  return { macros := macros.kinds, elaborated := elaborated.kinds, waiting := elaborated.waiting }

/-- What Lean's macros make of a node where a command stands that follows `st`. -/
@[noinline] def expandOnce (st : Command.State) (stx : Syntax) : BaseIO (Option Syntax) := do
  let scope := scopeOf st
  let env := st.env
  let methods := Macro.mkMethods {
    expandMacro? := fun stx ctx s => match expandMacroImpl? env stx ctx s with
      | .ok (some (_, .ok made)) s => .ok (some made) s
      | .ok (some (_, .error e)) s => .error e s
      | .ok none s => .ok none s
      | .error e s => .error e s
    hasDecl := fun n _ s => .ok (env.contains n) s
    getCurrNamespace := fun _ s => .ok scope.currNamespace s
    resolveNamespace := fun n _ s => .ok (ResolveName.resolveNamespace env scope.currNamespace scope.openDecls n) s
    resolveGlobalName := fun n _ s => .ok (ResolveName.resolveGlobalName env scope.opts scope.currNamespace scope.openDecls n) s }
  match expandMacroImpl? env stx { methods, quotContext := env.mainModule, currMacroScope := st.nextMacroScope, ref := stx } default with
  | .ok (some (_, .ok made)) _ => return some made
  | _ => return none

/-- Why a command that is not listed may not be elaborated here. Macros are tried on it, step by step, as far as the scopes before
    it go; what Lean makes of it in the end is vetted again (`guarded`). -/
def vetThrough (gate : IO.Ref Gate) (v : Vetting) (st : Command.State) (stx : Syntax) : BaseIO (Option Offence) := do
  let now ← gate.get
  gate.set { now with open_ := false }  -- what comes out is vetted here
  let (found, left) ← vetExpanded v now (expandOnce st) [{ stx, loose := false, made := false }] now.left
  gate.set (if found.isSome then now else { now with left, open_ := true })
  match found with
  | some o => return some o
  | none => return tooDeep stx
