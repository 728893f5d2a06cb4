"""Rows of tables that a training uses; loads no torch."""

from features.settings import MODALITIES, Modality
from models.settings import ModelSettings, TrainSettings

TEACHERS: dict[Modality, str] = {modality: f"teacher-{modality}" for modality in MODALITIES}
"""The parts of a training that train its teachers."""

TEACHER_NETWORK = "unimodal"


def training_rows(model: ModelSettings, train: TrainSettings) -> list[tuple[str, str]]:
    """The rows that a model and its teachers use, without metrics.

    >>> training_rows(ModelSettings(), TrainSettings())
    [('network', 'crossmodal'), ('strategy', 'none')]
    """
    rows = [("network", model.network), ("strategy", model.ablation.strategy)]
    if train.teacher:
        rows += [("network", TEACHER_NETWORK), ("strategy", "none")]
    return rows
