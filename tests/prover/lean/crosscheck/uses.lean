/- What a program uses of the library that it imports: the program on one line of JSON, `{"source"}`; `@use NAME` lines answer. -/
module
public import Lean.Elab.Frontend
public import Lean.Data.Json
open Lean Elab
set_option compiler.checkMeta false

def print (line : String) : IO Unit := do
  let out ← IO.getStdout
  out.putStr (line ++ "\n")
  out.flush

def nameText : Name → String
  | .anonymous => ""
  | .str .anonymous s => s
  | .str p s => nameText p ++ "." ++ s
  | .num p n => nameText p ++ "." ++ toString n

abbrev Node := PersistentHashMap.Node Name ConstantInfo

partial def constants (nodes : List Node) (found : List ConstantInfo) : List ConstantInfo := match nodes with
  | [] => found
  | .collision _ _ _ :: rest => constants rest found
  | .entries entries :: rest => go entries.toList rest found
where
  go : List (PersistentHashMap.Entry Name ConstantInfo Node) → List Node → List ConstantInfo → List ConstantInfo
    | [], rest, found => constants rest found
    | .entry _ info :: entries, rest, found => go entries rest (info :: found)
    | .ref node :: entries, rest, found => go entries (node :: rest) found
    | .null :: entries, rest, found => go entries rest found

def tell (env : Environment) : List Name → NameHashSet → IO NameHashSet
  | [], seen => pure seen
  | n :: rest, seen => do
    if seen.contains n then tell env rest seen
    else
      if (env.getModuleIdxFor? n).isSome then print ("@use " ++ nameText n)
      tell env rest (seen.insert n)

def report (env : Environment) : List ConstantInfo → NameHashSet → IO Unit
  | [], _ => pure ()
  | info :: rest, seen => do
    let used := match info.value? (allowOpaque := true) with
      | some value => value.getUsedConstants.toList
      | none => []
    report env rest (← tell env used seen)

public def main (_ : List String) : IO Unit := do
  match Json.parse (← (← IO.getStdin).getLine) with
  | .error e => print e
  | .ok j => match j.getObjVal? "source" with
    | .ok (.str source) => match ← runFrontend source {} "source" `Source with
      | none => print "@failed"
      | some env => report env (constants [env.toKernelEnv.constants.map₂.root] []) {}
    | _ => print "@failed"
