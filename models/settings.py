"""What a user can set about networks, ablation and training; no heavy import, pydantic alone."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

Modality = Literal["audio", "video"]
MODALITIES: tuple[Modality, ...] = ("audio", "video")
LossStrategy = Literal["clip_zero", "frame_zero", "frame_repeat"]
NetworkName = Literal["crossmodal", "unimodal"]
Precision = Literal["fp32", "bf16"]
Probability = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]


class Settings(BaseModel):
    """A section of settings: immutable, unknown keys, loose types and infinities refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Task(Settings):
    """What is to be recognised; it comes from the corpus.

    Attributes:
        kind: `regression` of targets, `classification` into one of some classes, or `sentiment`,
            regression of one target whose sign matters.
        level: whether every frame has a label, or a sequence (an item) has one; classes are of
            sequences.
        outputs: names of the targets or classes.
    """

    kind: Literal["regression", "classification", "sentiment"] = "regression"
    level: Literal["frame", "sequence"] = "frame"
    outputs: list[str] = Field(default=["valence", "arousal"], min_length=1)

    @model_validator(mode="after")
    def _classes_are_of_sequences(self) -> "Task":
        if self.kind == "classification" and self.level == "frame":
            raise ValueError("a classification is of sequences, not of frames")
        return self

    @property
    def targets(self) -> list[str]:
        """What results are given for: each output, or the class."""
        return ["class"] if self.kind == "classification" else self.outputs

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics; of the first one, which chooses the epoch, more is better."""
        return {
            "regression": ("ccc", "pearson", "rmse"),
            "classification": ("macro_f1", "micro_f1", "accuracy", "cross_entropy"),
            "sentiment": ("pearson", "mae", "binary_accuracy"),
        }[self.kind]


class Ablation(Settings):
    """What is taken away, from which modality, with which probability."""

    strategy: Literal["none", "clip_zero", "frame_zero", "frame_repeat"] = "none"
    modality: Literal["audio", "video", "both"] = "video"
    p: Probability = 0.5

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities it acts on."""
        if self.strategy == "none":
            return ()
        return MODALITIES if self.modality == "both" else (self.modality,)


class ModelSettings(Settings):
    """One model of the comparison: a network, what it sees, and how it is trained to cope."""

    network: NetworkName = "crossmodal"
    modalities: list[Modality] = Field(default=list(MODALITIES), min_length=1)
    ablation: Ablation = Ablation()

    @model_validator(mode="after")
    def _modalities_fit(self) -> "ModelSettings":
        needed = {"crossmodal": 2, "unimodal": 1}[self.network]
        if len(set(self.modalities)) != needed or len(self.modalities) != needed:
            raise ValueError(
                f"network {self.network} takes {needed} of {list(MODALITIES)} as modalities, "
                f"not {self.modalities}"
            )
        blind = set(self.ablation.modalities) - set(self.modalities)
        if blind:
            raise ValueError(f"ablation.modality is {blind.pop()}, which the model does not see")
        return self


class NetworkSize(Settings):
    """Sizes of a network; the defaults are those of Parthasarathy and Sundaram 2020.

    Attributes:
        dim: model dimension.
        heads: attention heads.
        ffn: hidden units of the feed-forward blocks.
        layers: self-attention layers of each modality's encoder.
        dropout: of attention weights and residual branches.
    """

    dim: int = Field(default=512, gt=0)
    heads: int = Field(default=4, gt=0)
    ffn: int = Field(default=512, gt=0)
    layers: int = Field(default=2, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> "NetworkSize":
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is not a multiple of heads {self.heads}")
        return self


class TrainSettings(Settings):
    """How the models are trained.

    Attributes:
        seeds: one run of every model for each.
        heldout: what the epoch is chosen by: a share of the training speakers that is kept apart
            (Parthasarathy and Sundaram 2020), or `validation`, the corpus's own validation split,
            with all training speakers to learn from.
        epochs: at most so many passes over the training clips.
        patience: stop after so many epochs without a better held-out score.
        batch_clips: clips per step.
        class_weights: for classes: `balanced` weighs each by the inverse of its frequency among
            the training labels.
        learning_rate: of Adam; 1e-4 in Parthasarathy and Sundaram 2020.
        precision: `auto` measures whether bf16 autocast is faster on this machine.
        checkpoint_seconds: a checkpoint within an epoch is written this often.
        network: the sizes all models share.
    """

    seeds: list[Seed] = Field(default=[0, 1, 2], min_length=1)
    heldout: float | Literal["validation"] = 0.2
    epochs: int = Field(default=50, gt=0)
    patience: int = Field(default=10, gt=0)
    batch_clips: int = Field(default=32, gt=0)
    class_weights: Literal["none", "balanced"] = "none"
    learning_rate: float = Field(default=1e-4, gt=0)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    checkpoint_seconds: float = Field(default=60, ge=0)
    network: NetworkSize = NetworkSize()

    @field_validator("heldout", mode="plain")
    @classmethod
    def _heldout_is_a_share_or_a_split(cls, value: object) -> object:
        if value == "validation" or (isinstance(value, float) and 0 < value < 1):
            return value
        # One sentence; pydantic has one for each member of a union.
        raise PydanticCustomError("share", "should be less than 1 and above 0, or `validation`")

    @model_validator(mode="after")
    def _seeds_differ(self) -> "TrainSettings":
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {self.seeds} name one seed twice")
        return self


class EvaluateSettings(Settings):
    """How the models are compared (Parthasarathy and Sundaram 2020, section 4).

    Attributes:
        split: the split the results are of; choose on validation, report test.
        trials: random losses drawn for every condition.
        seed: of those draws, shared by all models.
        batch_clips: clips per batch.
        clip_zero: probabilities at which whole clips lose a modality.
        frame_zero: probabilities at which single frames are zeroed.
        frame_repeat: probabilities at which single frames repeat the last one received.
    """

    split: Literal["train", "validation", "test"] = "test"
    trials: int = Field(default=10, gt=0)
    seed: int = Field(default=0, ge=0)
    batch_clips: int = Field(default=32, gt=0)
    clip_zero: list[Probability] = [1.0, 0.7, 0.5, 0.3, 0.0]
    frame_zero: list[Probability] = [1.0, 0.95, 0.9, 0.85, 0.0]
    frame_repeat: list[Probability] = [1.0, 0.95, 0.9, 0.85, 0.0]

    @model_validator(mode="after")
    def _probabilities_make_a_grid(self) -> "EvaluateSettings":
        if not (self.clip_zero or self.frame_zero or self.frame_repeat):
            raise ValueError("clip_zero, frame_zero and frame_repeat name no probability")
        for strategy in ("clip_zero", "frame_zero", "frame_repeat"):
            values = getattr(self, strategy)
            if len(set(values)) != len(values):
                raise ValueError(f"{strategy} {values} names one probability twice")
        return self
