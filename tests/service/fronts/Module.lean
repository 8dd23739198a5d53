module

public import Init.Data.Nat.Basic
meta import Init.Data.List.Basic
import all Init.Core

/-! A file of the module system. -/

@[expose] public section

notation "ℕ" => Nat

public def twice (n : ℕ) : ℕ := n + n

private theorem own (n : ℕ) : n ≤ twice n := by
  unfold twice
  sorry

end
