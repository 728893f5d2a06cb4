"""A model's settings, resolved from the shared ones, its preset's and its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from features.settings import MODALITIES, Modality, Settings
from models.networks.registry import NETWORKS, options_class
from models.settings.model import ModelSettings
from models.settings.network import NetworkSize, Options
from models.settings.presets import PRESETS
from models.settings.training import TrainSettings

OptionsT = TypeVar("OptionsT", bound=Options)


@dataclass(frozen=True)
class Resolved:
    """A model's settings with its preset's and the shared ones filled in.

    Attributes:
        train: how it is trained; `train.network` are its own sizes.
        options: of its architecture.
    """

    train: TrainSettings
    options: Options

    @property
    def size(self) -> NetworkSize:
        """The network's sizes."""
        return self.train.network


class _Checked(Settings, Generic[OptionsT]):
    """The three sections as a user writes them, so that an error names its key."""

    train: TrainSettings
    size: NetworkSize
    options: OptionsT


def resolve(
    model: ModelSettings, shared: TrainSettings, seen: Sequence[Modality] = MODALITIES
) -> Resolved:
    """The settings of one model: the shared ones, the preset's over them, its own over those.

    Args:
        model: its own.
        shared: those of all models.
        seen: the modalities of the streams that it sees.

    Raises:
        ValueError: the preset does not have the network, or something is set that has no use.
        pydantic.ValidationError: a value is impossible, or a key unknown; its place begins with
            train, size or options.
    """
    blind = [modality for modality in model.ablation.modalities if modality not in seen]
    if blind:
        raise ValueError(
            f"ablation takes {blind[0]} away, which the model does not see: "
            f"it sees {', '.join(model.sees)}"
        )
    size, train = shared.network, shared.model_dump()
    options: dict[str, Any] = {}
    if model.preset is not None:
        preset = PRESETS[model.preset]
        if model.network not in preset.networks:
            raise ValueError(
                f"preset {model.preset} has no network {model.network}, it has "
                f"{', '.join(preset.networks)}"
            )
        architecture = preset.networks[model.network]
        size, options = architecture.size, dict(architecture.options)
        train |= preset.train
    # Without attention heads divide nothing.
    divided = {} if NETWORKS[model.network].attends else {"heads": 1}
    checked = _Checked[options_class(model.network)].model_validate(  # type: ignore[misc]
        {
            "train": train | model.train,
            "size": size.model_dump() | divided | model.size,
            "options": options | model.options,
        }
    )
    checked.options.check_model(seen, model.presence)
    for name in ("momentum", "dampening"):
        if name in model.train and checked.train.optimizer != "sgd":
            raise ValueError(f"train.{name} is of sgd, but optimizer is {checked.train.optimizer}")
    return Resolved(checked.train.model_copy(update={"network": checked.size}), checked.options)
