-- Who wrote this, and under which licence.
/- A remark of
   several lines. -/
import Std -- what for

/-! Remarks before the imports, classes derived, a namespace, variables and `open … in`. -/
#eval "text with sorry"
#guard 2 + 2 == 4

inductive Colour where
  | red | green
  deriving DecidableEq, Repr, Inhabited, BEq, Hashable, Ord

namespace Outer
variable {α : Type} (xs : List α)

theorem red_ne_green : Colour.red ≠ Colour.green := by
  sorry

open List in
theorem nil_append' : [] ++ xs = xs := by
  -- sorry is said here, too
  sorry

#reduce 1 + 1
example : 2 + 2 = 4 := by sorry
end Outer
