/-! The calls whose form differs, or is most likely to differ, between the versions of Lean that the worker runs on, all
    in one file (docs/native.md, "Versions of Lean"). Lean 4.35 exports every other function that the worker calls under
    its name in 4.28. -/

/-- Type-checks a declaration in the kernel and adds it. Up to 4.32, only the stack limits the kernel's recursion; later
    versions limit it to 16 times `maxRecDepth` (lean4#13956). `addDecl` is called because it takes that number from the
    options in every version; `addDeclCore` has an additional argument for it. -/
@[noinline] def kernelAdd (env : Kernel.Environment) (opts : Options) (token : IO.CancelToken) (decl : Declaration) :
    Except Kernel.Exception Kernel.Environment := env.addDecl opts decl (some token)

/-- The environment of some modules with their whole content, whether or not they are declared as `module`. -/
def importLibrary (imports : List Import) : IO Environment := importModules imports.toArray {} 0 (loadExts := true)

/-- A text as input of Lean's parser. -/
def inputOf (text fileName : String) : Parser.InputContext :=
  Parser.InputContext.mk' text fileName (FileMap.ofString text) text.rawEndPos (by simp)
