"""Definitions by recursion and induction, as contexts of theorems."""

LISTS = """def put {α : Type} (y : α) : List α → List α
  | [] => [y]
  | x :: xs => x :: put y xs

def turn {α : Type} : List α → List α
  | [] => []
  | x :: xs => put x (turn xs)

def sumFrom : List Nat → Nat → Nat
  | [], a => a
  | x :: xs, a => sumFrom xs (a + x)
"""
EVEN = "inductive Even : Nat → Prop where\n  | zero : Even 0\n  | step (n : Nat) : Even n → Even (n + 2)\n"
