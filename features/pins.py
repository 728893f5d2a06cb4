"""Pins of expensive extraction: numbers that stand for code while its digest matches.

`tests/features/test_pins.py` compares the outputs on golden inputs and says what to write here: a
new digest where they are equal, a raised number where they are not.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {}
"""By what is extracted: `faces`, or the name of an extractor."""
