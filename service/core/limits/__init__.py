"""Limits: concurrent requests, quotas of clients, sizes of texts."""
