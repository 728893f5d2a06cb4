"""Conditions, metrics, scores and statistics."""
