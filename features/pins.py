"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "db54c1daed5b2e9d5996db061f1d626e65c8bb5934b6baa4b5a445211609b66e"),
    "opensmile": Pin(2, "27d198fb875495374dd98099a5b584362f4724a968d9ef2841dc917faa07ebde"),
    "vggface": Pin(2, "f91e055eb058e5399369403b3548aafa19fea5dab86baf0fc71f43c3cc246773"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
