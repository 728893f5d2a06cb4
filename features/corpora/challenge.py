"""Predictions in the form in which the challenges of Aff-Wild2 take them."""

import re
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.task import AFFECT, Task

LOCATION = re.compile(r"(?P<name>[^/]+)/(?P<frame>(?!0+\.)[0-9]{5,7})\.jpg")


def write_predictions(
    predictions: Mapping[str, NDArray[np.floating]],
    wanted: Iterable[str] | None = None,
    task: Task = AFFECT,
) -> str:
    """The text of a file as a challenge takes it: a head, and a row per image location.

    Of valence and arousal the head is `image_location,valence,arousal`; of expressions
    `image_location,Neutral,Anger,...`, and a row has the number of the likeliest class. Image
    location `x/00001.jpg` is the first frame of item x. A frame that is wanted beyond the last one
    predicted gets the last prediction: decoders differ by a few frames in their counts.

    Args:
        predictions: (frames, outputs) by item; of expressions logits or probabilities.
        wanted: image locations in the order that the challenge lists them; None for every frame of
            every item.
        task: AFFECT or EXPRESSIONS.

    Raises:
        InputError: a wanted image location is malformed, or of an item that is not predicted.
        ValueError: a prediction is not finite, or an item has none.

    >>> from features.corpora.tracks import EXPRESSIONS
    >>> logits = {"x": np.eye(8)[[4, 7]]}
    >>> print(write_predictions(logits, ["x/00002.jpg"], EXPRESSIONS), end="")
    image_location,Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other
    x/00002.jpg,7
    """
    for name, values in predictions.items():
        if len(values) == 0 or not np.isfinite(values).all():
            raise ValueError(f"predictions of {name} are empty or not finite")
    if wanted is None:
        wanted = (f"{n}/{i:05d}.jpg" for n, v in predictions.items() for i in range(1, len(v) + 1))
    is_classes = task.kind == "classification"
    names = [name.capitalize() if is_classes else name for name in task.outputs]
    rows = [",".join(["image_location", *names])]
    for location in wanted:
        match = LOCATION.fullmatch(location)
        if match is None or match["name"] not in predictions:
            raise InputError(
                f"image location {location!r} is of no item predicted",
                "write it as name/00001.jpg, and have the item in the test list",
            )
        values = predictions[match["name"]]
        frame = values[min(int(match["frame"]), len(values)) - 1]
        answer = str(frame.argmax()) if is_classes else ",".join(f"{x:.6f}" for x in frame)
        rows.append(f"{location},{answer}")
    return "\n".join(rows) + "\n"
