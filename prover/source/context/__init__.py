"""The declarations of a theorem's context, and their relevance to a proof."""
