import Std

/-! Arithmetic on `Nat`, `Int` and `Fin`. -/

theorem two_add_two : 2 + 2 = 4 := by sorry

/-- Squares are 0 or 1 modulo 4: eight cases. -/
theorem square_mod_four : ∀ n : Fin 8, n * n % 4 = 0 ∨ n * n % 4 = 1 := by sorry

theorem max_add_min (a b : Nat) : max a b + min a b = a + b := by sorry

/-- A Diophantine equation with one solution in positive numbers. -/
theorem only_solution (x y : Int) (h : 2 * x + 3 * y = 12) (hx : x > 0) (hy : y > 0) : x = 3 ∧ y = 2 := by sorry

/-- Not linear: out of reach of `omega`. -/
theorem square_of_sum (a b : Int) : (a + b) * (a + b) = a * a + 2 * a * b + b * b := by sorry
