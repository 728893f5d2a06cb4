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
    "opensmile": Pin(1, "86e6f925d38ae88088b9e4574e3390ad781eaf00befe88b701c5a379819f0a6b"),
    "vggface": Pin(1, "6525342228bf0873725796e9766ecf578fd9d791402ff58f9c89baad412bd545"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
