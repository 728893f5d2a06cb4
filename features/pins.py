"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "fe049505375e668daf484cffd9c8d4761058c961b968fb0a7e4f68b0d35078bb"),
    "opensmile": Pin(2, "a99f17f266efd0646ef0d56990facdf5dc84446024e08b78aa64925ce82f1727"),
    "vggface": Pin(2, "cf8a98382205a135c518c280cf6eb2230aac77cb3c521246a89a9aa0e343becd"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
