"""leansieve in editors: a language server beside the one of Lean."""
