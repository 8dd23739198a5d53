"""What a model's samples say: pass@k, precision and coverage, difficulty, diversity; figures, plots and a table."""
