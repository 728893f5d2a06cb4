"""The hyper-parameters of the papers as presets, and what a model's settings come to with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from models.settings.base import MODALITIES, Modality, Settings
from models.settings.model import ATTENTION, ModelSettings, NetworkName, PresetName
from models.settings.network import OPTIONS, AuxFormerOptions, NetworkSize, Options
from models.settings.training import TrainSettings

OptionsT = TypeVar("OptionsT", bound=Options)


@dataclass(frozen=True)
class Architecture:
    """A paper's network: its size, and the options that are not the network's defaults."""

    size: NetworkSize
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Preset:
    """A paper's hyper-parameters.

    Attributes:
        networks: those the paper has.
        train: of all of them; what it does not name is that of `train` in params.yaml.
    """

    networks: Mapping[NetworkName, Architecture]
    train: Mapping[str, Any]


_PLAIN: Mapping[str, Any] = {
    "optimizer": "adam",
    "weight_decay": 0.0,
    "clip_norm": None,
    "decay": "none",
    "choose_by": "metric",
    "average": None,
    "refit": 0,
    "teacher": 0.0,
    "class_weights": "none",
}
"""What no paper mentions unless it does it."""

_CROSSMODAL = NetworkSize(dim=512, heads=4, ffn=512, layers=2, dropout=0.1)
"""Two layers of 512 nodes and 4 heads for each modality (Parthasarathy and Sundaram 2020, section
3.3; likewise the other paper of theirs, section 4.3). Ours: the feed-forward's units and dropout
are not stated."""

_GRU = NetworkSize(dim=128, heads=1, ffn=4096, layers=2, dropout=0.0)
"""Two GRU layers of 128 units and, of AffWildNet, the fully connected layer of 4096 (Parthasarathy
and Sundaram, detecting expressions, section 4.4). No dropout is mentioned; heads have no part."""

_AUXFORMER = NetworkSize(dim=130, heads=10, ffn=520, layers=5, dropout=0.1)
"""Five layers of 10 heads, dropout of residuals (Goncalves and Busso 2022, section 4.3); 130 is
the dimension of their acoustic features, and its fourfold in the feed-forward blocks follows from
the parameter counts of Table 5. The dropout of attention and of outputs are `AuxFormerOptions`."""

PRESETS: Mapping[PresetName, Preset] = {
    # Section 3.3: Adam, learning rate 1e-4. Batch size, epochs and patience are not stated: those
    # of `train`. The two branches alone are the models of sections 4.1 and 4.2.
    "parthasarathy2020": Preset(
        {"crossmodal": Architecture(_CROSSMODAL), "unimodal": Architecture(_CROSSMODAL)},
        {**_PLAIN, "learning_rate": 1e-4},
    ),
    # Detecting expressions with multimodal transformers. Section 4.3: Adam, learning rate 1e-5;
    # ours: of the baselines of section 4.4 too, of which it says the loss alone. The static
    # AffWildNet is an option; its other size is {ffn: 2000}.
    "parthasarathy2021": Preset(
        {
            "crossmodal": Architecture(_CROSSMODAL),
            "unimodal": Architecture(_CROSSMODAL),
            "recurrent": Architecture(_GRU),
            "affwildnet": Architecture(_GRU),
        },
        {**_PLAIN, "learning_rate": 1e-5},
    ),
    # Section 4.3: Adam, learning rate 7.25e-4, gradients clipped at .8, batches of 32, 25 epochs,
    # the best by the development loss. "Learning decay set to five epochs" is, in the code that the
    # authors published with the conference version, torch's plateau of 5 with its factor .1. No
    # patience is stated, and that code has none. Baseline 1 is {auxiliary: false}, baseline 4 the
    # auxformer of one modality. Baseline 2 is MulT at 30 dimensions, which with layers, heads and
    # fourfold feed-forward as above has the parameters of Table 5 (upscaled: {dim: 160, ffn: 640}).
    # Of baseline 3 no size is stated, but "several encoding layers" that cannot be derived from
    # its 2,211,628 parameters: with the sizes of auxformer four layers come nearest, 2,322,326.
    "goncalves2022": Preset(
        {
            "auxformer": Architecture(_AUXFORMER),
            "mult": Architecture(NetworkSize(dim=30, heads=10, ffn=120, layers=5, dropout=0.1)),
            "crossmodal": Architecture(
                NetworkSize(dim=130, heads=10, ffn=520, layers=4, dropout=0.1)
            ),
        },
        {
            **_PLAIN,
            "learning_rate": 7.25e-4,
            "clip_norm": 0.8,
            "batch_clips": 32,
            "epochs": 25,
            "patience": 25,
            "choose_by": "loss",
            "decay": "plateau",
            "decay_epochs": 5,
            "decay_factor": 0.1,
        },
    ),
    # Table I: branches of 64 to 256 filters; section IV: one block of one head ({heads: 4} is its
    # other form). Section IV-1, RAVDESS: SGD, learning rate .04, momentum .9, weight decay 1e-3,
    # plateau of 10 epochs, 100 epochs. Not stated, and here as in the authors' published code:
    # batches of 8, feed-forward of 256, no dropout, torch's factor .1. That code also damps the
    # momentum by .9, of which the paper says nothing: steps ten times smaller than these.
    "chumachenko2022": Preset(
        {"fusion": Architecture(NetworkSize(dim=64, heads=1, ffn=256, layers=1, dropout=0.0))},
        {
            **_PLAIN,
            "optimizer": "sgd",
            "learning_rate": 0.04,
            "momentum": 0.9,
            "weight_decay": 1e-3,
            "batch_clips": 8,
            "epochs": 100,
            "patience": 100,
            "decay": "plateau",
            "decay_epochs": 10,
            "decay_factor": 0.1,
        },
    ),
}


@dataclass(frozen=True)
class Resolved:
    """What a model's settings come to.

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
            f"ablation takes {blind[0]} away, which the model does not see: it sees {model.sees}"
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
    divided = {} if model.network in ATTENTION else {"heads": 1}
    checked = _Checked[OPTIONS[model.network]].model_validate(  # type: ignore[valid-type, name-defined]
        {
            "train": train | model.train,
            "size": size.model_dump() | divided | model.size,
            "options": options | model.options,
        }
    )
    if getattr(checked.options, "alone", "fused") != "fused" and model.presence == "ignored":
        raise ValueError("options.alone needs presence: marked or filled, to know what is gone")
    if "momentum" in model.train and checked.train.optimizer != "sgd":
        raise ValueError(f"train.momentum is of sgd, but optimizer is {checked.train.optimizer}")
    if isinstance(checked.options, AuxFormerOptions):
        _check_weights(checked.options, seen)
    return Resolved(checked.train.model_copy(update={"network": checked.size}), checked.options)


def _check_weights(options: AuxFormerOptions, seen: Sequence[Modality]) -> None:
    """Refuse loss weights of modalities that are not seen, and seen ones that are all 0."""
    for modality in MODALITIES:
        name = f"weight_{modality}"
        default = type(options).model_fields[name].default
        if modality not in seen and getattr(options, name) != default:
            raise ValueError(
                f"options.{name} is set, but the model does not see {modality}: "
                f"it sees {' and '.join(seen)}"
            )
    names = ["weight_fused", *(f"weight_{modality}" for modality in seen)]
    if options.auxiliary and not any(getattr(options, name) for name in names):
        raise ValueError(f"options {' and '.join(names)} are 0: nothing would be learnt")
