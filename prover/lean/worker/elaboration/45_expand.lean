/-! The transparent path: syntax that is not listed, but that only macros of imported modules process (or notations of
    the request's context, 46_notation.lean). The result of a macro is vetted when Lean asks for it: the macros of kinds
    that are not listed are wrapped once for each import set. A request that needs none of this is elaborated as if
    there were no wrapping. -/

/-- Calls a library function that the compiler must not inline: some of its parts are missing from the library and
    cannot be linked. -/
@[noinline, nospecialize] def applyOpaque {α β : Type} (f : α → β) (a : α) : β := f a
@[noinline, nospecialize] def applyOpaque₂ {α β γ : Type} (f : α → β → γ) (a : α) (b : β) : γ := f a b

/-- Kinds of syntax that imported modules process: with macros, or with elaborators. -/
structure Kinds where
  macros : NameHashSet
  elaborated : NameHashSet
  /-- Kinds with macros or elaborators in namespaces that may be opened at any time. These macros are not guarded. -/
  namespaced : NameHashSet

/-- State of the transparent path during one request. `transparent`: the request uses the path, so the results of guarded
    macros are vetted. -/
structure Gate where
  kinds : Option Kinds := none
  policy : Policy := { axioms := [], kinds := [], guard := none, holes := none, whole := false }
  /-- Number of nodes of expansions that may still be vetted. -/
  remaining : Nat := 0
  transparent : Bool := false
  /-- Reason for refusing an expansion that Lean asked for. -/
  refusal : Option String := none

instance : Inhabited Gate := ⟨{}⟩

/-- Largest number of nodes of expansions that are vetted in one request. A node that is vetted twice counts twice. -/
def maxExpandedNodes : Nat := 50000

/-- Prefix of the kinds of the notations that contexts declare. -/
def notationPrefix : Name := `Leansieve.notation

/-- Whether macros of imported modules expand a kind, and nothing else processes it. -/
def Gate.expands (gate : Gate) (k : Name) : Bool := match gate.kinds with
  | some kinds => kinds.macros.contains k && !kinds.elaborated.contains k && !kinds.namespaced.contains k
  | none => false

def Gate.elaborates (gate : Gate) (k : Name) : Bool := match gate.kinds with
  | some kinds => kinds.elaborated.contains k || kinds.namespaced.contains k
  | none => true

/-- Whether an identifier means a constant that makes Lean run compiled code, by its own name or by a resolved one. -/
def meansEvaluator (policy : Policy) (n : Name) (preresolved : List Syntax.Preresolved) : Bool :=
  (isEvaluatorName n && !containsName n policy.axioms) || go preresolved
where
  go : List Syntax.Preresolved → Bool
    | [] => false
    | .decl n _ :: rest => if isEvaluatorName n && !containsName n policy.axioms then true else go rest
    | _ :: rest => go rest

/-- A node to be vetted. `underMacro`: it belongs to syntax that a macro removes, and to no listed syntax inside that.
    `expanded`: it comes from an expansion. -/
structure PendingNode where
  stx : Syntax
  underMacro : Bool
  expanded : Bool

def pendingNodes (underMacro expanded : Bool) (args : Array Syntax) (rest : List PendingNode) : List PendingNode := go args.size rest
where
  go : Nat → List PendingNode → List PendingNode
    | 0, acc => acc
    | i + 1, acc => go i ({ stx := args.getD i .missing, underMacro, expanded } :: acc)

/-- The first node that is neither allowed nor expanded by macros, and the number of nodes that may still be vetted.
    Parts that only macros see are allowed. `expand` gives the expansion of a node. Every node is also vetted in its
    place, because Lean takes some nodes out of their places before it expands anything (`(← e)`). -/
partial def vetExpanded (v : Vetting) (gate : Gate) (expand : Syntax → BaseIO (Option Syntax)) (todo : List PendingNode) (remaining : Nat) :
    BaseIO (Option Offence × Nat) := do
  match todo with
  | [] => return (none, remaining)
  | { stx := stx@(.ident _ _ n preresolved), .. } :: rest =>
    if meansEvaluator gate.policy n preresolved then return (some { stx, reason := s!"evaluation by compiled code ({nameString n})" }, remaining)
    vetExpanded v gate expand rest remaining
  | { stx := stx@(.node _ k args), underMacro, expanded } :: rest =>
    if expanded && remaining == 0 then return (some { stx, reason := s!"an expansion of macros to more than {maxExpandedNodes} nodes" }, 0)
    let remaining := if expanded then remaining - 1 else remaining
    if containsName k gate.policy.kinds || isListed v k then match if containsName k inspectedKinds then vet v gate.policy [stx] else checkNode v gate.policy stx k with
      | some o => return (some o, remaining)
      | none => vetExpanded v gate expand (pendingNodes (underMacro && k == `null) expanded args rest) remaining
    else if notationPrefix.isPrefixOf k || gate.expands k then match ← expand stx with
      | some expansion => vetExpanded v gate expand ({ stx := expansion, underMacro := false, expanded := true } :: pendingNodes true expanded args rest) remaining
      | none => vetExpanded v gate expand (pendingNodes true expanded args rest) remaining
    else if underMacro && !gate.elaborates k then vetExpanded v gate expand (pendingNodes true expanded args rest) remaining
    else return (some { stx, reason := nameString k }, remaining)
  | _ :: rest => vetExpanded v gate expand rest remaining

