"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "21255d0e4623be658e0d7190f60d192d71cbe6dcc24d3bc96e47852740ecee63"),
    "opensmile": Pin(2, "aac71741324e1210a15e881a27adc9e78d3b3d9c8e5c491fd45683a6d6f697e6"),
    "vggface": Pin(2, "b7048043c6de16c433521866e7d2819b14837d329784da467455f3ec639bc9aa"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
