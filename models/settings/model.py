"""One model of the comparison."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from models.settings.ablation import Ablation
from models.settings.base import MODALITIES, Modality, Settings

NetworkName = Literal[
    "crossmodal", "unimodal", "recurrent", "affwildnet", "auxformer", "mult", "fusion"
]

PresetName = Literal["parthasarathy2020", "parthasarathy2021", "goncalves2022", "chumachenko2022"]

SHARED = ("seeds", "heldout", "checkpoint_seconds", "network")
"""The training settings that are the same for all models, or have another place."""

TAKES: dict[NetworkName, tuple[int, ...]] = {
    "crossmodal": (2,),
    "unimodal": (1,),
    "recurrent": (1, 2),
    "affwildnet": (1, 2),
    "auxformer": (1, 2),
    "mult": (1, 2),
    "fusion": (1, 2),
}
"""How many modalities a network can take."""

ATTENTION: frozenset[NetworkName] = frozenset(
    {"crossmodal", "unimodal", "auxformer", "mult", "fusion"}
)
"""The networks that attend, and so have a presence-aware form."""


class ModelSettings(Settings):
    """One model of the comparison: a network, what it sees, and how it is trained to cope.

    Size, options and train come together in `models.settings.presets.resolve`, which checks them.

    Attributes:
        network: an architecture of `models.networks`.
        preset: a paper (`models.settings.presets`), whose sizes and training settings stand in for
            those of `train` in params.yaml.
        modalities: what it sees.
        presence: what an attention network does about frames that are missing: nothing
            (`ignored`); a learned token in their place and no attention to them (`marked`); or the
            nearest frame there is in their place, and no attention to them (`filled`).
        repeats: whether a frame that repeats the one before it exactly counts as missing.
        size: sizes that differ from those of the preset, or of `train.network`.
        options: of the architecture (`models.settings.network.OPTIONS`).
        train: training settings that differ from those of the preset, or of `train`; all but
            those of SHARED.
        ablation: the strategy against missing modalities.
    """

    network: NetworkName = "crossmodal"
    preset: PresetName | None = None
    modalities: list[Modality] = Field(default=list(MODALITIES), min_length=1)
    presence: Literal["ignored", "marked", "filled"] = "ignored"
    repeats: Literal["shown", "missing"] = "shown"
    size: dict[str, Any] = Field(default={})
    options: dict[str, Any] = Field(default={})
    train: dict[str, Any] = Field(default={})
    ablation: Ablation = Ablation()

    @field_validator("train")
    @classmethod
    def _shared_settings_are_not_its_own(cls, train: dict[str, Any]) -> dict[str, Any]:
        for name in SHARED:
            if name in train:
                place = "size" if name == "network" else "the section train, for all models"
                raise ValueError(f"{name} is set in {place}")
        return train

    @model_validator(mode="after")
    def _modalities_fit(self) -> "ModelSettings":
        counts = TAKES[self.network]
        if len(set(self.modalities)) != len(self.modalities) or len(self.modalities) not in counts:
            raise ValueError(
                f"network {self.network} takes {' or '.join(map(str, counts))} of "
                f"{list(MODALITIES)} as modalities, not {self.modalities}"
            )
        blind = set(self.ablation.modalities) - set(self.modalities)
        if blind:
            raise ValueError(
                f"ablation takes {blind.pop()} away, which the model does not see: "
                f"its modalities are {self.modalities}"
            )
        return self

    @model_validator(mode="after")
    def _presence_needs_attention(self) -> "ModelSettings":
        if self.presence != "ignored" and self.network not in ATTENTION:
            raise ValueError(
                f"presence is {self.presence}, but network {self.network} has no attention to mask"
            )
        if self.repeats == "missing" and self.presence == "ignored":
            raise ValueError("repeats are missing, but presence is ignored")
        return self
