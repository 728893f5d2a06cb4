"""The DVC stages, one thin module each, and what they share."""
