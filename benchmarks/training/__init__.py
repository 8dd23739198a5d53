"""Costs of training and sampling."""
