/-! Holes in equations, calculations, values and instances, several on a line. -/
notation "ℕ" => Nat

theorem zero_plus : (n : ℕ) → 0 + n = n
  | 0 => by sorry
  | n + 1 => sorry

theorem chain (a b c : ℕ) (h : a = b) (k : b = c) : a = c ∧ a + 0 = a where
  left :=
    calc a = b := h
      _ = c := sorry
  right := by omega

def next (n : ℕ) : { m : ℕ // n < m ∧ 0 < m } := ⟨n + 1, by sorry, by sorry⟩

instance : Inhabited { n : ℕ // 0 < n } where
  default := ⟨1, by admit⟩
