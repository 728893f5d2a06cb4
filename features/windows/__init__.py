"""Streams brought together on one clock: context, z-norm, labels."""
