"""Evaluation of a model's samples: pass@k, precision and coverage, difficulty, diversity; figures, plots and a
table.
"""
