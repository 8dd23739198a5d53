def turn (x : Bool) (n : Nat) (ih : (m : Nat) → m < n → Bool) : Bool :=
  match n with
  | 0 => x
  | k + 1 => ih k (Nat.lt_succ_self k)
noncomputable def walk (x : Bool) (n : Nat) (h : Acc (fun a b : Nat => a < b) n) : Bool :=
  Acc.rec (motive := fun _ _ => Bool) (fun m _ ih => turn x m ih) h
opaque start : Acc (fun a b : Nat => a < b) 1 := Nat.lt_wfRel.wf.apply 1
noncomputable def p1 : Bool := walk false 1 start
noncomputable def p2 : Bool := walk false 1 (Acc.intro 1 fun _ => Acc.inv start)
noncomputable def p3 : Bool := walk false 0 (Acc.inv start (Nat.lt_succ_self 0))
theorem walk_eq (x : Bool) (n : Nat) (h : Acc (fun a b : Nat => a < b) n) : walk x n h = x := by
  induction h with
  | intro n _ ih =>
    cases n with
    | zero => rfl
    | succ n => exact ih n (Nat.lt_succ_self n)
def Left : Prop := p1 = p2
def Right : Prop := p1 = p3
opaque key : Right := (walk_eq false _ _).trans (walk_eq false _ _).symm
def sortOf (h : Left) : Type := Eq.rec (motive := fun _ _ => Type) Prop h

inductive Owner (h : Left) : sortOf h | mk (bit : Bool) : Owner h
def asProp (h : Left) : Prop := Owner h
def Carrier : Prop := asProp key
noncomputable def look (x : Carrier) : Bool := by
  unfold Carrier asProp at x
  exact x.1
def f : Carrier := @Owner.mk key false
def g : Carrier := @Owner.mk key true
theorem target : False := by
  have e : f = g := proof_irrel f g
  have h : look f = look g := congrArg look e
  exact Bool.noConfusion (show false = true from h)
