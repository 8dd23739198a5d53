/-! What a second kernel needs of a proof: its constants as text, and those of the library that they rest on. -/

/-- The library as a second kernel takes it: definitions, inductive types and quotients whole, theorems and opaque constants,
    whose bodies may be absent, as axioms of the library. -/
def asLibrary (env : Kernel.Environment) : Constants := fun n => match lookIn env n with
  | some (.thmInfo v) => some (.axiomInfo { toConstantVal := v.toConstantVal, isUnsafe := false })
  | some (.opaqueInfo v) => some (.axiomInfo { toConstantVal := v.toConstantVal, isUnsafe := v.isUnsafe })
  | info => info

/-- Longest text that an answer holds, in bytes; escapes make it longer on its way. -/
def longestExport : Nat := 8388608

def namesOfJson : List Json → List Name → List Name
  | j :: rest, acc => namesOfJson rest (nameOfJson j :: acc)
  | [], acc => acc

def namesJson : List Name → Array Json → Json
  | [], acc => .arr acc
  | n :: ns, acc => namesJson ns (acc.push (nameJson n))

/-- A proof that was replayed: its theorem and other constants, all that these rest on, which library constants they mention, and which
    of those, and below them, are there without a body. -/
def exportProof (library : Environment) (source : Kernel.Environment) (name : Name) (others : List (Name × Bool)) : Json :=
  let imported := library.toKernelEnv
  let todo := (name, false) :: others
  let x := Export.new.below (constantsOf source) (fun n => (lookIn imported n).isSome) todo
  let needs := neededBelow (constantsOf imported) (constantsOf source) (plain todo []) {} []
  Json.mkObj [("text", .str (if x.out.utf8ByteSize ≤ longestExport then x.out else "")), ("theorem", nameJson name), ("needs", namesJson needs #[]),
    ("assumed", jsonNames (absentBelow library (constantsOf imported) needs {} []) #[])]
where
  plain : List (Name × Bool) → List Name → List Name
    | [], acc => acc
    | (n, _) :: rest, acc => plain rest (n :: acc)

/-- Library constants with all that they rest on, but for those that are known already; the first of them, if all would be too long. -/
def exportLibrary (imported : Kernel.Environment) (names known : List Name) : String :=
  let known := insertNames {} known
  go (asLibrary imported) (fun n => known.contains n) names Export.new
where
  go (source : Constants) (stop : Name → Bool) : List Name → Export → String
    | [], x => x.out
    | n :: ns, x => if x.out.utf8ByteSize * 4 > longestExport then x.out else go source stop ns (x.below source stop [(n, false)])
