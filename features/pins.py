"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "5b59ba07b839617243cf22e514db8c8f2e84126e7d5946546a74c9f6fd8c428a"),
    "opensmile": Pin(2, "b8db0ec4aaeb6709627a40d8cac6831586e81e2fe88562edbbfb8af46c0398ae"),
    "vggface": Pin(2, "46239ed6b2c679e1668a59dfe56354b687cd9212db17fdde7b73936feecb8704"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
