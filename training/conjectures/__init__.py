"""Theorems of our own making: mutations of known ones, kept where they are new, hold, and are worth a proof."""
