"""What requests choose by name, and what stands for it: Leans, models, samplers, strategies."""
