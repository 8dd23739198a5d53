/-! Notation, terms and tactics of the file's own, before what uses them. -/
notation "ℕ" => Nat
infixl:65 " ⊕⊕ " => fun (a b : ℕ) => a + b
local notation "⟦" a "," b "⟧" => (a, b)
macro "five" : term => `(5)
macro "finish" : tactic => `(tactic| omega)
syntax "sum! " term:max term:max : term
macro_rules
  | `(sum! $x $y) => `($x + $y)

macro "all! " "[" xs:term,* "]" : term => `([$xs,*])
macro "one_by_one " "[" ts:tactic,* "]" : tactic => `(tactic| ($[$ts];*))
macro "sevens " "{" names:ident* "}" body:term : term => do
  let mut made := body
  for name in names do
    made ← `(let $name := 7; $made)
  return made

theorem spliced (n : ℕ) (h : sevens {a b} n = a + b) : all! [n, 1, 2] = 14 :: [1, 2] := by
  one_by_one [skip, sorry]

theorem swap (a b : ℕ) : ⟦a ⊕⊕ 0, sum! b 0⟧ = (a, b) := by
  sorry

theorem done (n : ℕ) (h : n < five) : n ≤ 4 ∧ n < 6 := by
  constructor
  · finish
  · sorry
