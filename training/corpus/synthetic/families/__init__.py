"""Families of generated theorems, a file each."""
