
/-! The end of a program that begins with the worker's own files: asked about an inductive type of `Init`, it says what the worker
    demands of the types and rules that the kernel made for it, and what becomes of demands that nothing fulfils. -/

def say (line : String) : IO Unit := do
  let out ← IO.getStdout
  out.putStr (line ++ "\n")
  out.flush

/-- How many of some demands the kernel refuses, each alone. -/
def refusals (token : IO.CancelToken) (env : Kernel.Environment) : List Obligation → Nat → Nat
  | [], n => n
  | o :: rest, n => match discharge {} token env [o] with
    | none => refusals token env rest n
    | some _ => refusals token env rest (n + 1)

/-- Each value under the type of its neighbour, which it does not have. -/
def exchanged : List Obligation → List Obligation → List Obligation
  | a :: b :: rest, acc => exchanged (b :: rest) ({ a with type := b.type, levels := b.levels } :: acc)
  | _, acc => acc

def verdictOn (token : IO.CancelToken) (env : Kernel.Environment) (due : List Obligation) : String := match discharge {} token env due with
  | none => "fulfilled"
  | some _ => "refused"

def about (token : IO.CancelToken) (env : Kernel.Environment) (name : String) : String := match env.find? (parseName name) with
  | none => "unknown"
  | some info => match obligationsOf env info with
    | none => "unreadable"
    | some due =>
      let wrong := exchanged due []
      s!"{lengthOf due 0} {verdictOn token env due}; {refusals token env wrong 0} of {lengthOf wrong 0} exchanged; all: {verdictOn token env (pushObligations wrong due)}"
where
  pushObligations : List Obligation → List Obligation → List Obligation
    | [], acc => acc
    | o :: rest, acc => o :: pushObligations rest acc

partial def answerAll (token : IO.CancelToken) (env : Kernel.Environment) : IO Unit := do
  let line ← (← IO.getStdin).getLine
  unless line == "" do
    say (about token env line.trimAscii.toString)
    answerAll token env

end Leansieve

public def main (_arguments : List String) : IO Unit := do
  let env ← importModules #[{ module := `Init }] {} 0 (loadExts := true)
  Leansieve.say "ready"
  Leansieve.answerAll (← IO.CancelToken.new) env.toKernelEnv
