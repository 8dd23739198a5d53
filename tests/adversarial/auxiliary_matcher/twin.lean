open Classical in
noncomputable def target.match_1.{u} (motive : Nat → Sort u) (n : Nat) (h0 : Unit → motive 0)
    (h1 : (k : Nat) → motive k.succ) : motive n :=
  let honest : motive n := Nat.casesOn n (h0 ()) h1
  if h : ∃ x : motive n, x ≠ honest then h.choose else honest
theorem flipped (n : Nat) :
    target.match_1 (fun _ => Prop) n (fun _ => False) (fun _ => False) ≠ False := by
  have honest : (Nat.casesOn (motive := fun _ => Prop) n False (fun _ => False)) = False := by
    cases n <;> rfl
  have other : ∃ x : Prop, x ≠ (Nat.casesOn (motive := fun _ => Prop) n False (fun _ => False)) :=
    ⟨True, by rw [honest]; exact fun e => by simp at e⟩
  unfold target.match_1
  simp only [dif_pos other]
  exact fun e => other.choose_spec (e.trans honest.symm)
theorem target (n : Nat) :
    target.match_1 (fun _ => Prop) n (fun _ => False) (fun _ => False) :=
  Classical.byContradiction fun no => flipped n (propext ⟨no, False.elim⟩)
