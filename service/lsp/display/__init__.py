"""What one editor shows of ours while it is asked for nothing: how far searches are, hints, and remarks on statements."""
