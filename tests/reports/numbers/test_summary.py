"""What is shown of a run: nested numbers and the ranking."""

import math

import pandas as pd
import pytest

from features.task import Task
from reports.numbers import means, summary
from tests.helpers.evaluation_rows import of_two_models


@pytest.fixture
def table():
    return of_two_models()


def nested(evaluation, *models):
    """The nested numbers of a run with the metrics CCC and RMSE, for one target or two."""
    task = Task(outputs=tuple(evaluation["target"].unique()))
    evaluation = evaluation.assign(rmse=evaluation["ccc"] * 2)
    of_run = summary.Summary(
        conditions=means.conditions(evaluation, "ccc"),
        imputed=pd.DataFrame(),
        headlines=means.headline(evaluation, "ccc"),
        ranking=models,
        named=pd.DataFrame(),
        focus=models,
        intact=means.intact_metrics(evaluation, ["ccc", "rmse"]),
        videos=pd.DataFrame(),
        traces={},
    )
    return summary.nested_metrics(of_run, models, task)


def test_the_mean_of_the_targets_is_taken_seed_by_seed(table):
    arousal = table.assign(target="arousal", ccc=1 - table["ccc"] / 2)
    both = pd.concat([table, arousal])
    cells = means.headline(both, "ccc").set_index(["model", "target", "headline"])
    intact = cells.loc[("a", "mean", "intact")]
    assert intact["value"] == pytest.approx((0.5 + 0.75 + 0.7 + 0.65) / 4)
    assert intact["sd"] == pytest.approx((0.675 - 0.625) / math.sqrt(2))
    assert intact["n"] == 2
    assert list(nested(both, "a", "b")["a"]) == ["valence", "arousal", "mean"]
    undefined = both.assign(ccc=both["ccc"].where(both["target"] == "valence"))
    assert "mean" not in nested(undefined, "a", "b")["a"]


def test_every_model_has_metrics_be_it_none(table):
    undefined = table.assign(ccc=table["ccc"].where(table["model"] == "a"))
    assert nested(undefined, "b", "a")["b"] == {}


def test_a_model_without_every_condition_has_no_mean(table):
    metrics = nested(table, "a", "b")
    assert metrics["b"] == {"valence": {"intact": 0.6, "rmse": 1.2}}
    names = {"intact", "video_gone", "mean", "worst_drop", "rmse"}  # audio: not evaluated
    assert set(metrics["a"]["valence"]) == names


def test_metrics_have_four_digits(table):
    assert nested(table, "a", "b")["a"]["valence"]["mean"] == 0.35


def areas(**values):
    names = ["model", "target", "headline", "value"]
    rows = [(model, "mean", "mean", value) for model, value in values.items()]
    return pd.DataFrame([*rows, ("a", "valence", "mean", 9.0)], columns=names)


def test_the_ranking_is_by_area_and_those_without_are_last():
    table = areas(a=0.1, b=math.nan, c=0.4, d=0.1)
    assert summary.ranking(table, ["d", "b", "a", "c", "e"], "mean") == ("c", "d", "a", "b", "e")
    assert summary.ranking(table, ["b", "a"], "valence") == ("a", "b")
