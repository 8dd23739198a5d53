import Lean
/-! Terms and tactics that the file elaborates itself, in the language of Lean's own programs. -/
open Lean Elab Meta Tactic

syntax "largest! " term,+ : term
elab_rules : term
  | `(largest! $xs,*) => do
    let mut best := 0
    for x in xs.getElems do
      if let some n := x.raw.isNatLit? then
        best := max best n
    return mkNatLit best

elab "by_context" : tactic => withMainContext do
  for declaration in ← getLCtx do
    if declaration.isImplementationDetail then continue
    if ← isDefEq (← getMainTarget) declaration.type then
      closeMainGoal `by_context declaration.toExpr
      return
  throwError "nothing in the context is what is wanted"

run_meta logInfo m!"{(← getEnv).mainModule}"

theorem largest (n : Nat) (h : n < largest! 3, 9, 4) : n ≤ 8 := by
  sorry

theorem both (p q : Prop) (hp : p) (hq : q) : q ∧ p := by
  constructor
  · by_context
  · sorry

theorem either (p q : Prop) (hp : p) : p ∨ q := by
  run_tac do logInfo m!"{← getMainGoal}"
  sorry
