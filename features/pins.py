"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(1, "8f574440f80b24f10245237b07fbfb5357704fd79f8099b5c0491a0535db64a9"),
    "opensmile": Pin(1, "06acb4408cb30bd12610bd29027c998567421c27f6426b190522d025cea8dd2b"),
    "vggface": Pin(1, "9895bc70dcaef073e99f0d89c80d94994bece888d2094331b36e4509fd854206"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
