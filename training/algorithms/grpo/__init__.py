"""GRPO and single modifications of it: standardised rewards of a group, a clipped ratio."""
