import Std

/-! Propositions and quantifiers. -/

theorem curry (p q r : Prop) : (p ∧ q → r) ↔ (p → q → r) := by
  sorry

theorem not_all_of_exception {α : Type} (P : α → Prop) (h : ∃ x, ¬P x) : ¬∀ x, P x := by
  sorry

/-- Composition of injective functions. -/
theorem injective_comp {α β γ : Type} (f : α → β) (g : β → γ) (hf : ∀ x y, f x = f y → x = y)
    (hg : ∀ x y, g x = g y → x = y) : ∀ x y, g (f x) = g (f y) → x = y := by
  sorry
