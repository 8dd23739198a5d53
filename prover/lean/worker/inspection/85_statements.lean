/-! Theorems of an imported module as statements to prove. -/

/-- A name as a single identifier: `A.b.c` becomes `A_b_c`. -/
def flatIdentifier : Name → String
  | .anonymous => "library"
  | .str .anonymous s => s
  | .str p s => flatIdentifier p ++ "_" ++ s
  | .num p k => flatIdentifier p ++ "_" ++ toString k

def universeList (levels : List Name) : String := match levels with
  | [] => ""
  | n :: rest => ".{" ++ nameString n ++ go rest ++ "}"
where
  go : List Name → String
    | [] => ""
    | n :: ns => ", " ++ nameString n ++ go ns

/-- The statement of a library theorem, if its printed form elaborates to the same type again. -/
def statementOf (session : Session) (task : Task) (st : Command.State) (info : ConstantInfo) : IO (Option String) := do
  let name := flatIdentifier info.name
  let text ← renderType st info.type
  if text.utf8ByteSize > 4000 then return none
  let statement := s!"theorem {name}{universeList info.levelParams} : {text}"
  let task := { task with statement }
  let src := proofSource statement "sorry"
  match ← parseTheorem session task st src with
  | .error _ => return none
  | .ok stx =>
    let after ← runCommand session src st stx
    if hasError after.messages.toList then return none
    let kenv := after.env.toKernelEnv
    match declaredName after kenv stx with
    | none => return none
    | some declared => match kenv.find? declared with
      | some reparsed =>
        return if reparsed.type == info.type && sameNames reparsed.levelParams info.levelParams then some statement else none
      | none => return none

/-- Up to `n` entries of an array from index `i` on, last first. -/
def slice {α : Type} (xs : Array α) (default : α) : Nat → Nat → List α → List α
  | _, 0, acc => acc
  | i, n + 1, acc => if i < xs.size then slice xs default (i + 1) n (xs.getD i default :: acc) else acc

/-- Names and statements of the theorems among some library constants. -/
partial def theoremsJson (session : Session) (task : Task) (st : Command.State) (env : Environment) : List Name → Array Json → IO (Array Json)
  | [], acc => pure acc
  | n :: ns, acc => do
    if ← session.token.isSet then return acc
    match env.find? n with
    | some info =>
      if isWritten n && isLibraryTheorem env info then
        match ← statementOf session task st info with
        | some statement => theoremsJson session task st env ns (acc.push (Json.mkObj [("name", .str (nameString n)), ("statement", .str statement)]))
        | none => theoremsJson session task st env ns acc
      else theoremsJson session task st env ns acc
    | none => theoremsJson session task st env ns acc
