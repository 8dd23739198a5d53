"""Where conjectures come from: mutations of proved theorems, synthetic templates, the library."""
