"""Pins of expensive extraction: numbers that stand for code while its digest matches.

Where the code of faces or of an extractor changes and gives what it gave, nothing is extracted
again: `LACUNA_PINS=renew pytest tests/features/test_pins.py` compares golden outputs and renews the
digests. Where it gives something else, the number is raised as well. A digest that does not match
costs time, and never gives a wrong result: the code counts then.
"""

from collections.abc import Mapping

from features.hashes import Pin

PINS: Mapping[str, Pin] = {
    "faces": Pin(2, "b1e2527deb36ac5cd5d9f127459a2a6fa63116df15b45bd7598c6a3207bbfbdb"),
    "opensmile": Pin(2, "b7e8e575febb7cb4fbe1866bcc6451f3b478eafcda31a16cfe8a958244000af6"),
    "vggface": Pin(2, "b1ef1323ed701686a5b2384beebfd8af0f7034f263a36cb90d095ea0c6009d11"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
