"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "0dfd3e9e8f4a2edd8660770e6ab58dd391fa0730763fc823ab47fbb1ace237f2"),
    "opensmile": Pin(2, "9e4aeac87bb8b9776a12062f969b991a6c9c0668f47ac0b2666baef023fc9401"),
    "vggface": Pin(2, "f91e055eb058e5399369403b3548aafa19fea5dab86baf0fc71f43c3cc246773"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
