"""Commands that administer a server: its settings, its Lean, its stores, its tokens."""
