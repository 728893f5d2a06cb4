"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "84a01d99fb0a9dd5d02f42da05cba9f898369f1b7cf2cbbe737f2df396ef5504"),
    "opensmile": Pin(1, "94b5aad2be5ee854641d301c1c776242978d8f02d6955cedd0f0d06dfd1b6c7f"),
    "vggface": Pin(1, "6b62cd1a46f75f7e3c25e83bb49f0cd1cb29afbaa890b9c108ed703f76fb6125"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
