"""Figures, each a function from a table of results."""
