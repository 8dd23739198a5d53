/-! The ground of a verified proof: the axioms on which it depends through the library. It affects no verdict, because
    the library is trusted. -/

/-- The place of a library constant's body: loaded with the constant, in a part of the library that is not loaded, or,
    for an axiom, nowhere. -/
inductive BodyPlace where
  | here
  | elsewhere
  | none

def placeOfBody (env : Environment) (n : Name) : ConstantInfo → BodyPlace
  | .axiomInfo _ => match getOriginalConstKind? env n with
    | some .axiom => .none
    -- a projection depends on its structure alone, which its type mentions
    | _ => if env.isProjectionFn n then .here else .elsewhere
  | _ => .here

/-- The constant that represents all those that are declared together. -/
def representativeOf (source : Constants) (info : ConstantInfo) : Name := match blockOf source info with
  | n :: _ => n
  | [] => info.name

/-- Constants that a constant mentions, or any constant that is declared together with it. -/
def dependenciesOf (source : Constants) (info : ConstantInfo) : List Name := match blockOf source info with
  | [] => mentions info
  | types => mentionsOf source (constructorsOf source types types) []

/-- The elements of two lists, without duplicates. -/
def union : List Name → List Name → List Name
  | [], acc => acc
  | n :: ns, acc => union ns (if containsName n acc then acc else n :: acc)

/-- The union of the grounds of some constants, as far as they are known. -/
def unionOfGrounds (source : Constants) (known : Table Name Ground) : List Name → Ground → Ground
  | [], acc => acc
  | n :: ns, acc =>
    let representative := match source n with
      | some info => representativeOf source info
      | none => n
    match known.find? nameKey representative with
    | some g => unionOfGrounds source known ns { axioms := union g.axioms acc.axioms, complete := acc.complete && g.complete }
    | none => unionOfGrounds source known ns acc

/-- Computes the grounds of constants, dependencies first. A name returns marked to the list after its dependencies,
    whose grounds are then in `known`. -/
partial def computeGrounds (env : Environment) (source : Constants) (todo : List (Name × Bool)) (started : NameHashSet) (known : Table Name Ground) : Table Name Ground := match todo with
  | [] => known
  | (n, visited) :: rest => match source n with
    | none => computeGrounds env source rest started known
    | some info =>
      if visited then
        computeGrounds env source rest started (known.add nameKey n (unionOfGrounds source known (dependenciesOf source info) { axioms := [], complete := true }))
      else
        let representative := representativeOf source info
        if representative != n then computeGrounds env source ((representative, false) :: rest) started known
        else if started.contains n || (known.find? nameKey n).isSome then computeGrounds env source rest started known
        else if containsName n standardAxioms || containsName n hollowAxioms then
          computeGrounds env source rest started (known.add nameKey n { axioms := [n], complete := true })
        else match placeOfBody env n info with
          | .none => computeGrounds env source rest started (known.add nameKey n { axioms := [n], complete := true })
          | .elsewhere => computeGrounds env source rest started (known.add nameKey n { axioms := [], complete := false })
          | .here => computeGrounds env source (pushVisits (dependenciesOf source info) false ((n, true) :: rest)) (started.insert n) known

/-- Constants of `imported` that `todo` mention, directly or through constants that are not imported. -/
partial def neededBelow (imported source : Constants) (todo : List Name) (seen : NameHashSet) (found : List Name) : List Name := match todo with
  | [] => found
  | n :: rest =>
    if seen.contains n then neededBelow imported source rest seen found else
    let seen := seen.insert n
    if (imported n).isSome then neededBelow imported source rest seen (n :: found)
    else match source n with
      | some info => neededBelow imported source (pushNames (mentions info) rest) seen found
      | none => neededBelow imported source rest seen found

/-- Library constants whose bodies are not loaded, among `todo` and their dependencies. -/
partial def absentBelow (env : Environment) (source : Constants) (todo : List Name) (seen : NameHashSet) (found : List Name) : List Name := match todo with
  | [] => found
  | n :: rest =>
    if seen.contains n then absentBelow env source rest seen found else
    let seen := seen.insert n
    if containsName n standardAxioms || containsName n hollowAxioms then absentBelow env source rest seen found
    else match source n with
    | none => absentBelow env source rest seen found
    | some info => match placeOfBody env n info with
      | .none => absentBelow env source rest seen found
      | .elsewhere => absentBelow env source rest seen (n :: found)
      | .here => absentBelow env source (pushNames (mentions info) rest) seen found

/-- The ground of a verified proof: the axioms found by the audit and those that the library adds; all axioms, if it is
    complete. `imported` is the library, `names` are the constants to account for. -/
def Session.groundOf (session : Session) (key : String) (imported : Environment) (source : Constants) (names : List Name) (audited : List Name) : IO Ground := do
  let library := constantsOf imported.toKernelEnv
  let roots := neededBelow library source names {} []
  let cached := (recall key (← session.grounds.get)).getD {}
  let (dependent, complete) := splitDependent cached roots [] true
  match dependent with
  | [] => pure { axioms := audited, complete }
  | _ =>
    let known := match unknown cached.known dependent [] with
      | [] => cached.known
      | unknownNames => underOwnNames library unknownNames (computeGrounds imported library (pushVisits unknownNames false []) {} cached.known)
    session.grounds.set (remember 2 key (classified dependent { cached with known }) (← session.grounds.get))
    pure (totalGround known dependent { axioms := audited, complete })
where
  /-- Constants that may depend on an axiom, in order, and whether all dependencies of the others were followed. -/
  splitDependent (cached : Grounds) : List Name → List Name → Bool → List Name × Bool
    | [], acc, complete => (reverseList acc [], complete)
    | n :: ns, acc, complete =>
      if cached.axiomFree.contains n then splitDependent cached ns acc complete
      else if cached.incompleteAxiomFree.contains n then splitDependent cached ns acc false
      else splitDependent cached ns (n :: acc) complete
  classified : List Name → Grounds → Grounds
    | [], cached => cached
    | n :: ns, cached => classified ns (match cached.known.find? nameKey n with
      | some { axioms := [], complete } =>
        if complete then { cached with axiomFree := cached.axiomFree.insert n } else { cached with incompleteAxiomFree := cached.incompleteAxiomFree.insert n }
      | _ => cached)
  unknown (known : Table Name Ground) : List Name → List Name → List Name
    | [], acc => acc
    | n :: ns, acc => unknown known ns (if (known.find? nameKey n).isSome then acc else n :: acc)
  /-- Adds the grounds of constants under their own names, beside those of the constants that represent them: the next
      proof that mentions them finds them at once. -/
  underOwnNames (source : Constants) : List Name → Table Name Ground → Table Name Ground
    | [], known => known
    | n :: ns, known => underOwnNames source ns (if (known.find? nameKey n).isSome then known else
        known.add nameKey n (unionOfGrounds source known [n] { axioms := [], complete := true }))
  totalGround (known : Table Name Ground) : List Name → Ground → Ground
    | [], acc => acc
    | n :: ns, acc => match known.find? nameKey n with
      | some g => totalGround known ns { axioms := union g.axioms acc.axioms, complete := acc.complete && g.complete }
      | none => totalGround known ns acc
