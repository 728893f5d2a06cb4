"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(1, "9a99b978bd382757fb1195128236e4ecc7142e756fd14293b1ffc534b05bb535"),
    "opensmile": Pin(1, "90fba99820ddd56bd65cc6549519742b79effb6a591c7a5894795b6bd3ee06be"),
    "vggface": Pin(1, "ce1bab9d371ecbf693d394a7869326aa5979f60c35d96cb401eb715e18590eed"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
