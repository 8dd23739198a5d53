"""Assistance for a place in a file or a proof: tactics that work there, and holes that are filled."""
