"""Deleting what is kept of a person: in data, results, DVC's cache and the item cache."""
