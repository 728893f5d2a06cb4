"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(1, "4d1ec29279df158cb1fc9743437258dc16ab97b0a2f4c6482491a4ab6fcadd9d"),
    "opensmile": Pin(1, "90fba99820ddd56bd65cc6549519742b79effb6a591c7a5894795b6bd3ee06be"),
    "vggface": Pin(1, "ce1bab9d371ecbf693d394a7869326aa5979f60c35d96cb401eb715e18590eed"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
