"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "6535efddd40cf14a306752fff5f2013f458cb1e65d569a6fce17c33721812981"),
    "opensmile": Pin(2, "245d55cb9151a928f4e11a6eaf4d4d3d6b06ee6f4c816822cacebaf103bbf0dd"),
    "vggface": Pin(2, "b1ef1323ed701686a5b2384beebfd8af0f7034f263a36cb90d095ea0c6009d11"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
