"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "536e56063c953dc475dc0cc50200a3989e2c84491e0fc3b74bbbc24ad3fa9265"),
    "opensmile": Pin(1, "0074ab1d8a99477e04fd8f4cd4a507d94a4f03065eec80de2c1659aa122b38ac"),
    "vggface": Pin(1, "7601cee7206fa8d7bacf5ca16694a7cb55bc1d83abea2a91c8fdbcb6b0d696a1"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
