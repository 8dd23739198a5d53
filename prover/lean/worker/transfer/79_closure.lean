/-! The input of a second kernel: the constants of a proof as text, and the library constants on which they depend. -/

/-- The library in the form that a second kernel gets: definitions, inductive types and quotients in full; theorems and
    opaque constants, whose bodies may be absent, as axioms. -/
def asLibrary (env : Kernel.Environment) : Constants := fun n => match findConstant env n with
  | some (.thmInfo v) => some (.axiomInfo { toConstantVal := v.toConstantVal, isUnsafe := false })
  | some (.opaqueInfo v) => some (.axiomInfo { toConstantVal := v.toConstantVal, isUnsafe := v.isUnsafe })
  | info => info

/-- Largest size of an export in an answer, in bytes before JSON's escapes. -/
def maxExportBytes : Nat := 8388608

def namesOfJson : List Json → List Name → List Name
  | j :: rest, acc => namesOfJson rest (nameOfJson j :: acc)
  | [], acc => acc

def namesJson : List Name → Array Json → Json
  | [], acc => .arr acc
  | n :: ns, acc => namesJson ns (acc.push (nameJson n))

/-- Export of a replayed proof: its theorem and other constants with all their dependencies outside the library; the
    library constants that they mention; and those, among these and their dependencies, whose bodies are absent. -/
def exportProof (library : Environment) (source : Kernel.Environment) (name : Name) (others : List (Name × Bool)) : Json :=
  let imported := library.toKernelEnv
  let todo := (name, false) :: others
  let x := Export.new.below (constantsOf source) (fun n => (findConstant imported n).isSome) todo
  let needs := neededBelow (constantsOf imported) (constantsOf source) (visitNames todo []) {} []
  Json.mkObj [("text", .str (if x.out.utf8ByteSize ≤ maxExportBytes then x.out else "")), ("theorem", nameJson name), ("needs", namesJson needs #[]),
    ("assumed", jsonNames (absentBelow library (constantsOf imported) needs {} []) #[])]

/-- Export of library constants with all their dependencies except known ones; of the first constants only, if it would
    be too long. -/
def exportLibrary (imported : Kernel.Environment) (names known : List Name) : String :=
  let known := insertNames {} known
  go (asLibrary imported) (fun n => known.contains n) names Export.new
where
  go (source : Constants) (stop : Name → Bool) : List Name → Export → String
    | [], x => x.out
    | n :: ns, x => if x.out.utf8ByteSize * 4 > maxExportBytes then x.out else go source stop ns (x.below source stop [(n, false)])
