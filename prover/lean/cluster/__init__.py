"""Lean workers of many hosts behind one pool. docs/cluster.md."""
