"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "c4e0c2c540d03370c4aec30669317c8099c0f035abc4cccb7445a90a97855573"),
    "opensmile": Pin(2, "7b3eec552e152d2b25bf44316321b899bfb757086705c0f4082f1f55f3200425"),
    "vggface": Pin(2, "f91e055eb058e5399369403b3548aafa19fea5dab86baf0fc71f43c3cc246773"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
