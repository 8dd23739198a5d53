/-! Parsing: Lean's own parser reads every text, on its own, before anything of it is elaborated. -/

def inputOf (text fileName : String) : Parser.InputContext :=
  Parser.InputContext.mk' text fileName (FileMap.ofString text) text.rawEndPos (by simp)

def scopeOf (st : Command.State) : Command.Scope := match st.scopes with
  | s :: _ => s
  | [] => { header := "" }

/-- The next command of `input` as it is read in the environment, options and open namespaces of `st`. -/
def parseNext (st : Command.State) (input : Parser.InputContext) (ps : Parser.ModuleParserState) :
    Syntax × Parser.ModuleParserState × List Message :=
  let scope := scopeOf st
  let ctx : Parser.ParserModuleContext :=
    { env := st.env, options := scope.opts, currNamespace := scope.currNamespace, openDecls := scope.openDecls }
  let (stx, ps, log) := Parser.parseCommand input ctx ps {}
  (stx, ps, log.toList)

def isEnd (stx : Syntax) : Bool := stx.getKind == ``Parser.Command.eoi

def argOf (stx : Syntax) (i : Nat) : Syntax := match stx with
  | .node _ _ args => args.getD i .missing
  | _ => .missing

def startOf (stx : Syntax) : Nat := match stx.getPos? with
  | some p => p.byteIdx
  | none => 0

/-- Lines in a text: one more than its line feeds. -/
def lineCount (s : String) : Nat := go s.toList 1
where
  go : List Char → Nat → Nat
    | [], n => n
    | '\n' :: cs, n => go cs (n + 1)
    | _ :: cs, n => go cs n

/-- A text that is parsed as one file, and how its lines map back to the request: lines up to `split` belong to
    `first`, the others to `second`. -/
structure Source where
  input : Parser.InputContext
  first : Region
  second : Region
  split : Nat

def plainSource (text : String) (region : Region) : Source :=
  { input := inputOf text region.toString, first := region, second := region, split := 0 }

/-- Statement and proof, the proof on lines of its own so that its columns are the candidate's. -/
def proofSource (statement proof : String) : Source :=
  let head := statement ++ "\n:=\n"
  { input := inputOf (head ++ proof) "candidate", first := .statement, second := .candidate, split := lineCount statement + 1 }

/-- Byte position of the `:=` that `proofSource` puts after the statement. -/
def assignPosition (statement : String) : Nat := statement.utf8ByteSize + 1

def Source.note (src : Source) (severity text : String) (pos : Position) : Note :=
  if pos.line ≤ src.split then { severity, region := src.first, line := pos.line, column := pos.column, text }
  else { severity, region := src.second, line := pos.line - src.split, column := pos.column, text }

def Source.noteAt (src : Source) (severity text : String) (stx : Syntax) : Note :=
  src.note severity text (src.input.fileMap.toPosition ⟨startOf stx⟩)

def severityString : MessageSeverity → String
  | .information => "information"
  | .warning => "warning"
  | .error => "error"

def Source.notes (src : Source) (log : List Message) : BaseIO (List Note) := go log []
where
  go : List Message → List Note → BaseIO (List Note)
    | [], acc => pure (reverseList acc [])
    | m :: rest, acc => do
      let text ← m.data.toString
      go rest (src.note (severityString m.severity) text m.pos :: acc)

def hasError : List Message → Bool
  | [] => false
  | m :: rest => match m.severity with
    | .error => true
    | _ => hasError rest
