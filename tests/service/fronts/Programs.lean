/-! Programs, commands that show something, and what the file assumes. -/
set_option linter.unusedVariables false
#check Nat.add_comm
#print axioms Nat.add_comm
#eval 1 + 1

opaque Key : Type
axiom keys_equal (a b : Key) : a = b

partial def collatz (n : Nat) : List Nat :=
  if n ≤ 1 then [n] else n :: collatz (if n % 2 = 0 then n / 2 else 3 * n + 1)

unsafe def raw (n : Nat) : Nat := n
@[implemented_by raw] def same (n : Nat) : Nat := n
@[inline, export leansieve_limit] def limit : Nat := 10
initialize counter : IO.Ref Nat ← IO.mkRef 0

def main : IO Unit := do
  counter.modify (· + 1)
  IO.println s!"{collatz limit}"

theorem below_limit : same 9 < limit := by
  sorry

theorem one_key (a b c : Key) : a = b ∧ b = c := by
  have same := keys_equal b c
  constructor
  · exact keys_equal a b
  · sorry
