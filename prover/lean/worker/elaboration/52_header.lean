/-! The header of a theorem, what stands before the `:=`, elaborated once for all its candidates. Lean itself takes over what it made
    of a header that has not changed, as in an editor, from a snapshot; here that is always the snapshot of the reference. What Lean
    says goes into snapshots, too, and is put together again. -/

unsafe def parsedInImpl (snap : Language.DynamicSnapshot) : Option DefsParsedSnapshot :=
  let (type, value) : Name × NonScalar := unsafeCast snap.val
  if type == ``DefsParsedSnapshot then some (unsafeCast value) else none
/-- `DynamicSnapshot.toTyped?`, of which the WebAssembly library lacks a part. -/
@[implemented_by parsedInImpl] opaque parsedIn (snap : Language.DynamicSnapshot) : Option DefsParsedSnapshot

unsafe def withParsedImpl (snap : Language.DynamicSnapshot) (parsed : DefsParsedSnapshot) : Language.DynamicSnapshot :=
  let (type, _) : Name × NonScalar := unsafeCast snap.val
  { val := unsafeCast (type, (unsafeCast parsed : NonScalar)), tree := Thunk.pure { element := { desc := "", diagnostics := .empty }, children := #[] } }
/-- A snapshot with another value of the same type. It reports nothing and leads to nothing that could be cancelled. -/
@[implemented_by withParsedImpl] opaque withParsed (snap : Language.DynamicSnapshot) (parsed : DefsParsedSnapshot) : Language.DynamicSnapshot

unsafe def emptySnapshotImpl : Language.DynamicSnapshot :=
  { val := unsafeCast ((`Leansieve.nothing, unsafeCast ()) : Name × NonScalar), tree := Thunk.pure { element := { desc := "", diagnostics := .empty }, children := #[] } }
/-- Stands for the snapshot of a command that left none. -/
@[implemented_by emptySnapshotImpl] opaque emptySnapshot : Language.DynamicSnapshot

/-- What Lean may take over for the next theorem with the same header; nothing if it said something of this one, as options say how (a
    candidate's warnings may be errors). Of the proof nothing is left, and no cancel token: Lean would cancel what it takes nothing over from. -/
def headerIn (snap : Language.DynamicSnapshot) : BaseIO (Option Language.DynamicSnapshot) := do
  match parsedIn snap with
  | some parsed => match parsed.defs.toList with
    | [d] =>
      let task := d.headerProcessedSnap.task
      if !(← IO.hasFinished task) then return none
      match task.get with
      | some h =>
        if lengthOf h.diagnostics.msgLog.toList 0 > 0 then return none
        let h := { h with tacStx? := none, tacSnap? := none, bodySnap := { h.bodySnap with cancelTk? := none, task := Task.pure none } }
        let known := { d with headerProcessedSnap := { d.headerProcessedSnap with cancelTk? := none, task := Task.pure (some h) } }
        return some (withParsed snap { parsed with defs := #[known] })
      | none => return none
    | _ => return none
  | none => return none

/-- What is said in some snapshots and those below them, in the order of the text; none if one of them is not finished. -/
partial def saidIn (todo : List (Language.SnapshotTask Language.SnapshotTree)) (said : List Message) : BaseIO (Option (List Message)) := do
  match todo with
  | [] => return some (reverseList said [])
  | t :: rest =>
    if !(← IO.hasFinished t.task) then return none
    let tree := t.task.get
    saidIn (reverseList (reverseList tree.children.toList []) rest) (reverseList tree.element.diagnostics.msgLog.toList said)

/-- What became of a theorem. -/
structure TheoremElaborated where
  after : Command.State
  log : List Message
  /-- For the next one with the same header. -/
  header : Option Language.DynamicSnapshot

/-- Elaborate a theorem; `known`, if there is one, is taken over if it is of the same header. -/
def runTheorem (session : Session) (src : Source) (known : Option Language.DynamicSnapshot) (st : Command.State) (stx : Syntax) : IO TheoremElaborated := do
  let promise ← IO.Promise.new
  let old? := match known with
    | some snap => some { stx, val := { stx? := none, reportingRange := .skip, cancelTk? := none, task := Task.pure snap } }
    | none => none
  let after ← runCommand session src st stx (some { old?, new := promise })
  promise.resolve emptySnapshot  -- if Lean has not
  let plain : IO TheoremElaborated := do
    let (log, after) := takeMessages (← runCommand session src st stx)
    return { after, log, header := none }
  match promise.result?.get with
  | none => plain
  | some snap => match ← saidIn [{ stx? := none, reportingRange := .skip, cancelTk? := none, task := Task.pure snap.tree.get }] [] with
    | none => plain
    | some said =>
      let (log, after) := takeMessages after
      return { after, log := reverseList (reverseList said []) log, header := ← headerIn snap }
