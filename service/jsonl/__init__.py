"""JSON Lines input and output: items of a file, answered with one line each, resumable."""
