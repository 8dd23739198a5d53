"""Commands that serve: clients, editors, agents."""
