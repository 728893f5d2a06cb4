"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(1, "51e8318915793bb3ca2dcbc9eb365ce5be3e5122137b2ca6d458363049ca0877"),
    "opensmile": Pin(1, "494d4f92ed9a449fe90e1b28d5f6fbedd9df1b14586fe6ae114a1921502442c1"),
    "vggface": Pin(1, "914ab7a77ae1677b84e395577c1a513b86b9965e48e778450b468a4046d12cf5"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
