import Std

/-! Own definitions, and induction. -/

@[simp, grind]
def sumTo : Nat → Nat
  | 0 => 0
  | n + 1 => sumTo n + (n + 1)

/-- The sum that young Gauss is said to have found. -/
theorem two_mul_sumTo (n : Nat) : 2 * sumTo n = n * (n + 1) := by
  sorry

inductive Tree where
  | leaf : Tree
  | node (left : Tree) (label : Nat) (right : Tree) : Tree

namespace Tree

@[simp, grind]
def mirror : Tree → Tree
  | leaf => leaf
  | node left label right => node right.mirror label left.mirror

@[simp, grind]
def size : Tree → Nat
  | leaf => 0
  | node left _ right => left.size + right.size + 1

theorem mirror_mirror (t : Tree) : t.mirror.mirror = t := by
  sorry

theorem size_mirror (t : Tree) : t.mirror.size = t.size := by
  sorry

end Tree
