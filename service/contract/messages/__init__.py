"""Conversion between the messages of each call and their dataclasses."""
