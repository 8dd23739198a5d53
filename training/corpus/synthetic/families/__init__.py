"""Families of generated theorems, one file each."""
