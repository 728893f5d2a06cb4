"""The grid of evaluation conditions (Parthasarathy and Sundaram 2020, section 4)."""

from dataclasses import dataclass

from models.settings import MODALITIES, Ablation, EvaluateSettings, LossStrategy, Modality


@dataclass(frozen=True)
class Condition:
    """One way of losing one modality, with one probability."""

    modality: Modality
    strategy: LossStrategy
    p: float

    @property
    def ablation(self) -> Ablation:
        """The operator of this condition."""
        return Ablation(strategy=self.strategy, modality=self.modality, p=self.p)

    @property
    def is_random(self) -> bool:
        """Whether trials differ; with p = 0 and p = 1 they do not."""
        return 0 < self.p < 1


def grid(settings: EvaluateSettings) -> list[Condition]:
    """All conditions, for both modalities: 30 with the paper's probabilities."""
    probabilities: dict[LossStrategy, list[float]] = {
        "clip_zero": settings.clip_zero,
        "frame_zero": settings.frame_zero,
        "frame_repeat": settings.frame_repeat,
    }
    return [
        Condition(modality, strategy, p)
        for modality in MODALITIES
        for strategy, values in probabilities.items()
        for p in values
    ]
