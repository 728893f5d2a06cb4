"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(1, "aaf229c27ee825047da9947dfa8f41fd827ab68d75eeb68312f6466b6a2ca135"),
    "opensmile": Pin(1, "b2107fa35617b7ea99f6fbcd0a7a3feb7dc042bbff14b3478897705138299ce4"),
    "vggface": Pin(1, "a9018860d8a5f2ab789ad3e41665bb3d708ae39c29a71e18da2bbd37c2555e7c"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
