"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "62d5e5943a485638b44321a3ba7fb438ea5c4120667fe2d0ba85cc725e45eb04"),
    "opensmile": Pin(2, "284ad39494cd00d76f0321c18644e4643b074c407b55caf8fd1ba00e702c5eba"),
    "vggface": Pin(2, "b1ef1323ed701686a5b2384beebfd8af0f7034f263a36cb90d095ea0c6009d11"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
