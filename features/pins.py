"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "1ce06286eb5359866451e48aa3648f006645e61823ac14a9b2c129fab0e46cfe"),
    "opensmile": Pin(1, "ca22c726e2fc26cd59f737c1c63f2568ccd0ba2b1ad6f498fd571200526668d7"),
    "vggface": Pin(1, "4bbe197e02303d992cda3ae7147da09249dc617ba2b874384f235a76d51baa83"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
