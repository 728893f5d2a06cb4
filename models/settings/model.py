"""One model of the comparison."""

from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from models.settings.ablation import Ablation
from models.settings.base import MODALITIES, Modality, Settings
from models.settings.network import OPTIONS, Options

NetworkName = Literal[
    "crossmodal", "unimodal", "recurrent", "affwildnet", "auxformer", "mult", "fusion"
]

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

    Attributes:
        network: an architecture of `models.networks`.
        preset: a paper, whose sizes and training settings stand in for those of `train`.
        modalities: what it sees.
        presence: what an attention network does about frames that are missing: nothing
            (`ignored`); a learned token in their place and no attention to them (`marked`); or the
            nearest frame there is in their place, and no attention to them (`filled`).
        repeats: whether a frame that repeats the one before it exactly counts as missing.
        size: sizes that differ from those of the preset, or of `train.network`.
        options: of the architecture (`models.settings.network.OPTIONS`).
        train: training settings that differ from those of the preset, or of `train`.
        ablation: the strategy against missing modalities.
    """

    network: NetworkName = "crossmodal"
    preset: str | None = None
    modalities: list[Modality] = Field(default=list(MODALITIES), min_length=1)
    presence: Literal["ignored", "marked", "filled"] = "ignored"
    repeats: Literal["shown", "missing"] = "shown"
    size: dict[str, int | float] = Field(default={})
    options: dict[str, bool | int | float | str] = Field(default={})
    train: dict[str, Any] = Field(default={})
    ablation: Ablation = Ablation()

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

    @model_validator(mode="after")
    def _options_are_the_networks(self) -> "ModelSettings":
        try:
            self.chosen_options()
        except ValidationError as error:
            detail = error.errors()[0]
            key = ".".join(map(str, ("options", *detail["loc"])))
            known = list(OPTIONS[self.network].model_fields)
            raise ValueError(
                f"{key}: {detail['msg']}; network {self.network} has {known or 'no options'}"
            ) from None
        return self

    def chosen_options(self) -> Options:
        """The options of the network, defaults included."""
        return OPTIONS[self.network].model_validate(self.options)
