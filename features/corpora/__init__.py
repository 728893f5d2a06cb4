"""Corpus adapters: one module each."""
