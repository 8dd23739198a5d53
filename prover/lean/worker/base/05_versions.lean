/-! What differs, or is likeliest to, between the versions of Lean that the worker runs on, in one place: docs/native.md, "Versions of Lean",
    has what is known of each. Whatever else it calls, Lean 4.35 exports under the name that 4.28 has for it. -/

/-- Have the kernel check a declaration and add it. Up to 4.32 its recursion ends with the stack, then at 16 times
    `maxRecDepth` (lean4#13956); `addDecl` takes that out of the options in every version, `addDeclCore` as an argument more. -/
@[noinline] def kernelAdd (env : Kernel.Environment) (opts : Options) (token : IO.CancelToken) (decl : Declaration) :
    Except Kernel.Exception Kernel.Environment := env.addDecl opts decl (some token)

/-- The environment of modules, with all that they hold, whether they are a `module` or not. -/
def importLibrary (imports : List Import) : IO Environment := importModules imports.toArray {} 0 (loadExts := true)

/-- A text as Lean's parser reads it. -/
def inputOf (text fileName : String) : Parser.InputContext :=
  Parser.InputContext.mk' text fileName (FileMap.ofString text) text.rawEndPos (by simp)
