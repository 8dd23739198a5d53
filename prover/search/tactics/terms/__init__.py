"""Terms for a goal: witnesses, applications, and the arithmetic that finds them."""
