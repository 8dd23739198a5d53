/-! The digest of a proof's term: if Lean elaborates two texts to one term, they have one digest. It affects no verdict.

    Names that a person or Lean chose do not count: those of bound variables, of universe parameters, and of the
    constants that context and candidate declare, which are represented by their content. Annotations do not count. The
    library is represented by names, and so are types and axioms, even those of the candidate.

    Lean keeps a hash of 32 bits with each term, on which names of binders have no influence. The digest consists of two
    hashes, each of the term with another universe at all its constants, so that two terms collide by chance once in 2⁶⁴
    pairs. Such terms can be made on purpose: that would falsify the count of distinct proofs, and nothing else. -/

/-- Limits, beyond which there is no digest: the number of nodes of a term and its dependencies, the number of the
    candidate's constants, the depth of their dependencies, and the depth of annotations inside annotations. -/
def maxTermNodes : Nat := 100000
def maxTermConstants : Nat := 1024
def maxTermConstantDepth : Nat := 64
def maxAnnotationDepth : Nat := 16

/-- Constants under names that represent their content; `remaining` nodes may still be visited. `exceeded`: a limit was
    reached. -/
structure Marking where
  names : Table Name Name := .empty
  remaining : Nat := maxTermNodes
  exceeded : Bool := false

def salt : Name := .str .anonymous "_leansieve_salt"

/-- Placeholder for an annotation: a closed term has no free variable, and Lean knows of every term whether it has
    one. -/
def annotationMet : Expr := .fvar ⟨salt⟩

/-- A term with one more universe at each constant, and with the candidate's constants under their marked names. -/
def Marking.mark (m : Marking) (e : Expr) : Expr :=
  if m.names.size == 0 then e.replace fun
    | .const n levels => some (.const n (.param salt :: levels))
    | .mdata .. => some annotationMet
    | _ => none
  else e.replace fun
    | .const n levels => match m.names.find? nameKey n with
      | some known => some (.const known (.param salt :: levels))
      | none => some (.const n (.param salt :: levels))
    | .mdata .. => some annotationMet
    | _ => none

/-- A marked term without annotations; `none` if they are nested too deeply. -/
def Marking.marked (m : Marking) : Nat → Expr → Option Expr
  | 0, _ => none
  | k + 1, e =>
    let marked := m.mark e
    if !marked.hasFVar then some marked else m.marked k (e.replace fun
      | .mdata _ b => some b
      | _ => none)

/-- Two hashes of a marked term. -/
def hashesOf (levels : List Name) (e : Expr) : List Nat :=
  let e := match levels with
    | [] => e
    | _ => e.instantiateLevelParams levels (numberedLevels levels 0)
  [e.hash.toNat, (e.instantiateLevelParams [salt] [.zero]).hash.toNat]

def nameOfHashes : List Nat → Name → Name
  | [], n => n
  | h :: rest, n => nameOfHashes rest (.num n h)

/-- The part of a constant that counts: the proof of a theorem, the value of a definition. -/
def bodyOf : ConstantInfo → Option Expr
  | .thmInfo v => some v.value
  | .defnInfo v => if v.safety == .safe then some v.value else none
  | _ => none

/-- Hashes of a constant's body, after those of its dependencies. Imported constants are represented by their names. -/
def hashesBelow (imported : Kernel.Environment) (source : Constants) : Nat → Name → Marking → IO (Option (List Nat) × Marking)
  | 0, _, m => pure (none, { m with exceeded := true })
  | depth + 1, n, m => do
    match source n with
    | none => pure (none, m)
    | some info => match bodyOf info with
      | none => pure (none, m)
      | some body => do
        let nodes ← body.numObjs
        if nodes > m.remaining || m.names.size ≥ maxTermConstants then return (none, { m with exceeded := true })
        let m ← below depth body.getUsedConstants.toList { m with remaining := m.remaining - nodes }
        if m.exceeded then return (none, m)
        match m.marked maxAnnotationDepth body with
        | none => pure (none, { m with exceeded := true })
        | some body => pure (some (hashesOf info.levelParams body), m)
where
  below (depth : Nat) : List Name → Marking → IO Marking
    | [], m => pure m
    | n :: rest, m => do
      if m.exceeded || (imported.find? n).isSome || (m.names.find? nameKey n).isSome then below depth rest m
      else match ← hashesBelow imported source depth n m with
        | (some hashes, m) => below depth rest { m with names := m.names.add nameKey n (nameOfHashes hashes salt) }
        | (none, m) => below depth rest m

/-- The last `k` digits of a number in hexadecimal. -/
def hexDigits : Nat → Nat → String → String
  | 0, _, acc => acc
  | k + 1, n, acc => hexDigits k (n / 16) ((Nat.digitChar (n % 16)).toString ++ acc)

/-- The digest of a theorem's proof; `none` beyond a limit. -/
def termDigest (library : Environment) (source : Constants) (name : Name) : IO (Option String) := do
  let imported := library.toKernelEnv
  match ← hashesBelow imported source maxTermConstantDepth name {} with
  | (some hashes, _) => pure (some (joinHashes hashes ""))
  | _ => pure none
where
  joinHashes : List Nat → String → String
    | [], acc => acc
    | h :: rest, acc => joinHashes rest (acc ++ hexDigits 8 h "")
