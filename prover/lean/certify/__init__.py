"""Certification of a toolchain: a fixed battery of tests that a worker must pass before its verdicts count."""
