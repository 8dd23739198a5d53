/-
Tactics that ask a leansieve server (docs/editors.md). Put this file into your project and `import Leansieve`.

* `leansieve?` searches a proof of the goal, and offers proofs as `Try this`;
* `leansieve_suggest` offers single tactics for the goal, closing ones first.

This Lean tries every text from the server before offering it, and drops those that fail. Start the server with
`leansieve serve --http 127.0.0.1:8061`; it is called with `curl`.
-/
import Lean

open Lean Meta Elab Tactic

register_option leansieve.url : String := {
  defValue := ""
  descr := "address of leansieve's HTTP server; empty: LEANSIEVE_URL of the environment, else http://127.0.0.1:8061" }

register_option leansieve.seconds : Nat := {
  defValue := 30
  descr := "maximum seconds of a search" }

register_option leansieve.project : String := {
  defValue := ""
  descr := "name of the server's Lake project with the goal's libraries; empty: Init and Std" }

namespace Leansieve

/-- The server, and the seconds of a search. The token is a secret and comes only from the environment. -/
structure Server where
  url : String
  token : String
  seconds : Nat
  project : String

/-! ## Texts

Plain recursion over lists, here and below, since the names of the library's functions have changed too often. -/

def ofChars : List Char → String → String
  | [], text => text
  | c :: rest, text => ofChars rest (text.push c)

def joined (separator : String) : List String → String
  | [] => ""
  | [text] => text
  | text :: rest => text ++ separator ++ joined separator rest

def isBlank : List Char → Bool
  | [] => true
  | c :: rest => c.isWhitespace && isBlank rest

/-- Remove at most `n` leading blanks. -/
def unindented : Nat → List Char → List Char
  | n + 1, ' ' :: rest => unindented n rest
  | _, chars => chars

def blanks : List Char → Nat
  | ' ' :: rest => blanks rest + 1
  | _ => 0

def indentation (lines : List (List Char)) : Nat := match lines with
  | [] => 0
  | line :: rest => if isBlank line then indentation rest else blanks line

def linesOf (text : String) : List (List Char) := go (text.splitOn "\n")
where
  go : List String → List (List Char)
    | [] => []
    | line :: rest => line.toList :: go rest

def unindentedLines (n : Nat) : List (List Char) → List String
  | [] => []
  | line :: rest => ofChars (unindented n line) "" :: unindentedLines n rest

/-- The tactics of a proof: the text after its `by`, without indentation; a term becomes `exact`. -/
def scriptOf (proof : String) : String :=
  match linesOf proof with
  | ('b' :: 'y' :: first) :: rest =>
    if isBlank first then joined "\n" (unindentedLines (indentation rest) rest)
    else match first with
      | ' ' :: first => joined "\n" (ofChars (unindented (blanks first) first) "" :: unindentedLines (3 + blanks first) rest)
      | _ => "exact " ++ proof
  | _ => "exact " ++ proof

def scripts : List String → List String
  | [] => []
  | proof :: rest => scriptOf proof :: scripts rest

def spaces : Nat → String
  | 0 => ""
  | n + 1 => " " ++ spaces n

/-- A script with all lines but the first indented by `column` blanks. -/
def indented (column : Nat) (script : String) : String :=
  joined ("\n" ++ spaces column) (script.splitOn "\n")

/-! ## Requests -/

def theoremJson (server : Server) (context statement : String) : Json :=
  Json.mkObj [("statement", statement), ("context", context), ("project", server.project)]

def timeJson (seconds : Nat) : Json := s!"{seconds}s"

/-- A `ProveRequest`, for `/v1/prove`. -/
def proveRequest (server : Server) (goal : Json) (proofs : Nat) : Json :=
  Json.mkObj [("theorem", goal),
    ("options", Json.mkObj [("budget", Json.mkObj [("proofs", proofs), ("timeout", timeJson server.seconds)])])]

