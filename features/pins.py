"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "0df2ff3e6efa849e54535b7e441b0b9064e9203b1c908b5358ce7eeb23f72432"),
    "opensmile": Pin(1, "1e769c7803e8cc4aaf0e85c912e2ac0174333ab21757d8915e84da7645bf7d1d"),
    "vggface": Pin(1, "d801334566e0c0b7498613042540f4286a131e093814d8e1759430b68791571f"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
