"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(1, "39ce47746083e493992a327c1ca622c82d6208a890541b3edf4bb636b045756f"),
    "opensmile": Pin(1, "4c7b282bad79a84df49781ce9d862499dc07b5411f362816ad5dc003294a021a"),
    "vggface": Pin(1, "c0a05d51d194968731ca31346fd5335d171cce01e6bd106d1d757a311186a364"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
