/- Compiles modules with this Lean: one JSON object a line, `{"module", "source"}`, each behind what it imports. A line answers:
   `@olean` and the file as hexadecimal digits, or `@failed`; messages of Lean stand before it. -/
module
public import Lean.Elab.Frontend
public import Lean.Data.Json
open Lean Elab
set_option compiler.checkMeta false

def print (line : String) : IO Unit := do
  let out ← IO.getStdout
  out.putStr (line ++ "\n")
  out.flush

def nameOf : List String → Name → Name
  | [], n => n
  | s :: rest, n => nameOf rest (.str n s)

def field (j : Json) (key : String) : String := match j.getObjVal? key with
  | .ok (.str s) => s
  | _ => ""

def digit (n : Nat) : Char := Char.ofNat (if n < 10 then 48 + n else 87 + n)

partial def hexadecimal (bytes : ByteArray) (i : Nat) (acc : String) : String :=
  if i < bytes.size then
    let n := (bytes.get! i).toNat
    hexadecimal bytes (i + 1) ((acc.push (digit (n / 16))).push (digit (n % 16)))
  else acc

/-- The file of a module below `folder`, whose folders are made. -/
def fileOf (folder : String) : List String → IO String
  | [] => pure folder
  | [last] => pure (folder ++ "/" ++ last ++ ".olean")
  | s :: rest => do
    let folder := folder ++ "/" ++ s
    unless ← (System.FilePath.mk folder).pathExists do IO.FS.createDir folder
    fileOf folder rest

def compile (name : List String) (source : String) : IO Unit := do
  match ← runFrontend source {} (nameString name "") (nameOf name .anonymous) with
  | none => print "@failed"
  | some env =>
    let file ← fileOf "/tmp" name
    -- In one part: bodies of theorems stay visible, as they are to a native worker.
    saveModuleData ⟨file⟩ env.mainModule (← mkModuleData env .private)
    print ("@olean " ++ hexadecimal (← IO.FS.readBinFile file) 0 "")
where
  nameString : List String → String → String
    | [], acc => acc
    | s :: rest, acc => nameString rest (acc ++ "/" ++ s)

partial def loop : IO Unit := do
  let line ← (← IO.getStdin).getLine
  unless line == "" do
    match Json.parse line with
    | .error e => print ("@failed " ++ e)
    | .ok j => compile ((field j "module").splitOn ".") (field j "source")
    loop

public def main (_ : List String) : IO Unit := do
  searchPathRef.set ["/library", "/tmp"] -- what is mounted is read-only; `/tmp` is memory of this process
  loop
