open Leansieve

def hear : IO String := do
  match Json.parse (← (← IO.getStdin).getLine) with
  | .ok (.str text) => return text
  | _ => throw (IO.userError "not a string")

def tell (kind text : String) : IO Unit := do
  IO.println (kind ++ " " ++ (Json.str text).compress)
  (← IO.getStdout).flush

def result : Except String (List String) → String
  | .ok texts => joined "\n---\n" texts
  | .error message => "error: " ++ message

def proofs : Except String (List String) → Except String (List String)
  | .ok texts => .ok (scripts texts)
  | .error message => .error message

def asked (server : Server) (page : String) (body : Json) : IO String := do
  tell "ASK" (curlConfig server page body)
  hear

public def main : IO Unit := do
  let server : Server := { url := ← hear, token := "a \"token\" \\", seconds := 60, project := "" }
  let statement := "theorem leansieve_goal (α : Type u_1) (x : α) (𝔽 : Nat) (h : \"\\n\" = \"\\\"\") :\n  𝔽 + 1 = 1 + 𝔽"
  let goal := theoremJson server "universe u_1\n" statement
  let wrong := theoremJson server "" "theorem leansieve_goal : missing"
  tell "SAY" statement
  tell "SAY" (result (proofs (readProofs (← asked server "/v1/prove" (proveRequest server goal 2)))))
  tell "SAY" (result (readSuggestions (← asked server "/v1/suggest-tactics" (suggestRequest server goal 8))))
  tell "SAY" (result (readProofs (← asked server "/v1/prove" (proveRequest server wrong 2))))
  tell "SAY" (result (readSuggestions (← asked server "/v1/suggest-tactics" (suggestRequest server wrong 8))))
  tell "SAY" (result (readProofs "<html>"))
  tell "SAY" (scriptOf "by\n  intro\n    simp\n  omega")
  tell "SAY" (scriptOf "by simp\n   omega")
  tell "SAY" (scriptOf "fun h => h")
  tell "SAY" (scriptOf "by_contra h")
  tell "SAY" (indented 4 "a\nb")
  tell "END" ""
