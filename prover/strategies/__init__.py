"""Ways to search a proof, all on the same samplers, the same Lean and the same budget."""
