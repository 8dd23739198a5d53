"""leansieve in editors: a language server in addition to Lean's."""
