"""Words: how tasks, metrics and conditions are called."""

import pytest

from features.task import AFFECT, Task
from models.ablation.registry import STRATEGIES
from models.evaluation.registry import METRICS
from reports.numbers.words import (
    axis_title,
    capitalised,
    listing,
    lost_title,
    strategy_place,
    strategy_title,
    title_in,
)
from reports.papers.parthasarathy2020 import AFF_WILD2

EMOTIONS = Task(kind="classification", level="sequence", outputs=("sad", "happy"))
SENTIMENT = Task(kind="sentiment", level="sequence", outputs=("sentiment",))


@pytest.mark.parametrize(
    ("task", "target", "expected"),
    [
        (AFFECT, "arousal", "Arousal, CCC"),
        (EMOTIONS, "class", "macro F1"),
        (SENTIMENT, "sentiment", "Sentiment, Pearson correlation"),
    ],
)
def test_an_axis_names_target_and_metric(task, target, expected):
    assert axis_title(task, target) == expected


def test_only_valence_and_arousal_of_frames_is_the_papers_task():
    assert AFF_WILD2.is_of(AFFECT)
    others = [
        EMOTIONS,
        SENTIMENT,
        Task(level="sequence"),
        Task(outputs=(*AFFECT.outputs, "dominance")),
    ]
    assert not any(AFF_WILD2.is_of(task) for task in others)


def test_errors_are_better_low():
    errors = {name for name, metric in METRICS.items() if metric.lower_is_better}
    assert errors == {"rmse", "mae", "cross_entropy"}


def test_a_strategy_of_a_user_has_a_place_and_a_name():
    name = "extensions.nowhere:vanish"
    assert strategy_title(name) == title_in(STRATEGIES, name) == name
    assert strategy_place(name) == len(STRATEGIES) > strategy_place("burst")


def test_what_is_lost_is_named_by_its_modality():
    assert [lost_title(modality) for modality in ("audio", "both")] == [
        "Sound lost",
        "Sound and picture lost",
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
    ],
)
def test_listing(names, expected):
    assert listing(names) == expected


def test_capitalised_leaves_the_rest_alone():
    assert [capitalised(name) for name in ("macro F1", "CCC", "")] == ["Macro F1", "CCC", ""]
