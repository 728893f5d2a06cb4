"""Means, standard deviations and counts against numbers worked out by hand."""

import math

import pandas as pd
import pytest

from reports import summary
from reports.task import Task


def rows(model, seed, modality, strategy, p, *cccs, target="valence"):
    return [
        (model, seed, modality, strategy, p, trial, target, ccc, 100)
        for trial, ccc in enumerate(cccs)
    ]


def evaluation(*groups):
    names = ["model", "seed", "modality", "strategy", "p", "trial", "target", "ccc", "n"]
    return pd.DataFrame([row for group in groups for row in group], columns=names)


@pytest.fixture
def table():
    return evaluation(
        rows("a", 0, "video", "clip_zero", 0.0, 0.5),
        rows("a", 1, "video", "clip_zero", 0.0, 0.7),
        rows("a", 0, "video", "clip_zero", 0.5, 0.2, 0.4),
        rows("a", 1, "video", "clip_zero", 0.5, 0.3, 0.5),
        rows("a", 0, "video", "clip_zero", 1.0, 0.0),
        rows("a", 1, "video", "clip_zero", 1.0, 0.2),
        rows("b", 0, "video", "clip_zero", 0.0, 0.6),
        rows("b", 1, "video", "clip_zero", 0.0, 0.6),
    )


def test_conditions_pool_seeds_and_trials(table):
    cells = summary.conditions(table, "ccc").set_index(["model", "p"])
    half = cells.loc[("a", 0.5)]
    assert half["value"] == pytest.approx(0.35)
    assert half["sd"] == pytest.approx(math.sqrt((0.15**2 + 2 * 0.05**2 + 0.15**2) / 3))
    assert half["n"] == 4
    assert ("b", 0.5) not in cells.index


def test_a_single_value_has_no_deviation_and_an_undefined_one_does_not_count():
    table = evaluation(rows("a", 0, "audio", "frame_zero", 0.9, 0.4, math.nan))
    (cell,) = summary.conditions(table, "ccc").itertuples()
    assert cell.value == 0.4
    assert math.isnan(cell.sd)
    assert cell.n == 1


def test_headline_is_over_seeds_and_weighs_conditions_equally(table):
    cells = summary.headline(table, "ccc").set_index(["model", "headline"])
    assert cells.loc[("a", "intact"), "value"] == pytest.approx(0.6)
    assert cells.loc[("a", "video_gone"), "value"] == pytest.approx(0.1)
    mean = cells.loc[("a", "mean")]
    seeds = (0.5 + 0.3 + 0.0) / 3, (0.7 + 0.4 + 0.2) / 3
    assert mean["value"] == pytest.approx(sum(seeds) / 2)
    assert mean["sd"] == pytest.approx((seeds[1] - seeds[0]) / math.sqrt(2))
    assert mean["n"] == 2


def metrics_of(evaluation, *models):
    """The nested numbers of a run with the metrics CCC and RMSE, for one target or two."""
    task = Task("regression", "frame", tuple(evaluation["target"].unique()), ("ccc", "rmse"))
    evaluation = evaluation.assign(rmse=evaluation["ccc"] * 2)
    of_run = summary.Summary(
        conditions=summary.conditions(evaluation, "ccc"),
        headlines=summary.headline(evaluation, "ccc"),
        intact=summary.intact(evaluation, task.metrics),
        videos=pd.DataFrame(),
        traces={},
    )
    return summary.metrics(of_run, models, task)


def test_the_mean_of_the_targets_is_taken_seed_by_seed(table):
    arousal = table.assign(target="arousal", ccc=1 - table["ccc"] / 2)
    both = pd.concat([table, arousal])
    cells = summary.headline(both, "ccc").set_index(["model", "target", "headline"])
    intact = cells.loc[("a", "mean", "intact")]
    assert intact["value"] == pytest.approx((0.5 + 0.75 + 0.7 + 0.65) / 4)
    assert intact["sd"] == pytest.approx((0.675 - 0.625) / math.sqrt(2))
    assert intact["n"] == 2
    assert list(metrics_of(both, "a", "b")["a"]) == ["valence", "arousal", "mean"]
    undefined = both.assign(ccc=both["ccc"].where(both["target"] == "valence"))
    assert "mean" not in metrics_of(undefined, "a", "b")["a"]


