"""The tools for agents, with their public names: those about statements, and those about files."""
