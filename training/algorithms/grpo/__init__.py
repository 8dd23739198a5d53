"""GRPO and what changes one thing of it: standardised rewards of a group, a clipped ratio."""
