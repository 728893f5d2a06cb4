"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "55d6e4722002d9a14825790e174a75ce64cf93e40f2f9181c2d0a010b454c91f"),
    "opensmile": Pin(2, "72d4604b2f3c2b9951a964d5a85e6d30559fe8306cf3d06ae1b93285ee10073a"),
    "vggface": Pin(2, "f91e055eb058e5399369403b3548aafa19fea5dab86baf0fc71f43c3cc246773"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
