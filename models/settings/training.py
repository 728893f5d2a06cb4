"""How models are trained."""

from typing import Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from models.settings.base import Seed, Settings
from models.settings.network import NetworkSize

Precision = Literal["fp32", "bf16"]
Heldout = float | Literal["validation", "none"]


class TrainSettings(Settings):
    """How the models are trained.

    Attributes:
        seeds: one run of every model for each.
        heldout: what the epoch is chosen by: a share of the training speakers that is kept apart
            (Parthasarathy and Sundaram 2020), or `validation`, the corpus's own validation split,
            with all training speakers to learn from; or `none`, with which all training speakers
            are learnt from for all epochs, and the last one's weights are kept.
        refit: so many more epochs follow with all training speakers, those held out too, from the
            chosen weights and at half the learning rate; optimizer and running mean begin anew. 0
            for none.
        teacher: weight of a second loss on clips of which a whole modality is lost: how far the
            outputs are from those of a network of the other modality alone, which is trained first
            in the same way, with nothing missing. 0 for none.
        epochs: at most so many passes over the training clips.
        patience: stop after so many epochs without a better held-out result.
        choose_by: the held-out `metric` (the task's first, the mean of the targets) or `loss`, of
            intact input.
        batch_clips: clips per step.
        batch_speakers: a step has clips of so many speakers, several of each; null for clips of
            anybody.
        within_speaker: weight of a second loss, of regression: 1 − CCC of labels and outputs less
            the mean that each has over a speaker's frames in the batch.
        ccc: what the loss 1 − CCC of regression is over: the frames of a `batch` together, or those
            of each `sequence`, then the mean of the sequences. The held-out loss is of all frames
            together.
        class_weights: for classes: `balanced` weighs each by the inverse of its frequency among
            the training labels.
        optimizer: `adam` or `sgd`.
        learning_rate: of the optimizer; 1e-4 in Parthasarathy and Sundaram 2020.
        momentum: of sgd.
        dampening: of its momentum: what is new in a step counts 1 less so much.
        weight_decay: of the optimizer.
        clip_norm: the gradient's norm is scaled down to it; null for as it is.
        decay: of the learning rate: every `decay_epochs` (`step`), after more than so many
            without a better held-out result (`plateau`), after so many along a line towards 0 at
            the end of the epochs (`linear`), or along half a cosine towards it (`cosine`).
        decay_epochs: see decay.
        decay_factor: what the learning rate is multiplied by.
        average: the weights that are kept are an exponential moving average, of which every step
            keeps at most this share: the first step nothing, step n after it the lesser of it and
            (1 + n) / (10 + n), the shares of TensorFlow's ExponentialMovingAverage with
            num_updates. Null for the last step's own.
        threads: of torch, which decide in which order sums are taken; more pay for networks of
            more than two million parameters.
        precision: `auto` measures on a CPU whether bf16 autocast is faster, and takes it on a GPU
            that computes in bf16.
        checkpoint_seconds: a checkpoint within an epoch is written this often.
        network: the sizes of every model that names no others.
    """

    seeds: list[Seed] = Field(default=[0, 1, 2], min_length=1)
    heldout: Heldout = 0.2
    refit: int = Field(default=0, ge=0)
    teacher: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    epochs: int = Field(default=50, gt=0)
    patience: int = Field(default=10, gt=0)
    choose_by: Literal["metric", "loss"] = "metric"
    batch_clips: int = Field(default=32, gt=0)
    batch_speakers: int | None = Field(default=None, gt=0)
    within_speaker: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    ccc: Literal["batch", "sequence"] = "batch"
    class_weights: Literal["none", "balanced"] = "none"
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = Field(default=1e-4, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    dampening: float = Field(default=0.0, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)
    decay: Literal["none", "step", "plateau", "linear", "cosine"] = "none"
    decay_epochs: int = Field(default=5, gt=0)
    decay_factor: float = Field(default=0.1, gt=0, lt=1)
    average: float | None = Field(default=None, gt=0, lt=1)
    threads: int = Field(default=1, gt=0, le=1024)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    checkpoint_seconds: float = Field(default=60, ge=0)
    network: NetworkSize = NetworkSize()

    @field_validator("heldout", mode="plain")
    @classmethod
    def _heldout_is_a_share_or_a_split(cls, value: object) -> object:
        if value in ("validation", "none") or (isinstance(value, float) and 0 < value < 1):
            return value
        # One sentence; pydantic has one for each member of a union.
        raise PydanticCustomError("share", "should be above 0 and below 1, `validation` or `none`")

    @model_validator(mode="after")
    def _seeds_differ(self) -> "TrainSettings":
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {self.seeds} name one seed twice")
        return self

    @model_validator(mode="after")
    def _refit_has_speakers_to_add(self) -> "TrainSettings":
        if self.refit and self.heldout == "validation":
            raise ValueError(
                "refit would learn from the validation split: hold out a share instead"
            )
        if self.refit and self.heldout == "none":
            raise ValueError("refit adds the speakers that were held out, but heldout is none")
        if self.refit and self.decay != "none":
            raise ValueError(f"refit keeps to one learning rate, but decay is {self.decay}")
        return self

    @model_validator(mode="after")
    def _the_plateau_comes_before_the_end(self) -> "TrainSettings":
        if self.decay == "plateau" and self.patience <= self.decay_epochs + 1:
            raise ValueError(
                f"patience {self.patience} ends training before decay_epochs {self.decay_epochs} "
                "lower the learning rate"
            )
        if self.decay == "plateau" and self.heldout == "none":
            raise ValueError("decay is plateau, but heldout is none: nothing tells how it goes")
        return self

    @model_validator(mode="after")
    def _a_batch_is_of_whole_speakers(self) -> "TrainSettings":
        speakers = self.batch_speakers
        if speakers is not None and self.batch_clips % speakers:
            raise ValueError(
                f"batch_clips {self.batch_clips} is not a multiple of batch_speakers {speakers}"
            )
        return self
