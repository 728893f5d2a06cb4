"""What is taken away from a model, in training or in evaluation."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from features.settings import Settings
from models.ablation.registry import STRATEGIES, modalities_of
from models.settings.base import MODALITIES, Modality, Probability

StrategyName = Annotated[str, AfterValidator(STRATEGIES.checked)]
"""A row of STRATEGIES."""


class Share(Settings):
    """A distribution of the share that is lost, drawn again for every sample.

    Attributes:
        low: the smallest share.
        high: the largest share.
        scale: `linear` is uniform in the share lost, `log` in the logarithm of the share kept.
        none: share of the samples that lose nothing of either modality.
    """

    low: Probability = 0.0
    high: Probability = 0.99
    scale: Literal["linear", "log"] = "linear"
    none: Probability = 0.0

    @model_validator(mode="after")
    def _is_a_range(self) -> "Share":
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.scale == "log" and self.high == 1:
            raise ValueError("high is 1, but a logarithm needs a share to be kept")
        return self


class Rates(Settings):
    """Shares that are lost of each modality, independently of each other.

    Attributes:
        audio: of sound.
        video: of picture.
    """

    audio: Probability
    video: Probability

    def of(self, modality: Modality) -> float:
        """The share of a modality."""
        return self.audio if modality == "audio" else self.video

    @property
    def mean(self) -> float:
        """The mean of the two, exact for those of four digits.

        >>> Rates(audio=0.2, video=0.8).mean
        0.5
        """
        return round((self.audio + self.video) / 2, 6)


def _kind_of_share(value: Any) -> str:
    """What a value is meant to be, so that an error is reported of it alone."""
    if isinstance(value, Rates) or (isinstance(value, dict) and {"audio", "video"} & value.keys()):
        return "[rates]"
    return "[share]" if isinstance(value, dict | Share) else "[number]"


LostShare = Annotated[
    Annotated[Probability, Tag("[number]")]
    | Annotated[Share, Tag("[share]")]
    | Annotated[Rates, Tag("[rates]")],
    Discriminator(_kind_of_share),
]
"""How much is lost: a number, a distribution of it, or a number for each modality."""

LostRate = Annotated[
    Annotated[Probability, Tag("[number]")] | Annotated[Rates, Tag("[rates]")],
    Discriminator(_kind_of_share),
]
"""Likewise of a condition."""

Unit = Literal["window", "signal"]
Drawn = Literal["anew", "once"]
Losing = Literal["audio", "video", "either", "both", "together"]


class Mixture(Settings):
    """How `mixed` draws what a sample loses (Lacuna's own).

    The defaults were found by hand on speakers of the simulated corpus that no model learns from;
    the study `choice` compares them with other shares on such speakers.

    Attributes:
        intact: share of the samples that lose nothing.
        video: share that lose picture; the rest lose sound.
        clips: share of the losses that take the whole clip; the others are drawn evenly among
            frame_zero, frame_repeat, subclip and burst.
        p: the share of the frames that the other losses take.
        gains: share of the samples whose sound and picture are scaled by α and 1 − α.
    """

    intact: Probability = 0.45
    video: Probability = 0.4
    clips: Probability = 0.4
    p: Share = Share(scale="log")
    gains: Probability = 0.0

    @model_validator(mode="after")
    def _shares_fit(self) -> "Mixture":
        if self.intact + self.video > 1:
            raise ValueError("intact and video together are more than all samples")
        return self


ROUNDING = 1e-9
"""Of a least mean length, of which a number in a file may fall short."""


def least_burst(p: float) -> float:
    """The mean length in frames of the runs in which independent losses come; 1 where all is lost.

    Bursts at that rate are as long or longer.
    """
    return 1 / (1 - p) if p < 1 else 1.0


class Ablation(Settings):
    """What is taken away, from which modality, with which probability.

    A setting that the strategy has no use for is refused unless it has its default value.

    Attributes:
        strategy: a row of `models.ablation.registry.STRATEGIES`, or `package.module:function` of
            the user's own.
        modality: `either` draws one of the two for every sample; with `both` the two lose
            independently of each other, with `together` the same.
        p: probability of losing a clip (clip_zero, noise) or a frame, or share of the frames that
            subclip and burst lose; or a distribution of it; or one for each modality, `{audio: 0.2,
            video: 0.8}`. The others need none.
        burst: mean length in frames of the bursts of `burst` and `mixed`. Frames lost independently
            come in runs of 1 / (1 − p): a shorter mean is refused, and where p is drawn for every
            sample, that is the least.
        fill: of modality_dropout (Chumachenko et al. 2022): `hard`, `soft` or `noise`.
        mixture: of `mixed`.
        unit: what is lost of a frame: its whole input vector, with all of its context (`window`,
            Parthasarathy and Sundaram 2020), or the rows of the stream that are centred within it,
            which then lack in every context that they are part of (`signal`, as a dead microphone
            does).
        drawn: `anew` in every epoch, or `once`: what an item loses is the same throughout.
    """

    strategy: StrategyName = "none"
    modality: Losing = "video"
    p: LostShare = 0.5
    burst: float = Field(default=15.0, ge=1)
    fill: Literal["hard", "soft", "noise"] = "hard"
    mixture: Mixture = Mixture()
    unit: Unit = "window"
    drawn: Drawn = "anew"

    @model_validator(mode="after")
    def _every_setting_has_a_use(self) -> "Ablation":
        used = STRATEGIES[self.strategy].uses
        for name, field in type(self).model_fields.items():
            # By value: a saved model names all its settings.
            if name == "strategy" or name in used or getattr(self, name) == field.default:
                continue
            users = [strategy for strategy, row in STRATEGIES.items() if name in row.uses]
            raise ValueError(
                f"{name} is set, but strategy {self.strategy} has no use for it: "
                f"it is for {', '.join(users)}"
            )
        return self

    @model_validator(mode="after")
    def _bursts_are_long_enough(self) -> "Ablation":
        uses = STRATEGIES[self.strategy].uses
        if "burst" in uses and "p" in uses and not isinstance(self.p, Share):
            p = max(self.p.audio, self.p.video) if isinstance(self.p, Rates) else self.p
            least = least_burst(p)
            if self.burst < least * (1 - ROUNDING):
                raise ValueError(
                    f"burst is {self.burst:g}, but frames lost independently with p {p:g} "
                    f"come in runs of {least:.4g} already: make it that or more"
                )
        return self

    @model_validator(mode="after")
    def _takes_what_it_can(self) -> "Ablation":
        row = STRATEGIES[self.strategy]
        if "modality" in row.uses and set(self._asked) - set(row.modalities):
            raise ValueError(
                f"{self.strategy} is of {' and '.join(row.modalities)}, but modality is "
                f"{self.modality}"
            )
        if isinstance(self.p, Rates) and self.modality != "both":
            raise ValueError(f"p has a rate for each of both, but modality is {self.modality}")
        return self

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities it can act on."""
        return modalities_of(self.strategy, self.modality)

    @property
    def _asked(self) -> tuple[str, ...]:
        return MODALITIES if self.modality in ("either", "both", "together") else (self.modality,)
