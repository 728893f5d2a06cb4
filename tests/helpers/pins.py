"""Pins: golden outputs of expensive code, compared before its digest is renewed.

To write the golden outputs of a raised number:
`LACUNA_GOLDEN=write pytest tests/features/test_pins.py`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.pins import PINS
from pipeline.engine.keys import digest_of_code


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
        rtol: relative difference that is no difference, between machines.
        atol: absolute.
    """
    pin = PINS[name]
    if os.environ.get("LACUNA_GOLDEN") == "write":
        golden.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(golden, number=pin.number, **outputs)
    with np.load(golden) as kept:
        expected = {key: kept[key] for key in kept.files}
    raise_it = f"raise the number of {name} in features/pins.py and write its golden outputs"
    assert expected.pop("number") == pin.number, f"{golden.name} is of another number: write it"
    assert expected.keys() == outputs.keys(), raise_it
    for key, values in expected.items():
        assert values.shape == outputs[key].shape, f"{key}: {raise_it}"
        np.testing.assert_allclose(outputs[key], values, rtol=rtol, atol=atol, err_msg=raise_it)
    digest = digest_of_code(function, tuple(rows))
    assert digest == pin.digest, (
        f"the code of {name} changed and its outputs did not: "
        f'write Pin({pin.number}, "{digest}") in features/pins.py'
    )