/-- A `SuggestTacticsRequest`, for `/v1/suggest-tactics`; a server looks for tactics no longer than a minute. -/
def suggestRequest (server : Server) (goal : Json) (suggestions : Nat) : Json :=
  Json.mkObj [("state", Json.mkObj [("theorem", goal)]), ("suggestions", suggestions),
    ("timeout", timeJson (min server.seconds 60))]

/-- A value in a configuration file of `curl`. -/
def quoted (text : String) : String := "\"" ++ go text.toList "" ++ "\""
where
  go : List Char → String → String
    | [], out => out
    | c :: rest, out => go rest (match c with
      | '\\' => out ++ "\\\\"
      | '"' => out ++ "\\\""
      | '\n' => out ++ "\\n"
      | '\r' => out ++ "\\r"
      | '\t' => out ++ "\\t"
      | c => out.push c)

/-- The configuration that `curl` reads from stdin, so that nothing passes through a shell or appears in the list of processes. -/
def curlConfig (server : Server) (page : String) (body : Json) : String :=
  joined "\n" [
    "url = " ++ quoted (server.url ++ page),
    "proto = \"=http,https\"", "globoff", "silent", "show-error",
    "connect-timeout = 10", s!"max-time = {server.seconds + 30}",
    "header = \"Content-Type: application/json\"",
    if server.token == "" then "" else "header = " ++ quoted ("Authorization: Bearer " ++ server.token),
    "data-binary = " ++ quoted body.compress, ""]

/-! ## Answers -/

def string? (json : Json) (key : String) : Option String :=
  match json.getObjVal? key with
  | .ok (.str text) => some text
  | _ => none

/-- The error message of the server. -/
def complaint? (json : Json) : Option String :=
  match json.getObjVal? "error" with
  | .ok error => some ((string? error "message").getD error.compress)
  | .error _ => none

/-- The data of the events of a stream. -/
def events (stream : String) : List Json := go (stream.splitOn "\n")
where
  go : List String → List Json
    | [] => []
    | line :: rest => match line.splitOn "data: " with
      | "" :: data => match Json.parse (joined "data: " data) with
        | .ok json => json :: go rest
        | .error _ => go rest
      | _ => go rest

/-- The answer of `/v1/prove`: texts of verified proofs, or an error. -/
def readProofs (answer : String) : Except String (List String) :=
  match Json.parse answer with
  | .ok json => .error ((complaint? json).getD "the answer is not one of leansieve's")
  | .error _ => match events answer with
    | [] => .error "the answer is not one of leansieve's"
    | found => go found
where
  go : List Json → Except String (List String)
    | [] => .ok []
    | json :: rest => match complaint? json, go rest with
      | some message, _ => .error message
      | none, .error message => .error message
      | none, .ok proofs => match json.getObjVal? "proof" with
        | .ok proof => match string? proof "text" with
          | some text => .ok (text :: proofs)
          | none => .ok proofs
        | .error _ => .ok proofs

/-- The answer of `/v1/suggest-tactics`: tactics, the best first, or an error. -/
def readSuggestions (answer : String) : Except String (List String) :=
  match Json.parse answer with
  | .error _ => .error "the answer is not one of leansieve's"
  | .ok json => match complaint? json with
    | some message => .error message
    | none => match json.getObjVal? "suggestions" with
      | .ok (.arr found) => .ok (go found.toList)
      | _ => .error "the answer is not one of leansieve's"
where
  go : List Json → List String
    | [] => []
    | json :: rest => match string? json "tactic" with
      | some tactic => tactic :: go rest
      | none => go rest

/-! ## Calls -/

/-- End the tactic with one sentence. -/
def refuse {α : Type} (said : String) : CoreM α := do
  throw (.error (← getRef) (.ofFormat (.text ("leansieve: " ++ said))))

/-- Wait for a process, and kill it when this tactic is cancelled. -/
partial def await {cfg : IO.Process.StdioConfig} (child : IO.Process.Child cfg) : CoreM UInt32 := do
  match ← child.tryWait with
  | some status => return status
  | none =>
    if let some token := (← read).cancelTk? then
      if ← token.isSet then child.kill
    IO.sleep 30
    await child

