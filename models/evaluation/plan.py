"""What the evaluation of one seed depends on, beside weights, data and code; loads no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.evaluation.conditions import all_conditions
from models.recogniser import Card
from models.settings import EvaluateSettings

Groups = Mapping[str, Mapping[str, str]]
"""By column, the group of each item; an empty one is not known and counts nowhere."""


def values_of(card: Card, settings: EvaluateSettings, metrics: Sequence[str]) -> list[Any]:
    """The values that results depend on beside weights, data and code, without names."""
    return [
        card.model_dump(mode="json", include={"seed", "task", "options", "inputs"}),
        card.model.model_dump(include={"network", "presence", "repeats"}),
        card.train.network.model_dump(),
        [[m and m.model_dump() for m in card.moments[modality]] for modality in card.inputs],
        # What others are compared with changes no result of this model.
        settings.model_dump(exclude={"reference"}),
        list(metrics),
    ]


def rows_of(
    card: Card, settings: EvaluateSettings, metrics: Sequence[str]
) -> list[tuple[str, str]]:
    """Rows of tables that an evaluation uses."""
    return [
        ("network", card.model.network),
        *(("strategy", condition.strategy) for condition in all_conditions(settings)),
        *(("metric", metric) for metric in metrics),
    ]


@dataclass(frozen=True)
class Speakers:
    """Whom a model is evaluated on.

    Attributes:
        reported: names of the items that results are of.
        choosing: names of those that models are chosen by; none where no speakers are left for it.
        speaker_of: the speaker of each of both.
        training: names of the items that are learnt from, where a condition fills with them.
        groups: of the reported items, by column.
    """

    reported: Sequence[str]
    choosing: Sequence[str]
    speaker_of: Mapping[str, str]
    training: Sequence[str] = ()
    groups: Groups = field(default_factory=dict)

    def values(self) -> list[Any]:
        """What results depend on beside the items and their content."""
        return [self.groups, {item: self.speaker_of[item] for item in self.reported}]
