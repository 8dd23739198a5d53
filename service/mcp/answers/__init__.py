"""Structured answers of the tools. `success`: the tool ran. `ok`: Lean accepted. These are different facts."""
