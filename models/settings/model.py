"""One model of the comparison."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from features.settings import MODALITIES, Modality, Settings
from models.networks.registry import NETWORKS
from models.settings.ablation import Ablation
from models.settings.presets import PRESETS

SHARED = ("seeds", "heldout", "checkpoint_seconds", "network")
"""The training settings that are the same for all models, or have another place."""


class ModelSettings(Settings):
    """One model of the comparison: a network, what it sees, and how it is trained to cope.

    Size, options and train come together in `models.settings.presets.resolve`, which checks them.

    Attributes:
        network: a row of `models.networks.registry.NETWORKS`, or `package.module:Class` of the
            user's own.
        preset: a paper (`models.settings.presets`), whose sizes and training settings stand in for
            those of `train` in params.yaml.
        modalities: what it sees.
        presence: what an attention network does about frames that are missing: nothing
            (`ignored`); a learned token in their place and no attention to them (`marked`); or the
            nearest frame there is in their place, and no attention to them (`filled`).
        repeats: whether a frame that repeats the one before it exactly counts as missing.
        size: sizes that differ from those of the preset, or of `train.network`.
        options: of the architecture (`models.settings.network`).
        train: training settings that differ from those of the preset, or of `train`; all but
            those of SHARED.
        ablation: the strategy against missing modalities.
    """

    network: Annotated[str, AfterValidator(NETWORKS.checked)] = "crossmodal"
    preset: Annotated[str, AfterValidator(PRESETS.checked)] | None = None
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
        counts = NETWORKS[self.network].modalities
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
        if self.presence != "ignored" and not NETWORKS[self.network].attends:
            raise ValueError(
                f"presence is {self.presence}, but network {self.network} has no attention to mask"
            )
        if self.repeats == "missing" and self.presence == "ignored":
            raise ValueError("repeats are missing, but presence is ignored")
        return self

    @model_validator(mode="after")
    def _sizes_are_of_lacuna_s_networks(self) -> "ModelSettings":
        if self.size and NETWORKS[self.network].plain:
            raise ValueError(f"size is set, but {self.network} is given its sizes as options")
        return self