/-- The result of a macro in the form in which it may be elaborated, or the reason for refusing it. -/
def admit (gate : IO.Ref Gate) (v : Vetting) (k : Name) (expansion : Syntax) : BaseIO (Except String Syntax) := do
  let state ← gate.get
  if !state.transparent || containsName k state.policy.kinds then return .ok expansion
  let (found, remaining) ← vetExpanded v state (fun _ => pure none) [{ stx := expansion, underMacro := false, expanded := true }] state.remaining
  let found := match found with
    | some o => some o.reason
    | none => match tooDeep expansion with
      | some o => some o.reason
      | none => none
  match found with
  | some reason =>
    gate.set { state with remaining, refusal := some reason }
    return .error reason
  | none =>
    gate.set { state with remaining }
    return .ok (sanitised v expansion)

/-- `admit` as a pure function, as a macro is one. Its result depends on the state of the gate at the time of the
    call. -/
unsafe def admittedImpl (gate : IO.Ref Gate) (v : Vetting) (k : Name) (expansion : Syntax) : Except String Syntax :=
  applyOpaque (@unsafeBaseIO (Except String Syntax)) (admit gate v k expansion)
@[implemented_by admittedImpl, noinline] opaque admitted (gate : IO.Ref Gate) (v : Vetting) (k : Name) (expansion : Syntax) : Except String Syntax

def guarded (gate : IO.Ref Gate) (v : Vetting) (k : Name) (expand : Macro) : Macro := fun stx ctx s => match expand stx ctx s with
  | .ok expansion s => match admitted gate v k expansion with
    | .ok expansion => .ok expansion s
    | .error reason => .error (.error stx s!"not allowed: {reason}") s
  | .error e s => .error e s

abbrev MacroEntry := KeyedDeclsAttribute.AttributeEntry Macro

def guardedEntry (gate : IO.Ref Gate) (v : Vetting) (e : MacroEntry) : MacroEntry :=
  if isListed v e.key then e else { e with value := guarded gate v e.key e.value }

/-- Values of an imported map, in no particular order. -/
def valuesOf {ν : Type} (m : SMap Name ν) : List ν :=
  buckets m.map₁.inner.1.buckets.toList (mapNodes (fun _ v => v) [m.map₂.root] [])
