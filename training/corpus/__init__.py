"""Corpora for training and evaluation: files, public data sets, generators, deduplication and splits."""
