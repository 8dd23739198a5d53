/- A worker program for tests of the embedded runtime: one command a line, answers in lines. -/
module
set_option compiler.checkMeta false

def print (line : String) : IO Unit := do
  let out ← IO.getStdout
  out.putStr (line ++ "\n")
  out.flush

unsafe def tokenAddressImpl (token : IO.CancelToken) : USize := ptrAddrUnsafe token
@[implemented_by tokenAddressImpl] opaque tokenAddress (token : IO.CancelToken) : USize

unsafe def resetTokenImpl (token : IO.CancelToken) : BaseIO Unit := (unsafeCast token : IO.Ref Bool).set false
@[implemented_by resetTokenImpl] opaque resetToken (token : IO.CancelToken) : BaseIO Unit

unsafe def closureAddressImpl (go : IO Unit) : USize := ptrAddrUnsafe go
@[implemented_by closureAddressImpl] opaque closureAddress (go : IO Unit) : USize

partial def spin (token : IO.CancelToken) : IO Unit := do
  unless ← token.isSet do spin token

def deep : Nat → IO Nat
  | 0 => pure 0
  | n + 1 => do
    let m ← deep n
    pure (m + 1)

def nested : Nat → String → String
  | 0, s => s
  | n + 1, s => nested n (s ++ s)

def attempt (what : IO String) : IO Unit := do
  match ← what.toBaseIO with
  | .ok answer => print answer
  | .error e => print ("error: " ++ toString e)

def obey (token : IO.CancelToken) (command argument : String) : IO Unit := do
  if command == "echo" then print argument
  else if command == "length" then print (toString argument.length)
  else if command == "grow" then print (nested argument.toNat! "0123456789abcdef")
  else if command == "read" then attempt (do (← IO.FS.Handle.mk argument .read).getLine)
  else if command == "write" then attempt (do let _ ← IO.FS.Handle.mk argument .write; pure "written")
  else if command == "deep" then print (toString (← deep argument.toNat!))
  else if command == "task" then
    let task ← IO.asTask (do print "in a task"; pure 42)
    match ← IO.wait task with
    | .ok n => print (toString n)
    | .error e => throw e
  else if command == "spin" then
    resetToken token
    print ("WORK " ++ argument)
    spin token
    print "WORK 0"
    print "cancelled"
  else print "?"

def firstWord : List Char → String → String × List Char
  | [], acc => (acc, [])
  | c :: rest, acc => if c == ' ' || c == '\n' then (acc, rest) else firstWord rest (acc.push c)

def untilLineEnd : List Char → String → String
  | [], acc => acc
  | c :: rest, acc => if c == '\n' then acc else untilLineEnd rest (acc.push c)

partial def loop (token : IO.CancelToken) : IO Unit := do
  let line ← (← IO.getStdin).getLine
  unless line == "" do
    let (command, rest) := firstWord line.toList ""
    obey token command (untilLineEnd rest "")
    loop token

def serve (imports : String) : IO Unit := do
  let token ← IO.CancelToken.new
  print s!"TOKEN {tokenAddress token}"
  print ("ready " ++ imports)
  loop token

def imagePoint (go : IO Unit) : IO Unit := do
  let keep ← IO.mkRef go
  print s!"IMAGE {closureAddress go}"
  let _ ← IO.appPath
  go
  keep.set (pure ())

def load (file : String) : IO Unit := do
  let imports ← (← IO.FS.Handle.mk file .read).getLine
  print ("loading " ++ imports)
  imagePoint (serve imports)

public def main (arguments : List String) : IO Unit := do
  print "started"
  match arguments with
  | [file] => imagePoint (load file)
  | _ => print "?"
