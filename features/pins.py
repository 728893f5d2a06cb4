"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(1, "18e1065e2e0e7a65bdfa5c74455bf59a0657e88a59565de4c5f1649e48308af8"),
    "opensmile": Pin(1, "af6342f193899b8f3f596bed7f2ac7b999e949ea1378d8525a2f91b578f5a65c"),
    "vggface": Pin(1, "727195f13e8d9f4b166f92c8af4058cbc0c17843f9f606b114a0afed92602944"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
