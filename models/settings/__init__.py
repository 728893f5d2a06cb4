"""What a user can set about networks, ablation and training; no heavy import, pydantic alone."""

from models.settings.ablation import Ablation, Share, Strategy
from models.settings.base import MODALITIES, Modality, Probability, Seed, Settings
from models.settings.evaluation import ConditionGrid, EvaluateSettings
from models.settings.model import ModelSettings, NetworkName
from models.settings.network import OPTIONS, CrossmodalOptions, NetworkSize, Options
from models.settings.task import Task
from models.settings.training import Precision, TrainSettings

__all__ = [
    "MODALITIES",
    "OPTIONS",
    "Ablation",
    "ConditionGrid",
    "CrossmodalOptions",
    "EvaluateSettings",
    "Modality",
    "ModelSettings",
    "NetworkName",
    "NetworkSize",
    "Options",
    "Precision",
    "Probability",
    "Seed",
    "Settings",
    "Share",
    "Strategy",
    "Task",
    "TrainSettings",
]