/-- Run `curl` with this configuration, and return its exit status, stdout and stderr. -/
def curl (config : String) : CoreM (UInt32 × String × String) := do
  let child ← IO.Process.spawn
    { cmd := "curl", args := #["-q", "-K", "-"], stdin := .piped, stdout := .piped, stderr := .piped }
  let (stdin, child) ← child.takeStdin
  stdin.putStr config
  stdin.flush
  let out ← IO.asTask child.stdout.readToEnd .dedicated
  let complaints ← IO.asTask child.stderr.readToEnd .dedicated
  let status ← await child
  return (status, ← IO.ofExcept out.get, ← IO.ofExcept complaints.get)

def firstLine (text : String) : String := match text.splitOn "\n" with
  | line :: _ => line
  | [] => ""

/-- The server's answer. -/
def ask (server : Server) (page : String) (body : Json) : CoreM String := do
  let (status, answer, complaints) ← try curl (curlConfig server page body) catch error =>
    refuse ("`curl` cannot be run: " ++ (← error.toMessageData.toString))
  if status != 0 then
    refuse s!"{server.url} does not answer ({firstLine complaints}): is `leansieve serve --http` running there?"
  return answer

def server : CoreM Server := do
  let options ← getOptions
  let url := leansieve.url.get options
  let there ← IO.getEnv "LEANSIEVE_URL"
  return {
    url := if url == "" then there.getD "http://127.0.0.1:8061" else url
    token := (← IO.getEnv "LEANSIEVE_TOKEN").getD ""
    seconds := leansieve.seconds.get options
    project := leansieve.project.get options }

/-! ## The goal as a theorem -/

/-- Names hypotheses that have no name, or one that a later hypothesis hides. -/
def named (names : LocalContext) : List FVarId → Nat → LocalContext
  | [], _ => names
  | id :: rest, n => match names.find? id with
    | none => named names rest n
    | some decl =>
      let visible := match names.findFromUserName? decl.userName with
        | some found => found.fvarId == id
        | none => false
      if visible && !decl.userName.hasMacroScopes then named names rest n
      else named (names.setUserName id (.mkSimple s!"hidden_{n}")) rest (n + 1)

def printed (e : Expr) : MetaM String := return (← ppExpr e).pretty 100

/-- Binders of the hypotheses, without the values of `let`s, since the proof is tried here anyway. -/
def binders : List FVarId → String → MetaM String
  | [], text => return text
  | id :: rest, text => do
    let decl ← id.getDecl
    if decl.isImplementationDetail then binders rest text
    else
      let type ← printed (← instantiateMVars decl.type)
      let binder := if decl.binderInfo.isInstImplicit then s!" [{decl.userName} : {type}]" else s!" ({decl.userName} : {type})"
      binders rest (text ++ binder)

/-- Print without ambiguity for the server: nothing abbreviated, all names complete. -/
def readable (options : Options) : Options :=
  pp.fullNames.set (pp.deepTerms.set (pp.proofs.set (pp.funBinderTypes.set options true) true) true) true

def levels : List FVarId → CollectLevelParams.State → MetaM CollectLevelParams.State
  | [], found => return found
  | id :: rest, found => do levels rest (collectLevelParams found (← instantiateMVars (← id.getType)))

def namesIn : List Name → String
  | [] => ""
  | n :: rest => s!" {n}" ++ namesIn rest

/-- The goal as a separate theorem. -/
def asTheorem (server : Server) (goal : MVarId) : MetaM Json := goal.withContext do
  let context ← getLCtx
  let ids := context.getFVarIds.toList
  let target ← instantiateMVars (← goal.getType)
  if target.hasExprMVar then refuse "the goal has metavariables: assign them first"
  let universes := (← levels ids (collectLevelParams {} target)).params.toList
  withLCtx (named context ids 1) (← getLocalInstances) do
    withTheReader Core.Context (fun here => { here with options := readable here.options }) do
      let statement := s!"theorem leansieve_goal{← binders ids ""} :\n  {← printed target}"
      return theoremJson server (if universes.isEmpty then "" else s!"universe{namesIn universes}\n") statement

/-! ## Trying -/

/-- Parse a script here; its later messages appear at `tactic`. -/
def parsed (tactic : Syntax) (script : String) : CoreM (Option Syntax) := do
  match Parser.runParserCategory (← getEnv) `term ("by\n  " ++ indented 2 script) with
  | .ok block => return some (block[1].rewriteBottomUp (·.setInfo (SourceInfo.fromRef tactic)))
  | .error _ => return none

/-- Whether a script closes the main goal (`true`), makes progress (`false`), or fails. The state is restored. -/
def tried (script : Syntax) : TacticM (Option Bool) := do
  let goal ← getMainGoal
  let before ← saveState
  let outcome ← try
      let left ← Tactic.run goal (withTheReader Tactic.Context (fun here => { here with recover := false }) (evalTactic script))
      let proof ← instantiateMVars (.mvar goal)
      pure (if proof.hasSorry then none else some left.isEmpty)
    catch _ => pure none
  before.restore
  return outcome

structure Offer where
  text : String
  script : Syntax
  closes : Bool

/-- The scripts that work here, in order. -/
def offers (tactic : Syntax) (column : Nat) : List String → TacticM (List Offer)
  | [] => return []
  | text :: rest => do
    let some script ← parsed tactic text | offers tactic column rest
    let some closes ← tried script | offers tactic column rest
    return { text := indented column text, script, closes } :: (← offers tactic column rest)

def offer (tactic : Syntax) : List Offer → TacticM Unit
  | [] => return
  | [one] => TryThis.addSuggestion tactic { suggestion := .string one.text }
  | many => TryThis.addSuggestions tactic (many.map fun one =>
      { suggestion := .string one.text, postInfo? := if one.closes then none else some "  -- leads on" }).toArray

def columnOf (tactic : Syntax) : CoreM Nat := do
  return ((← getFileMap).toPosition ((tactic.getPos?).getD 0)).column

/-- `leansieve?`: offer proofs of the main goal, and apply the first. -/
def proveMain (tactic : Syntax) : TacticM Unit := do
  let server ← server
  let goal ← asTheorem server (← getMainGoal)
  match readProofs (← ask server "/v1/prove" (proveRequest server goal 3)) with
  | .error message => refuse message
  | .ok [] => refuse s!"no proof was found within {server.seconds} s"
  | .ok proofs =>
    let found ← offers tactic (← columnOf tactic) (scripts proofs)
    match found.filter (·.closes) with
    | [] => refuse "proofs were found, but none works here, perhaps because of unnamed hypotheses or imports"
    | first :: others =>
      offer tactic (first :: others)
      evalTactic first.script

/-- `leansieve_suggest`: offer tactics for the main goal, which stays open. -/
def suggestMain (tactic : Syntax) : TacticM Unit := do
  let server ← server
  let goal ← asTheorem server (← getMainGoal)
  match readSuggestions (← ask server "/v1/suggest-tactics" (suggestRequest server goal 8)) with
  | .error message => refuse message
  | .ok tactics => match ← offers tactic (← columnOf tactic) tactics with
    | [] => refuse "no tactic was found that works here"
    | found => offer tactic (found.filter (·.closes) ++ found.filter (!·.closes))

end Leansieve

/-- Search a proof of the goal with a leansieve server, and offer those that work here as `Try this`. -/
elab tactic:"leansieve?" : tactic => Leansieve.proveMain tactic

/-- Ask a leansieve server for tactics for the goal, and offer those that work here as `Try this`. -/
elab tactic:"leansieve_suggest" : tactic => Leansieve.suggestMain tactic
