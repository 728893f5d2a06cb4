"""Trained recognisers as files that run without Lacuna, and without torch."""
