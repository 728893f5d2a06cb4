"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "3bb40c8dcca70e8dcea14b0909a409ae5dbe7a6f3a8d4d82a7c2070130d9c949"),
    "opensmile": Pin(1, "a895d534c32b934936213ed97e3a311dddccf3109763786236378f8bc2163dbd"),
    "vggface": Pin(1, "128ed041a678edd0c1ce2504e20314e473cf42663931df9d48a49be13f588e13"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
