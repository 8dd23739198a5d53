"""Helpers for asyncio: tasks that are ended or completed whatever happens to their caller, changes, and allowances."""
