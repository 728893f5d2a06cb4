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
    "opensmile": Pin(1, "80dbee76a7b3632913aebab143229ff18ed88313f5fee2961f09b5f694202082"),
    "vggface": Pin(1, "9cc3abb88a3e42b9ec7621906a62894a3640f560d035bb789ea22c6b24896d27"),
}
"""By what is extracted: `faces`, or the row of an extractor."""
