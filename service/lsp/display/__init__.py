"""Display in an editor: progress of searches, hints, and remarks on statements."""
