/-! Parsing. Lean's own parser reads every text separately, and each command before it is elaborated. -/

def scopeOf (st : Command.State) : Command.Scope := match st.scopes with
  | s :: _ => s
  | [] => { header := "" }

def isError (m : Message) : Bool := match m.severity with
  | .error => true
  | _ => false

def hasError : List Message → Bool
  | [] => false
  | m :: rest => if isError m then true else hasError rest

/-- Parses the next command of `input` with the environment, options and open namespaces of `st`. A command followed by
    a comment that is never closed is still parsed completely. Of several errors at one position, which are
    alternatives, only the first is reported. -/
def parseNext (st : Command.State) (input : Parser.InputContext) (ps : Parser.ModuleParserState) :
    Syntax × Parser.ModuleParserState × List Message :=
  let scope := scopeOf st
  let ctx : Parser.ParserModuleContext :=
    { env := st.env, options := scope.opts, currNamespace := scope.currNamespace, openDecls := scope.openDecls }
  let skipBlank (pos : String.Pos.Raw) := Parser.whitespace.run input ctx (Parser.getTokenTable st.env) ((Parser.mkParserState input.inputString).setPos pos)
  -- Without this, Lean's parser would report a missing command after white space and comments at the end of a text.
  let space := skipBlank ps.pos
  let ps := if space.hasError then ps else { ps with pos := space.pos }
  let (stx, next, log) := Parser.parseCommand input ctx ps {}
  let log := firstsByPosition log.toList
  let command := if hasError log then withOpenComment ctx ps skipBlank stx else stx
  (command, next, log)
where
  firstsByPosition : List Message → List Message
    | m :: n :: rest => if m.pos == n.pos then firstsByPosition (m :: rest) else m :: firstsByPosition (n :: rest)
    | log => log
  /-- The command that ends where an unclosed comment begins, parsed without this comment. -/
  withOpenComment (ctx : Parser.ParserModuleContext) (ps : Parser.ModuleParserState) (skipBlank : String.Pos.Raw → Parser.ParserState) (stx : Syntax) : Syntax :=
    match stx.getTailPos? with
    | some tail =>
      let rest := skipBlank tail
      if rest.hasError && input.atEnd rest.pos then
        let (whole, _, log) := Parser.parseCommand (inputOf (String.Pos.Raw.extract input.inputString 0 tail) input.fileName) ctx ps {}
        if hasError log.toList || whole.getTailPos? != some tail then stx else whole
      else stx
    | none => stx

def isEnd (stx : Syntax) : Bool := stx.getKind == ``Parser.Command.eoi

def argOf (stx : Syntax) (i : Nat) : Syntax := match stx with
  | .node _ _ args => args.getD i .missing
  | _ => .missing

def startOf (stx : Syntax) : Nat := match stx.getPos? with
  | some p => p.byteIdx
  | none => 0

/-- The number of lines of a text: its line feeds plus one. -/
def lineCount (s : String) : Nat := go s.toList 1
where
  go : List Char → Nat → Nat
    | [], n => n
    | '\n' :: cs, n => go cs (n + 1)
    | _ :: cs, n => go cs n

/-- A text that is parsed as one file, and the mapping of its lines to the request: lines up to `split` belong to
    `first`, later lines to `second`. -/
structure Source where
  input : Parser.InputContext
  first : Region
  second : Region
  split : Nat

def plainSource (text : String) (region : Region) : Source :=
  { input := inputOf text region.toString, first := region, second := region, split := 0 }

/-- Statement and proof as one text. The proof begins on a line of its own, so that its columns are the candidate's. -/
def proofSource (statement proof : String) : Source :=
  let head := statement ++ "\n:=\n"
  { input := inputOf (head ++ proof) "candidate", first := .statement, second := .candidate, split := lineCount statement + 1 }

/-- Byte position of the `:=` that `proofSource` inserts after the statement. -/
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

/-- The first `limit` messages, errors before others. The rest is not printed, because the cost of printing a message
    grows with the size of the terms in it. -/
def Source.notes (src : Source) (limit : Nat) (log : List Message) : BaseIO (List Note) := do
  let (remaining, notes) ← go true limit log []
  let (_, notes) ← go false remaining log notes
  pure (reverseList notes [])
where
  go (errors : Bool) : Nat → List Message → List Note → BaseIO (Nat × List Note)
    | 0, _, acc => pure (0, acc)
    | remaining, [], acc => pure (remaining, acc)
    | remaining + 1, m :: rest, acc => do
      if isError m == errors then
        let text ← m.data.toString
        go errors remaining rest (src.note (severityString m.severity) text m.pos :: acc)
      else go errors (remaining + 1) rest acc
