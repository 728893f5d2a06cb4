"""What a user can set about networks, ablation and training; no heavy import, pydantic alone."""

from models.settings.ablation import Ablation, Drawn, Rates, Share, Unit
from models.settings.base import MODALITIES, Modality, Probability, Seed, Settings
from models.settings.evaluation import ConditionGrid, EvaluateSettings, Fill, Losers
from models.settings.model import ModelSettings
from models.settings.network import (
    AffWildNetOptions,
    AuxFormerOptions,
    CrossmodalOptions,
    FusionOptions,
    IMDerOptions,
    MMINOptions,
    MulTOptions,
    NetworkSize,
    Options,
    PictureFusionOptions,
    SmootherOptions,
    VAVLOptions,
)
from models.settings.training import Precision, TrainSettings

__all__ = [
    "MODALITIES",
    "Ablation",
    "AffWildNetOptions",
    "AuxFormerOptions",
    "ConditionGrid",
    "CrossmodalOptions",
    "Drawn",
    "EvaluateSettings",
    "Fill",
    "FusionOptions",
    "IMDerOptions",
    "Losers",
    "MMINOptions",
    "Modality",
    "ModelSettings",
    "MulTOptions",
    "NetworkSize",
    "Options",
    "PictureFusionOptions",
    "Precision",
    "Probability",
    "Rates",
    "Seed",
    "Settings",
    "Share",
    "SmootherOptions",
    "TrainSettings",
    "Unit",
    "VAVLOptions",
]
