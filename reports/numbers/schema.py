"""The columns of the result files (version 4), and the values that they can hold."""

from collections.abc import Collection, Mapping
from typing import get_args

from features.task import Task
from models.ablation.registry import STRATEGIES
from models.evaluation.registry import CHOOSING, REPORTED, SUBSETS, metrics_of
from models.settings.ablation import Drawn, Unit
from models.settings.base import MODALITIES
from models.settings.evaluation import FILLS

LOSERS = (*MODALITIES, "both", "together")
"""What the column `modality` can hold: what loses."""
NONE = "none"
"""The strategy of intact input, and the filling that leaves lost frames lost."""
ALL = "all"
"""The subset of every label."""
MEAN = "mean"
"""As a target: the mean of the targets; as a headline: the robustness area."""

INTACT, VIDEO_GONE, AUDIO_GONE, WORST_DROP = "intact", "video_gone", "audio_gone", "worst_drop"
HEADLINES: Mapping[str, str] = {
    INTACT: "Intact",
    VIDEO_GONE: "Picture gone",
    AUDIO_GONE: "Sound gone",
    MEAN: "Robustness area",
    WORST_DROP: "Worst drop",
}
"""The numbers that stand for a model, and their titles."""
MEASURES = tuple(name for name in HEADLINES if name != WORST_DROP)
"""Those that are means over conditions, so that differences of them can be tested."""
VIDEO_FALL, AUDIO_FALL = "video_fall", "audio_fall"
BY_GROUP: Mapping[str, tuple[str, ...]] = {
    INTACT: ("none",),
    VIDEO_GONE: ("video",),
    AUDIO_GONE: ("audio",),
    VIDEO_FALL: ("none", "video"),
    AUDIO_FALL: ("none", "audio"),
}
"""What is measured by group, and what is lost where it is: a score, or how far it falls from one
condition to the other."""
LEVELS = {"t": 0.05, "bootstrap": 0.05, "fisher_z": 0.01}
"""The tests and their levels, as the papers have them; for the bootstrap, of the adjusted p."""

EVALUATED_INPUTS = ("AV", "A", "V", "M")
"""Both modalities, only sound, only picture, and the mean of the three."""
CONDITION = [
    "modality",
    "strategy",
    "p",
    "rates",
    "burst",
    "fill",
    "unit",
    "drawn",
    "causal",
    "subset",
]
"""The columns that tell conditions apart."""
KEYS = (
    *("model", "reference", "seed", "speakers"),
    *CONDITION,
    *(
        "trial",
        "item",
        "epoch",
        "time",
        "basis",
        "column",
        "group",
        "target",
        "measure",
        "at",
        "test",
    ),
)
"""The columns that tell rows apart, where a table has them; the others are what was measured."""

TRACES = {
    "model": "str",
    "item": "str",
    "time": "float64",
    "target": "str",
    "annotated": "float64",
    "predicted": "float64",
    "face_present": "int64",
    "sound_present": "int64",
}
TRUST = {
    "model": "str",
    "seed": "int64",
    "basis": "str",  # what answers rest on: both, audio, video, none; any
    "modality": "str",
    "strategy": "str",
    "p": "float64",
    "burst": "float64",
    "speakers": "int64",  # that temperatures and intervals are learnt from
    "target": "str",
    "measure": "str",
    "at": "float64",  # the coverage that is asked for, or the share that is answered
    "value": "float64",
    "n": "int64",
}
COST = {
    "model": "str",
    "seed": "int64",
    "parameters": "int64",
    "flop_per_second": "float64",  # empty where one vector stands for an item
    "seconds": "float64",  # of the clip that operations were counted on
    "audio_steps": "int64",  # of that clip
    "video_steps": "int64",
}
TRAINING = {
    "model": "str",
    "seed": "int64",
    "epoch": "int64",
    "train_loss": "float64",
    "heldout": "float64",
    "best": "int64",
}
SIGNIFICANCE = {
    "model": "str",
    "reference": "str",
    "target": "str",
    "measure": "str",
    "test": "str",
    "difference": "float64",
    "low": "float64",
    "high": "float64",
    "p": "float64",
    "p_worse": "float64",  # of a one-tailed test in the other direction
    "p_adjusted": "float64",
    "n": "float64",  # empty where there is no verdict
    "significant": "int64",  # 1 where the model is better, -1 where it is worse
    "note": "str",
}
GROUP_SCORES = {
    "model": "str",
    "column": "str",  # of groups; empty where the group is everybody
    "group": "str",
    "target": "str",
    "measure": "str",  # a score, or how far it falls when a modality goes
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "items": "int64",
    "speakers": "int64",
    "n": "int64",
    "compared": "int64",  # 1 where there are speakers enough to be compared with other groups
}
GAPS = {
    "model": "str",
    "column": "str",
    "target": "str",
    "measure": "str",
    "higher": "str",
    "lower": "str",
    "groups": "int64",  # that were compared
    "gap": "float64",
    "low": "float64",
    "high": "float64",
    "p": "float64",
    "p_adjusted": "float64",
    "significant": "int64",
}


def evaluation_columns(task: Task) -> dict[str, str]:
    """Columns of `evaluation/<model>.csv` and their types."""
    return {
        "model": "str",
        "seed": "int64",
        "speakers": "str",  # whom it is of: REPORTED or CHOOSING
        "asked": "int64",  # 1 where the settings name the condition, 0 where it is but a named one
        "modality": "str",
        "strategy": "str",
        "p": "float64",
        "rates": "str",  # of sound and picture, 0.2/0.8, whose mean is p; or EQUAL
        "burst": "float64",
        "fill": "str",
        "unit": "str",  # what is lost of a frame: window or signal
        "drawn": "str",  # anew in every trial, or once
        "causal": "int64",  # 1 where every frame is the last one that its window sees
        "subset": "str",
        "trial": "int64",
        "target": "str",
        **dict.fromkeys(metrics_of(task), "float64"),
        "n": "int64",
    }


def video_columns(task: Task) -> dict[str, str]:
    """Columns of `videos/<model>.csv` and their types: metrics, or for sequences predictions."""
    columns = {"model": "str", "seed": "int64", "item": "str", "speaker": "str", "target": "str"}
    if task.level == "frame":
        return {**columns, **dict.fromkeys(metrics_of(task), "float64"), "n": "int64"}
    kind = "str" if task.kind == "classification" else "float64"
    return {**columns, "annotated": kind, "predicted": kind}


def allowed_values(task: Task) -> dict[str, Collection[str]]:
    """What the columns of names can hold, in every file that has them."""
    allowed: dict[str, Collection[str]] = {
        "modality": LOSERS,
        "strategy": STRATEGIES,
        "speakers": (REPORTED, CHOOSING),
        "fill": tuple(FILLS),
        "unit": get_args(Unit),
        "drawn": get_args(Drawn),
        "subset": (ALL, *SUBSETS),
        "target": task.targets,
    }
    if task.kind == "classification":
        allowed |= {"annotated": task.outputs, "predicted": task.outputs}
    return allowed
