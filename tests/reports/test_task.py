"""Tasks: what is drawn and how it is called."""

import pytest

from reports.numbers.task import METRICS, Task, capitalised, listing

AFFECT = Task("regression", "frame", ("valence", "arousal"), ("ccc", "pearson", "rmse"))
EMOTIONS = Task("classification", "sequence", ("sad", "happy"), ("macro_f1", "accuracy"))
SENTIMENT = Task("sentiment", "sequence", ("sentiment",), ("pearson", "mae"))


def test_classes_are_one_target():
    assert EMOTIONS.targets == ("class",)
    assert AFFECT.targets == ("valence", "arousal")


@pytest.mark.parametrize(
    ("task", "target", "expected"),
    [
        (AFFECT, "arousal", "Arousal, CCC"),
        (EMOTIONS, "class", "macro F1"),
        (SENTIMENT, "sentiment", "Sentiment, Pearson correlation"),
    ],
)
def test_an_axis_names_target_and_metric(task, target, expected):
    assert task.axis(target) == expected


def test_only_valence_and_arousal_of_frames_is_the_papers_task():
    assert AFFECT.is_the_papers
    others = [
        EMOTIONS,
        SENTIMENT,
        Task("regression", "sequence", AFFECT.outputs, AFFECT.metrics),
        Task("regression", "frame", (*AFFECT.outputs, "dominance"), AFFECT.metrics),
    ]
    assert not any(task.is_the_papers for task in others)


def test_errors_are_better_low():
    errors = {name for name, metric in METRICS.items() if metric.lower_is_better}
    assert errors == {"rmse", "mae", "cross_entropy"}


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
