/-! Compiler data of the library, for files that bring code with them (a macro that splices a list, a loop in an
    `elab`). Functions that only the compiler generated (`Array.append._redArg`, …) are assigned to modules by a file
    that the WebAssembly package lacks (`.ir`). Lean looks up a function without a module among those that the present
    file generated, so they are added there. -/

/-- Whether Lean knows the modules of such functions, as natively. -/
def knowsCompiled (env : Environment) : Bool := (env.getModuleIdxFor? (.str ``Array.append "_redArg")).isSome

unsafe def entriesAsImpl {α : Type} (entries : Array EnvExtensionEntry) : List α := unsafeCast entries.toList
/-- Entries of an extension, as stored in a module's file. -/
@[implemented_by entriesAsImpl] opaque entriesAs {α : Type} (entries : Array EnvExtensionEntry) : List α

/-- `PersistentEnvExtension.modifyState` in compiled form, without its first arguments, which are types. It is called by
    its symbol, because the compiler's name for it is one of those that are missing. -/
@[extern "l_Lean_PersistentEnvExtension_modifyState___redArg", export l_Lean_PersistentEnvExtension_modifyState___redArg]
opaque modifyCompiled (ext : PersistentEnvExtension NonScalar NonScalar NonScalar) (env : Environment) (change : NonScalar → NonScalar)
    (mode : EnvExtension.AsyncMode) (declaration : Name) : Environment

unsafe def modifyExtensionImpl {α σ : Type} (ext : PersistentEnvExtension α α σ) (env : Environment) (change : σ → σ) : Environment :=
  modifyCompiled (unsafeCast ext) env (unsafeCast change) ext.toEnvExtension.asyncMode .anonymous
@[implemented_by modifyExtensionImpl] opaque modifyExtension {α σ : Type} (ext : PersistentEnvExtension α α σ) (env : Environment) (change : σ → σ) : Environment := env

/-- An environment of imports in which the entries of an extension for constants without a module count as made by the
    present file. -/
def withUnplaced {α σ : Type} (env : Environment) (ext : PersistentEnvExtension α α σ) (nameOf : α → Name) : Environment :=
  modifyExtension ext env (modules env.header.moduleData.toList)
where
  modules : List ModuleData → σ → σ
    | [], acc => acc
    | m :: ms, acc => modules ms (extensions m.entries.toList acc)
  extensions : List (Name × Array EnvExtensionEntry) → σ → σ
    | [], acc => acc
    | (n, es) :: rest, acc => extensions rest (if n == ext.name then entries (entriesAs es) acc else acc)
  entries : List α → σ → σ
    | [], acc => acc
    | e :: es, acc => entries es (if (env.getModuleIdxFor? (nameOf e)).isSome then acc else ext.addEntryFn acc e)

def withCompiled (env : Environment) : Environment :=
  if knowsCompiled env then env
  else
    let env := withUnplaced env Compiler.LCNF.baseExt (·.name)
    let env := withUnplaced env Compiler.LCNF.monoExt (·.name)
    withUnplaced env IR.declMapExt fun d => match d with
      | .fdecl (f := n) .. => n
      | .extern (f := n) .. => n

/-! Code that a file runs (`run_tac`, `evalTerm`) is type-checked in the environment of the imports. The WebAssembly
    package, a snapshot from the development of 4.28, needs a table in that environment for facts about library
    constants, which only environments derived from it have: otherwise it fails with "`realizedImportedConsts` is
    empty". An elaborator adds the table. Lean has no public way to do so: the fields are written by their positions in
    memory, if they hold the expected values. -/

/-- Fields of the package's `RealizationContext`. -/
structure RealizationFields where
  env : NonScalar
  options : NonScalar
  realized : NonScalar

/-- Fields of the package's `Environment`. -/
structure EnvironmentFields where
  base : NonScalar
  serverBase : NonScalar
  checked : NonScalar
  asyncConstants : NonScalar
  asyncContext : NonScalar
  importRealization : Option RealizationFields
  localRealizations : NonScalar
  allRealizations : NonScalar
  isExporting : Bool

unsafe def withRealizableImportsImpl (env : Environment) : Environment :=
  match knowsCompiled env, env.importEnv? with
  | false, some imports =>
    let fields : EnvironmentFields := unsafeCast env
    match fields.importRealization with
    | some context =>
      if ptrAddrUnsafe context.env == ptrAddrUnsafe imports then
        unsafeCast { fields with importRealization := some { context with env := unsafeCast env } }
      else env
    | none => env
  | _, _ => env
@[implemented_by withRealizableImportsImpl] opaque withRealizableImports (env : Environment) : Environment
