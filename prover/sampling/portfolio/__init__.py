"""The portfolio: proof templates of core automation, a sampler without a model."""
