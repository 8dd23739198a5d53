"""Theorems to train and evaluate on: files, public data sets, generators, deduplication and splits."""
