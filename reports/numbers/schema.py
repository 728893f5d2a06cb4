"""The columns of the result files (version 3), and the values that they can hold."""

from collections.abc import Sequence

from reports.numbers.task import Task

MODALITIES = ("audio", "video", "both")
NONE = "none"  # the strategy of intact input, and the filling that leaves lost frames lost
STRATEGIES = (
    NONE,
    "clip_zero",
    "frame_zero",
    "frame_repeat",
    "subclip",
    "burst",
    "noise",
    "blank_face",
)
FILLS = (NONE, "hold", "nearest")
ALL = "all"  # the subset of every label
NATURAL = ("no_face", "no_sound", "no_voice", "face_and_sound")
MEASURES = ("intact", "video_gone", "audio_gone", "mean")
TESTS = ("t", "bootstrap", "fisher_z")

MEAN = "mean"  # as a target: the mean of the targets

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
    "p_adjusted": "float64",
    "n": "float64",  # empty where there is no verdict
    "significant": "int64",
    "note": "str",
}
# The columns that tell rows apart, where a table has them; the others are what was measured.
KEYS = (
    *("model", "seed", "modality", "strategy", "p", "burst", "fill", "subset", "trial"),
    *("item", "epoch", "time", "target", "measure", "test"),
)


def evaluation_columns(task: Task) -> dict[str, str]:
    """Columns of `evaluation/<model>.csv` and their types."""
    return {
        "model": "str",
        "seed": "int64",
        "modality": "str",
        "strategy": "str",
        "p": "float64",
        "burst": "float64",
        "fill": "str",
        "subset": "str",
        "trial": "int64",
        "target": "str",
        **dict.fromkeys(task.metrics, "float64"),
        "n": "int64",
    }


def video_columns(task: Task) -> dict[str, str]:
    """Columns of `videos/<model>.csv` and their types: metrics, or for sequences predictions."""
    columns = {"model": "str", "seed": "int64", "item": "str", "target": "str"}
    if task.level == "frame":
        return {**columns, **dict.fromkeys(task.metrics, "float64"), "n": "int64"}
    kind = "str" if task.kind == "classification" else "float64"
    return {**columns, "annotated": kind, "predicted": kind}


def allowed_values(task: Task) -> dict[str, Sequence[str]]:
    """What the columns of names can hold, in every file that has them."""
    allowed: dict[str, Sequence[str]] = {
        "modality": MODALITIES,
        "strategy": STRATEGIES,
        "fill": FILLS,
        "subset": (ALL, *NATURAL),
        "target": task.targets,
    }
    if task.kind == "classification":
        allowed |= {"annotated": task.outputs, "predicted": task.outputs}
    return allowed
