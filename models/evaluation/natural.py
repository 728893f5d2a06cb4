"""Frames that the recordings themselves lack something for, scored apart: four kinds.

Simulated losses leave the rest of a recording as it was; real ones come with turned heads, hands,
darkness and muted microphones. The input is intact, and nothing but the labels that are scored
differs. A frame is without a picture where none came (`windows.hold` seconds after the last one),
and without a face where the picture shows none. It is without sound where there is next to nothing
in the file, by default less than −60 dBFS for 0.3 s (`sound_present` of
`features.extractors.silence`). It has a sound but no voice in a pause of the speech: 0.3
s or more without pitch (`voice_present`, beside it).
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from models.evaluation.evaluator import pooled_scores
from models.evaluation.registry import SUBSETS
from models.evaluation.scores import Scores
from models.training.data import ClipData


def natural_scores(
    data: ClipData, predictions: Mapping[str, NDArray[np.float32]], metrics: Sequence[str]
) -> dict[str, Scores]:
    """Scores (targets,) of every subset; of one without a label n is 0 and metrics are NaN.

    Args:
        data: the clips of the split.
        predictions: of every item on intact input (`models.evaluation.evaluator.predict`).
        metrics: names of rows of METRICS.
    """
    return {
        subset: pooled_scores(
            data, predictions, metrics, partial(chosen_labels, data, subset=subset)
        )
        for subset in SUBSETS
    }


def chosen_labels(data: ClipData, item: str, subset: str) -> NDArray[np.bool_]:
    """(labels,) bool, which of an item's labels are in a subset.

    A sequence, which has one label, is in the subset that more than half of its frames are in; so
    it may be in none.
    """
    picture, face, sound, voice = (
        data.item_array(item, name) for name in ("picture", "face", "sound", "voice")
    )
    # A frame can be in several: one with neither a picture nor a sound, for example.
    frames = {
        "no_picture": ~picture,
        "no_face": picture & ~face,
        "no_sound": ~sound,
        "no_voice": sound & ~voice,
        "face_and_sound": face & sound,
    }[subset]
    return frames if data.task.level == "frame" else np.array([2 * frames.sum() > len(frames)])
