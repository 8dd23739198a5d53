"""What Lean workers cost: checks, memory, start-up, trust."""
