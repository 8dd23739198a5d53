/-! What a verified proof rests on in the library. It decides no verdict: the library is trusted. -/

/-- Where the body of a constant of the library is: loaded with it, in a part that is not loaded, or, of an axiom, nowhere. -/
inductive BodyPlace where
  | here
  | elsewhere
  | none

def placeOfBody (env : Environment) (n : Name) : ConstantInfo → BodyPlace
  | .axiomInfo _ => match getOriginalConstKind? env n with
    | some .axiom => .none
    -- a projection rests on its structure alone, which its type mentions
    | _ => if env.isProjectionFn n then .here else .elsewhere
  | _ => .here

/-- The constant that stands for all those that are declared together. -/
def leaderOf (source : Constants) (info : ConstantInfo) : Name := match blockOf source info with
  | n :: _ => n
  | [] => info.name

/-- The constants that a constant mentions, or all those do that are declared together with it. -/
def restsOn (source : Constants) (info : ConstantInfo) : List Name := match blockOf source info with
  | [] => mentions info
  | types => mentionsOf source (constructorsOf source types types) []

/-- Names of which none is there twice. -/
def union : List Name → List Name → List Name
  | [], acc => acc
  | n :: ns, acc => union ns (if containsName n acc then acc else n :: acc)

/-- What some constants rest on together, as far as it is known. -/
def together (source : Constants) (known : Table Name Ground) : List Name → Ground → Ground
  | [], acc => acc
  | n :: ns, acc =>
    let leader := match source n with
      | some info => leaderOf source info
      | none => n
    match known.find? nameKey leader with
    | some g => together source known ns { axioms := union g.axioms acc.axioms, complete := acc.complete && g.complete }
    | none => together source known ns acc

/-- Find out what constants rest on, dependencies first; a name that comes back marked has its dependencies in `known`. -/
partial def settle (env : Environment) (source : Constants) (todo : List (Name × Bool)) (begun : NameHashSet) (known : Table Name Ground) : Table Name Ground := match todo with
  | [] => known
  | (n, visited) :: rest => match source n with
    | none => settle env source rest begun known
    | some info =>
      if visited then
        settle env source rest begun (known.add nameKey n (together source known (restsOn source info) { axioms := [], complete := true }))
      else
        let leader := leaderOf source info
        if leader != n then settle env source ((leader, false) :: rest) begun known
        else if begun.contains n || (known.find? nameKey n).isSome then settle env source rest begun known
        else if containsName n standardAxioms || containsName n hollowAxioms then
          settle env source rest begun (known.add nameKey n { axioms := [n], complete := true })
        else match placeOfBody env n info with
          | .none => settle env source rest begun (known.add nameKey n { axioms := [n], complete := true })
          | .elsewhere => settle env source rest begun (known.add nameKey n { axioms := [], complete := false })
          | .here => settle env source (replay.pushAll (restsOn source info) false ((n, true) :: rest)) (begun.insert n) known

/-- The constants of `imported` that `todo` mentions, directly or through constants that are not imported. -/
partial def neededBelow (imported source : Constants) (todo : List Name) (seen : NameHashSet) (found : List Name) : List Name := match todo with
  | [] => found
  | n :: rest =>
    if seen.contains n then neededBelow imported source rest seen found else
    let seen := seen.insert n
    if (imported n).isSome then neededBelow imported source rest seen (n :: found)
    else match source n with
      | some info => neededBelow imported source (pushNames (mentions info) rest) seen found
      | none => neededBelow imported source rest seen found

/-- Those of some library constants whose bodies are absent, and those below them. -/
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

/-- What a proof was audited for, and what the library adds to that: the whole set of axioms, if the ground is complete. `imported` is
    the library, `names` what is to be accounted for. -/
def Session.groundOf (session : Session) (key : String) (imported : Environment) (source : Constants) (names : List Name) (audited : List Name) : IO Ground := do
  let library := constantsOf imported.toKernelEnv
  let roots := neededBelow library source names {} []
  let kept := (recall key (← session.grounds.get)).getD {}
  let (loud, complete) := heard kept roots [] true
  match loud with
  | [] => pure { axioms := audited, complete }
  | _ =>
    let known := match unknown kept.known loud [] with
      | [] => kept.known
      | fresh => alsoCalled library fresh (settle imported library (unvisited fresh []) {} kept.known)
    session.grounds.set (remember 2 key (sorted loud { kept with known }) (← session.grounds.get))
    pure (gathered known loud { axioms := audited, complete })
where
  /-- Those that are not known to rest on no axiom, in order, and whether all below the others could be followed. -/
  heard (kept : Grounds) : List Name → List Name → Bool → List Name × Bool
    | [], acc, complete => (reverseList acc [], complete)
    | n :: ns, acc, complete =>
      if kept.silent.contains n then heard kept ns acc complete
      else if kept.absent.contains n then heard kept ns acc false
      else heard kept ns (n :: acc) complete
  sorted : List Name → Grounds → Grounds
    | [], kept => kept
    | n :: ns, kept => sorted ns (match kept.known.find? nameKey n with
      | some { axioms := [], complete } =>
        if complete then { kept with silent := kept.silent.insert n } else { kept with absent := kept.absent.insert n }
      | _ => kept)
  unvisited : List Name → List (Name × Bool) → List (Name × Bool)
    | [], acc => acc
    | n :: ns, acc => unvisited ns ((n, false) :: acc)
  unknown (known : Table Name Ground) : List Name → List Name → List Name
    | [], acc => acc
    | n :: ns, acc => unknown known ns (if (known.find? nameKey n).isSome then acc else n :: acc)
  /-- Names of constants that are known by what stands for them: the next proof that mentions them finds them at once. -/
  alsoCalled (source : Constants) : List Name → Table Name Ground → Table Name Ground
    | [], known => known
    | n :: ns, known => alsoCalled source ns (if (known.find? nameKey n).isSome then known else
        known.add nameKey n (together source known [n] { axioms := [], complete := true }))
  gathered (known : Table Name Ground) : List Name → Ground → Ground
    | [], acc => acc
    | n :: ns, acc => match known.find? nameKey n with
      | some g => gathered known ns { axioms := union g.axioms acc.axioms, complete := acc.complete && g.complete }
      | none => gathered known ns acc
