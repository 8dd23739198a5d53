"""Sources of conjectures: mutations of proved theorems, synthetic templates, the library."""
