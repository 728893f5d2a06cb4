"""Pins: golden outputs of expensive code, compared before its digest is renewed.

After a change of code that should change no output: `LACUNA_PINS=renew pytest
tests/features/test_pins.py` compares, and writes the digests into features/pins.py. After one that
should: raise the number there first, and the same command writes the golden outputs again.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.pins import PINS
from pipeline.engine.keys import digest_of_code
from tests.helpers.project import ROOT

FILE = ROOT / "features/pins.py"


def check_pin(
    name: str,
    function: Callable[..., Any] | str,
    outputs: Mapping[str, NDArray[Any]],
    golden: Path,
    *,
    rows: Sequence[tuple[str, str]] = (),
    rtol: float = 1e-5,
    atol: float = 1e-5,
) -> None:
    """Make sure that a pin stands for code that gives what it always gave.

    Args:
        name: in `PINS`.
        function: the job's, as `key_of` is given it.
        outputs: what the code gives now for the golden inputs, by any names.
        golden: an .npz file of what it gave when the pin's number was set; a few kilobytes.
        rows: as `key_of` is given them.
        rtol: relative difference between machines that is allowed.
        atol: absolute.
    """
    pin, renews = PINS[name], os.environ.get("LACUNA_PINS") == "renew"
    kept = load(golden)
    if renews and kept.get("number") != pin.number:
        golden.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(golden, number=pin.number, **outputs)
        kept = load(golden)
    raise_it = f"raise the number of {name} in features/pins.py, then LACUNA_PINS=renew"
    assert kept.pop("number", None) == pin.number, "its golden outputs: LACUNA_PINS=renew"
    assert kept.keys() == outputs.keys(), raise_it
    for key, values in kept.items():
        assert values.shape == outputs[key].shape, f"{key}: {raise_it}"
        np.testing.assert_allclose(outputs[key], values, rtol=rtol, atol=atol, err_msg=raise_it)
    digest = digest_of_code(function, tuple(rows))
    if renews:
        FILE.write_text(FILE.read_text().replace(pin.digest, digest))
        return
    assert digest == pin.digest, f"the code of {name} changed, its outputs not: LACUNA_PINS=renew"


def load(golden: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file; none where there is no file."""
    if not golden.exists():
        return {}
    with np.load(golden) as arrays:
        return {key: arrays[key] for key in arrays.files}
