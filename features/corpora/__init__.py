"""Corpora: the table of them, and one module each."""
