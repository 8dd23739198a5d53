"""Checks outside the shared workers: isolated checks, quarantine, elaborators of one client."""
