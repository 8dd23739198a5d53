"""Hints in words: templates, other words for them, and what a hint must not say."""
