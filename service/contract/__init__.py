"""Conversion between proto messages and the dataclasses of engine and service. No other layer below sees messages."""
