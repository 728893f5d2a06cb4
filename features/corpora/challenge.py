"""Predictions in the form in which the valence-arousal challenge of Aff-Wild2 takes them."""

import re
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError

LOCATION = re.compile(r"(?P<name>[^/]+)/(?P<frame>(?!0+\.)[0-9]{5,7})\.jpg")


def write_predictions(
    predictions: Mapping[str, NDArray[np.floating]], wanted: Iterable[str] | None = None
) -> str:
    """The text of a file as the challenge takes it, with rows `image_location,valence,arousal`.

    Image location `x/00001.jpg` is the first frame of item x. A frame that is wanted beyond the
    last one predicted gets the last prediction: decoders differ by a few frames in their counts.

    Args:
        predictions: (frames, 2) valence and arousal, by item.
        wanted: image locations in the order that the challenge lists them; None for every frame of
            every item.

    Raises:
        InputError: a wanted image location is malformed, or of an item that is not predicted.
        ValueError: a prediction is not finite, or an item has none.
    """
    for name, values in predictions.items():
        if len(values) == 0 or not np.isfinite(values).all():
            raise ValueError(f"predictions of {name} are empty or not finite")
    if wanted is None:
        wanted = (f"{n}/{i:05d}.jpg" for n, v in predictions.items() for i in range(1, len(v) + 1))
    rows = ["image_location,valence,arousal"]
    for location in wanted:
        match = LOCATION.fullmatch(location)
        if match is None or match["name"] not in predictions:
            raise InputError(
                f"image location {location!r} is of no item predicted",
                "write it as name/00001.jpg, and have the item in the test list",
            )
        values = predictions[match["name"]]
        valence, arousal = values[min(int(match["frame"]), len(values)) - 1]
        rows.append(f"{location},{valence:.6f},{arousal:.6f}")
    return "\n".join(rows) + "\n"
