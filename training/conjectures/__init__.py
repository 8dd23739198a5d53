"""Generated theorems: mutations of known ones, kept if they are new, provable, and neither trivial nor vacuous."""
