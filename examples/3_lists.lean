import Std

/-! Lists. -/

open List

variable {α : Type}

theorem length_map_square (xs : List Nat) : (xs.map fun x => x * x).length = xs.length := sorry

theorem length_reverse_append (xs ys : List α) : (xs ++ ys).reverse.length = ys.length + xs.length := sorry

theorem length_filter_le_length (p : α → Bool) (xs : List α) : (filter p xs).length ≤ xs.length := sorry
