"""What a user can set about networks, ablation and training; no heavy import, pydantic alone."""

from models.settings.ablation import Ablation, Share
from models.settings.base import MODALITIES, Modality, Probability, Seed, Settings
from models.settings.evaluation import ConditionGrid, EvaluateSettings, Fill
from models.settings.model import ModelSettings
from models.settings.network import (
    AffWildNetOptions,
    AuxFormerOptions,
    CrossmodalOptions,
    FusionOptions,
    MulTOptions,
    NetworkSize,
    Options,
    SmootherOptions,
)
from models.settings.training import Precision, TrainSettings

__all__ = [
    "MODALITIES",
    "Ablation",
    "AffWildNetOptions",
    "AuxFormerOptions",
    "ConditionGrid",
    "CrossmodalOptions",
    "EvaluateSettings",
    "Fill",
    "FusionOptions",
    "Modality",
    "ModelSettings",
    "MulTOptions",
    "NetworkSize",
    "Options",
    "Precision",
    "Probability",
    "Seed",
    "Settings",
    "Share",
    "SmootherOptions",
    "TrainSettings",
]
