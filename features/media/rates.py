"""Rates that all streams share."""

SAMPLE_RATE = 16_000
"""Samples per second of all sound."""
AUDIO_ONLY_RATE = 30
"""Frames per second of the timeline of a file without pictures."""
