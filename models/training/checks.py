"""Settings and tasks that do not go together, refused before any training."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from features.errors import InputError
from features.extractors.settings import StreamSettings
from features.task import Task
from models.ablation.registry import STRATEGIES
from models.networks.registry import NETWORKS
from models.settings import Ablation, EvaluateSettings, ModelSettings, TrainSettings
from models.settings.resolved import Resolved


class ComparedModels(Protocol):
    """The settings of all models, as params.yaml has them."""

    @property
    def train(self) -> TrainSettings:
        """How models are trained that do not say otherwise."""
        ...

    @property
    def evaluate(self) -> EvaluateSettings:
        """How they are compared."""
        ...

    @property
    def streams(self) -> Mapping[str, StreamSettings]:
        """The streams that models see, by name."""
        ...

    @property
    def models(self) -> Mapping[str, ModelSettings]:
        """The models' settings by name."""
        ...

    def resolved(self, name: str) -> Resolved:
        """A model's settings, resolved."""
        ...


def check_settings(params: ComparedModels, task: Task, *, gives_features: bool) -> None:
    """Refuse what cannot be trained, or would give misleading results.

    Args:
        params: all settings; those of every model are checked.
        task: of the corpus.
        gives_features: whether the corpus has features in place of media.

    Raises:
        InputError: names the setting.
    """
    if params.evaluate.causal and task.level == "sequence":
        raise InputError(
            "evaluate.causal is set, and the corpus has a label a sequence, which is heard to its "
            "end",
            "set it to false",
        )
    for condition in params.evaluate.conditions:
        if gives_features and STRATEGIES[condition.strategy].faces:
            raise InputError(
                f"evaluate.conditions has {condition.strategy}, and the corpus gives features, no "
                "faces",
                "leave it out",
            )
    for name, model in params.models.items():
        if model.saved is None:
            _check_model(params, name, task, gives_features)
        own_clocks = [stream for stream in model.sees if params.streams[stream].align == "none"]
        if own_clocks and "neighbours" in {c.fill for c in params.evaluate.conditions}:
            raise InputError(
                f"evaluate.conditions fills with neighbours, and stream {own_clocks[0]} of {name} "
                "has align: none, so that its steps have no other modality beside them",
                "choose another fill",
            )
        _check_clocks(name, model, own_clocks, task)


def _check_model(params: ComparedModels, name: str, task: Task, gives_features: bool) -> None:
    resolved, strategy = params.resolved(name), params.models[name].ablation.strategy
    train, row = resolved.train, STRATEGIES[strategy]
    if train.heldout == params.evaluate.split == "validation":
        raise InputError(
            f"train.heldout of {name} and evaluate.split are both validation: the epoch would be "
            "chosen on the clips that results are reported of",
            "evaluate on test, or hold out a share of the training speakers",
        )
    if train.within_speaker and task.kind != "regression":
        raise InputError(
            f"train.within_speaker of {name} is set, and it is a CCC: the corpus has none",
            "set it to 0",
        )
    if train.ccc == "sequence" and (task.kind, task.level) != ("regression", "frame"):
        raise InputError(
            f"train.ccc of {name} is sequence, and the corpus has no numbers over time, of which a "
            "sequence has a CCC",
            "set it to batch",
        )
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
    if train.batch_clips < row.smallest_batch:
        raise InputError(
            f"train.batch_clips of {name} is {train.batch_clips}, of which {strategy} cannot take "
            "its share",
            f"set it to {row.smallest_batch} or more",
        )
    reason = _why_no_teacher_speaks(params.models[name])
    if train.teacher and reason:
        raise InputError(
            f"train.teacher of {name} is set, and {reason}: a teacher speaks for a modality "
            "where the other is gone",
            f"set models.{name}.train.teacher to 0",
        )
    unused = resolved.options.unused(task.level)
    if unused is not None:
        option, reason = unused
        raise InputError(f"options.{option} of {name} is set, and {reason}", "leave it out")
    if row.faces and gives_features:
        raise InputError(
            f"models.{name}.ablation.strategy is {strategy}, and the corpus gives features, "
            "no faces",
            "choose another strategy",
        )


def _check_clocks(name: str, model: ModelSettings, streams: Sequence[str], task: Task) -> None:
    """Refuse streams at their own rate where the answers are of frames, or frames are added."""
    if not streams:
        return
    if task.level == "frame":
        raise InputError(
            f"stream {streams[0]} of {name} has align: none, and every frame has labels",
            "set it to frames",
        )
    if len(model.sees) > 1 and not NETWORKS[model.network].lengths:
        able = ", ".join(n for n, row in NETWORKS.items() if row.lengths)
        raise InputError(
            f"network {model.network} of {name} needs sound and picture of the same frames, and "
            f"stream {streams[0]} has align: none",
            f"set it to frames, or choose {able}",
        )


def _why_no_teacher_speaks(model: ModelSettings) -> str | None:
    """Why no clip of a batch is left with one modality alone; None where some are."""
    if len(model.sees) == 1:
        return "it sees one modality"
    if not model.ablation.modalities:
        return "it loses nothing"
    if takes_whole_modality(model.ablation):
        return None
    return f"{model.ablation.strategy} never takes a whole modality as it is set"


def takes_whole_modality(ablation: Ablation) -> bool:
    """Whether a clip can lose a whole modality, and its network know it.

    A strategy of the user's own may do anything.

    >>> takes_whole_modality(Ablation(strategy="frame_zero", p=0.9))
    False
    >>> takes_whole_modality(Ablation(strategy="mixed"))
    True
    """
    row = STRATEGIES[ablation.strategy]
    if row.leaves is None:
        return True
    if row.leaves == "frames":  # what they show counts as there
        return False
    if "mixture" in row.uses:
        return ablation.mixture.intact < 1 and ablation.mixture.clips > 0
    if "p" in row.uses:
        return ablation.p != 0 if row.leaves == "clips" else ablation.p == 1
    return "fill" not in row.uses or ablation.fill != "noise"
