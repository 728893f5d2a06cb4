"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(1, "fdf7e95415b849ccda83ece0a0faf81633acb81149ded9d198d70e92069b81b0"),
    "opensmile": Pin(1, "2897c8e64fab6fb38e65cb3deaa217a778f4538bc61741034a05ec33816ed471"),
    "vggface": Pin(1, "620228ff66519a846c6af23b747a432c48ff322fb7f617e8e94682a693f18981"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
