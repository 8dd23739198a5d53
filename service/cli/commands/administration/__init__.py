"""Administrative commands: settings, Lean, stores, tokens."""
