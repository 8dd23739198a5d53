"""Exports trained models to folders of weights for the server."""
