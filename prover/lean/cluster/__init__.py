"""Lean workers on several hosts behind one pool. See docs/cluster.md."""
