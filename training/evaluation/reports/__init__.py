"""Reports of evaluations: figures of each model, tables and plots."""
