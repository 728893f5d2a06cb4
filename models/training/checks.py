"""Settings and tasks that do not go together, refused before any training."""

from features.errors import InputError
from features.task import Task
from models.settings import AuxFormerOptions, ModelSettings
from pipeline.params import Params

SMALLEST_OPTIMIZED = 5
"""Clips of a batch, a fifth of which is a clip."""


def check_settings(params: Params, task: Task, *, gives_features: bool) -> None:
    """Refuse what cannot be trained, or would give misleading results.

    Args:
        params: all settings; those of every model are checked.
        task: of the corpus.
        gives_features: whether the corpus has features in place of media.

    Raises:
        InputError: names the setting.
    """
    if params.train.heldout == params.evaluate.split == "validation":
        raise InputError(
            "train.heldout and evaluate.split are both validation: the epoch would be chosen on "
            "the clips that results are reported of",
            "evaluate on test, or hold out a share of the training speakers",
        )
    if gives_features and any(c.strategy == "blank_face" for c in params.evaluate.conditions):
        raise InputError(
            "evaluate.conditions has blank_face, and the corpus gives features, no faces",
            "leave it out",
        )
    for name in params.models:
        _check_model(params, name, task, gives_features)


def _check_model(params: Params, name: str, task: Task, gives_features: bool) -> None:
    resolved, strategy = params.resolved(name), params.models[name].ablation.strategy
    train, options = resolved.train, resolved.options
    if train.class_weights != "none" and task.kind != "classification":
        raise InputError(
            f"train.class_weights of {name} is {train.class_weights}, and the corpus has no "
            "classes",
            "set it to none",
        )
    if train.batch_clips == 1 and (task.kind, task.level) == ("regression", "sequence"):
        raise InputError(
            f"train.batch_clips of {name} is 1, and one label has no CCC", "set it to 2 or more"
        )
    if train.batch_clips < SMALLEST_OPTIMIZED and strategy == "optimized":
        raise InputError(
            f"train.batch_clips of {name} is {train.batch_clips}, of which optimized cannot take "
            "a fifth",
            f"set it to {SMALLEST_OPTIMIZED} or more",
        )
    why = _why_no_teacher_speaks(params.models[name])
    if train.teacher and why:
        raise InputError(
            f"train.teacher of {name} is set, and {why}: a teacher speaks for a modality where the "
            "other is gone",
            f"set models.{name}.train.teacher to 0",
        )
    pools = isinstance(options, AuxFormerOptions) and options.pooling != AuxFormerOptions().pooling
    if pools and task.level == "frame":
        raise InputError(
            f"options.pooling of {name} is set, and every frame has labels of its own: nothing is "
            "pooled",
            "leave it out",
        )
    if strategy == "blank_face" and gives_features:
        raise InputError(
            f"models.{name}.ablation.strategy is blank_face, and the corpus gives features, "
            "no faces",
            "choose another strategy",
        )


def _why_no_teacher_speaks(model: ModelSettings) -> str | None:
    """Why no clip of a batch is left with one modality alone; None where some are."""
    ablation = model.ablation
    if len(model.modalities) == 1:
        return "it sees one modality"
    match ablation.strategy:
        case "none":
            return "it loses nothing"
        case "optimized":
            takes_whole = True
        case "clip_zero":
            takes_whole = ablation.p != 0
        case "frame_zero" | "subclip" | "burst":
            takes_whole = ablation.p == 1
        case "modality_dropout":
            takes_whole = ablation.fill != "noise"
        case "mixed":
            takes_whole = ablation.mixture.intact < 1 and ablation.mixture.clips > 0
        case "frame_repeat" | "noise" | "blank_face":  # what they show counts as there
            takes_whole = False
    return None if takes_whole else f"{ablation.strategy} never takes a whole modality as it is set"