def test_one_target_has_no_mean_of_targets(table):
    assert set(summary.headline(table, "ccc")["target"]) == {"valence"}


def test_every_model_has_metrics_be_it_none(table):
    undefined = table.assign(ccc=table["ccc"].where(table["model"] == "a"))
    assert metrics_of(undefined, "b", "a")["b"] == {}


def test_a_model_without_every_condition_has_no_mean(table):
    metrics = metrics_of(table, "a", "b")
    assert metrics["b"] == {"valence": {"intact": 0.6, "rmse": 1.2}}
    names = {"intact", "video_gone", "mean", "rmse"}  # audio: not evaluated
    assert set(metrics["a"]["valence"]) == names


def test_metrics_have_four_digits(table):
    assert metrics_of(table, "a", "b")["a"]["valence"]["mean"] == 0.35


def test_mean_videos_drops_undefined_ones():
    names = ["model", "seed", "item", "target", "ccc", "n"]
    values = [("a", 0, "x", 0.2), ("a", 1, "x", 0.4), ("a", 0, "y", math.nan)]
    table = pd.DataFrame([(m, s, i, "valence", c, 9) for m, s, i, c in values], columns=names)
    means = summary.mean_videos(table, "ccc")
    assert means[["item", "value"]].to_numpy().tolist() == [["x", pytest.approx(0.3)]]


def test_intact_has_every_metric_at_p_0(table):
    cells = summary.intact(table.assign(rmse=table["ccc"] * 2), ["ccc", "rmse"])
    assert len(cells) == 4  # two models, two metrics
    cells = cells.set_index(["model", "metric"])
    assert cells.loc[("a", "ccc"), ["value", "n"]].tolist() == [pytest.approx(0.6), 2]
    assert cells.loc[("a", "rmse"), "value"] == pytest.approx(1.2)
    assert cells.loc[("a", "rmse"), "sd"] == pytest.approx(0.2 * math.sqrt(2))
    assert cells.loc[("b", "rmse"), "value"] == pytest.approx(1.2)


def predictions(*rows):
    return pd.DataFrame(rows, columns=["model", "seed", "item", "target", "annotated", "predicted"])


def test_mean_predictions_are_over_seeds():
    table = predictions(
        ("a", 0, "x", "valence", 0.5, 0.2),
        ("a", 1, "x", "valence", 0.5, 0.4),
        ("a", 0, "y", "valence", -1.0, -0.5),
    )
    means = summary.mean_predictions(table)[["item", "annotated", "predicted"]]
    assert means.to_numpy().tolist() == [["x", 0.5, pytest.approx(0.3)], ["y", -1.0, -0.5]]


def test_confusion_counts_annotated_by_predicted_over_seeds():
    table = predictions(
        ("a", 0, "x", "class", "sad", "sad"),
        ("a", 1, "x", "class", "sad", "happy"),
        ("a", 0, "y", "class", "happy", "happy"),
        ("b", 0, "x", "class", "sad", "sad"),
    )
    matrices = summary.confusion(table, ["b", "a"], ["happy", "sad", "fear"])
    assert list(matrices) == ["b", "a"]
    assert matrices["a"].tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert matrices["b"].tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_traces_are_chosen_by_how_much_face_and_sound_come_and_go():
    def item(name, missing):
        present = [int(i >= missing) for i in range(100)]
        return pd.DataFrame(
            {"item": name, "time": range(100), "face_present": present, "sound_present": 1}
        )

    table = pd.concat([item("all", 0), item("none", 100), item("some", 10), item("half", 30)])
    shown = summary.shown_traces(table)
    assert list(shown)[:2] == ["half", "some"]
    assert len(shown) == summary.TRACE_ITEMS
    assert shown["half"]["time"].max() < summary.TRACE_SECONDS
