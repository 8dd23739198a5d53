"""What a theorem's context declares, and what of it matters for a proof."""