where
  buckets : List (Std.DHashMap.Internal.AssocList Name (fun _ => ν)) → List ν → List ν
    | [], acc => acc
    | b :: bs, acc => buckets bs (bucket b acc)
  bucket : Std.DHashMap.Internal.AssocList Name (fun _ => ν) → List ν → List ν
    | .nil, acc => acc
    | .cons _ v rest, acc => bucket rest (v :: acc)

/-- An environment of imports whose macros for kinds that are not listed are guarded. -/
def guardMacros (gate : IO.Ref Gate) (v : Vetting) (env : Environment) : Environment :=
  applyOpaque₂ (@ScopedEnvExtension.modifyState _ _ _ macroAttribute.ext) env fun s =>
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

/-- Entries of an attribute in a module, as stored in its file. -/
unsafe def entriesOfImpl (entries : Array EnvExtensionEntry) : AttributeEntries := unsafeCast entries.toList
@[implemented_by entriesOfImpl] opaque entriesOf (entries : Array EnvExtensionEntry) : AttributeEntries

/-- Kinds to which imported modules attach an attribute. `namespaced` are those with an entry that takes effect when a
    namespace is opened. -/
structure Attributed where
  kinds : NameHashSet
  namespaced : NameHashSet

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
    | .scoped _ e :: rest, acc => entries rest { acc with namespaced := acc.namespaced.insert e.key }
    | .global e :: rest, acc => entries rest { acc with kinds := acc.kinds.insert e.key }

def kindsOf (env : Environment) : IO Kinds := do
  let macros ← attributed macroAttribute env { kinds := {}, namespaced := {} }
  let elaborated ← attributed Term.termElabAttribute env { kinds := {}, namespaced := macros.namespaced }
  let elaborated ← attributed Tactic.tacticElabAttribute env elaborated
  let elaborated ← attributed Command.commandElabAttribute env elaborated
  return { macros := macros.kinds, elaborated := elaborated.kinds, namespaced := elaborated.namespaced }

/-- Expands a node once with Lean's macros, as at the position of a command that follows `st`. -/
@[noinline] def expandOnce (st : Command.State) (stx : Syntax) : BaseIO (Option Syntax) := do
  let scope := scopeOf st
  let env := st.env
  let methods := Macro.mkMethods {
    expandMacro? := fun stx ctx s => match expandMacroImpl? env stx ctx s with
      | .ok (some (_, .ok expansion)) s => .ok (some expansion) s
      | .ok (some (_, .error e)) s => .error e s
      | .ok none s => .ok none s
      | .error e s => .error e s
    hasDecl := fun n _ s => .ok (env.contains n) s
    getCurrNamespace := fun _ s => .ok scope.currNamespace s
    resolveNamespace := fun n _ s => .ok (ResolveName.resolveNamespace env scope.currNamespace scope.openDecls n) s
    resolveGlobalName := fun n _ s => .ok (ResolveName.resolveGlobalName env scope.opts scope.currNamespace scope.openDecls n) s }
  match expandMacroImpl? env stx { methods, quotContext := env.mainModule, currMacroScope := st.nextMacroScope, ref := stx } default with
  | .ok (some (_, .ok expansion)) _ => return some expansion
  | _ => return none

/-- The offence of a command with syntax that is not listed, if macros do not account for all of it. The expansion is
    rehearsed step by step, with the scopes in front of the command; the expansions that Lean asks for during
    elaboration are vetted again (`guarded`). -/
def vetWithMacros (gate : IO.Ref Gate) (v : Vetting) (st : Command.State) (stx : Syntax) : BaseIO (Option Offence) := do
  let state ← gate.get
  gate.set { state with transparent := false }  -- the results of this rehearsal are vetted here
  let (found, remaining) ← vetExpanded v state (expandOnce st) [{ stx, underMacro := false, expanded := false }] state.remaining
  gate.set (if found.isSome then state else { state with remaining, transparent := true })
  match found with
  | some o => return some o
  | none => return tooDeep stx
