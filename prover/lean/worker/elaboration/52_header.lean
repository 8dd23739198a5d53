/-! The header of a theorem, its part before the `:=`, elaborated once for all candidates. Lean reuses its elaboration
    of an unchanged header from a snapshot, as in an editor; here that is always the snapshot of the reference. Lean
    then reports its messages in snapshots, and they are collected again. -/

unsafe def parsedInImpl (snap : Language.DynamicSnapshot) : Option DefsParsedSnapshot :=
  let (type, value) : Name × NonScalar := unsafeCast snap.val
  if type == ``DefsParsedSnapshot then some (unsafeCast value) else none
/-- `DynamicSnapshot.toTyped?`, of which the WebAssembly library lacks a part. -/
@[implemented_by parsedInImpl] opaque parsedIn (snap : Language.DynamicSnapshot) : Option DefsParsedSnapshot

unsafe def withParsedImpl (snap : Language.DynamicSnapshot) (parsed : DefsParsedSnapshot) : Language.DynamicSnapshot :=
  let (type, _) : Name × NonScalar := unsafeCast snap.val
  { val := unsafeCast (type, (unsafeCast parsed : NonScalar)), tree := Thunk.pure { element := { desc := "", diagnostics := .empty }, children := #[] } }
/-- A snapshot with another value of the same type, without messages and without children that could be cancelled. -/
@[implemented_by withParsedImpl] opaque withParsed (snap : Language.DynamicSnapshot) (parsed : DefsParsedSnapshot) : Language.DynamicSnapshot

unsafe def emptySnapshotImpl : Language.DynamicSnapshot :=
  { val := unsafeCast ((`Leansieve.nothing, unsafeCast ()) : Name × NonScalar), tree := Thunk.pure { element := { desc := "", diagnostics := .empty }, children := #[] } }
/-- Placeholder for the snapshot of a command that left none. -/
@[implemented_by emptySnapshotImpl] opaque emptySnapshot : Language.DynamicSnapshot

/-- The part of a snapshot that Lean may reuse for the next theorem with the same header. There is none if Lean reported
    a message for this header, because options decide on its severity (a candidate's warnings may be errors). The proof
    and all cancel tokens are removed: Lean would cancel the tasks that it does not reuse. -/
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
        let reusable := { d with headerProcessedSnap := { d.headerProcessedSnap with cancelTk? := none, task := Task.pure (some h) } }
        return some (withParsed snap { parsed with defs := #[reusable] })
      | none => return none
    | _ => return none
  | none => return none

/-- Messages of some snapshots and their children, in the order of the text; `none` if one is not finished. -/
partial def messagesOf (todo : List (Language.SnapshotTask Language.SnapshotTree)) (messages : List Message) : BaseIO (Option (List Message)) := do
  match todo with
  | [] => return some (reverseList messages [])
  | t :: rest =>
    if !(← IO.hasFinished t.task) then return none
    let tree := t.task.get
    messagesOf (reverseList (reverseList tree.children.toList []) rest) (reverseList tree.element.diagnostics.msgLog.toList messages)

/-- Result of elaborating a theorem. -/
structure TheoremElaborated where
  after : Command.State
  log : List Message
  /-- For the next theorem with the same header. -/
  header : Option Language.DynamicSnapshot

/-- Elaborates a theorem. Lean reuses `known`, the snapshot of an earlier theorem, if the header is the same. -/
def runTheorem (session : Session) (src : Source) (known : Option Language.DynamicSnapshot) (st : Command.State) (stx : Syntax) : IO TheoremElaborated := do
  let promise ← IO.Promise.new
  let old? := match known with
    | some snap => some { stx, val := { stx? := none, reportingRange := .skip, cancelTk? := none, task := Task.pure snap } }
    | none => none
  let after ← runCommand session src st stx (some { old?, new := promise })
  promise.resolve emptySnapshot  -- no effect if Lean has resolved it
  let withoutReuse : IO TheoremElaborated := do
    let (log, after) := takeMessages (← runCommand session src st stx)
    return { after, log, header := none }
  match promise.result?.get with
  | none => withoutReuse
  | some snap => match ← messagesOf [{ stx? := none, reportingRange := .skip, cancelTk? := none, task := Task.pure snap.tree.get }] [] with
    | none => withoutReuse
    | some messages =>
      let (log, after) := takeMessages after
      return { after, log := reverseList (reverseList messages []) log, header := ← headerIn snap }
