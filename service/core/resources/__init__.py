"""Resources that requests select by name: Lean pools, models, samplers, strategies."""
