"""One modality alone, and natural missingness, against numbers worked out by hand."""

import math

import pandas as pd
import pytest

from features.task import AFFECT, Task
from reports.numbers.protocols import natural_losses, one_modality, protocol_metric, rate_curves
from reports.numbers.schema import CONDITION
from reports.tables.rates import rates_table

LIKE_PAPERS = ("equal", 0.0, "none", "window", "anew", 0)
ONE = Task(kind="sentiment", level="sequence", outputs=("x",))
NAMES = ["model", "seed", *CONDITION, "trial", "target", "ccc", "n"]


def evaluation(*rows):
    table = [
        ("a", seed, modality, strategy, p, *LIKE_PAPERS, subset, trial, "x", value, n)
        for seed, modality, strategy, p, subset, trial, value, n in rows
    ]
    return pd.DataFrame(table, columns=NAMES)


def test_sound_alone_is_what_is_left_when_the_picture_is_gone():
    absent = [
        (seed, modality, "clip_zero", p, "all", 0, value + seed / 10, 9)
        for seed in (0, 1)
        for modality, p, value in (("audio", 0.0, 0.6), ("audio", 1.0, 0.5), ("video", 1.0, 0.1))
    ]
    noise = [(seed, "audio", "noise", 1.0, "all", 0, 0.3, 9) for seed in (0, 1)]
    found = one_modality(evaluation(*absent, *noise), "ccc")
    assert set(found["other"]) == {"gone"}  # noise: only of the sound
    values = found.set_index("input")
    assert values["value"].to_dict() == pytest.approx({"AV": 0.65, "A": 0.15, "V": 0.55, "M": 0.45})
    assert values.loc["M", "sd"] == pytest.approx(0.1 / math.sqrt(2))
    assert set(values["n"]) == {2}
    both = [
        *noise,
        *((seed, "video", "noise", 1.0, "all", t, t / 5, 9) for seed in (0, 1) for t in (0, 1)),
    ]
    gone = one_modality(evaluation(*absent, *both), "ccc").set_index(["other", "input"])["value"]
    assert gone["noise", "A"] == pytest.approx(0.1)  # the mean of two trials
    assert gone["noise", "M"] == pytest.approx((0.65 + 0.1 + 0.3) / 3)


def test_nothing_is_shown_of_a_protocol_that_was_not_run():
    table = evaluation((0, "video", "frame_zero", 0.0, "all", 0, 0.5, 9))
    assert one_modality(table, "ccc").empty
    assert natural_losses(table, "ccc").empty


def test_natural_missingness_is_scored_apart_with_its_labels():
    table = evaluation(
        (0, "video", "clip_zero", 0.0, "all", 0, 0.5, 100),
        (0, "video", "clip_zero", 1.0, "all", 0, 0.0, 100),
        (0, "both", "none", 0.0, "no_face", 0, 0.2, 30),
        (1, "video", "clip_zero", 0.0, "all", 0, 0.7, 100),
        (1, "both", "none", 0.0, "no_face", 0, 0.4, 30),
    )
    found = natural_losses(table, "ccc").set_index("subset")
    assert found["value"].to_dict() == pytest.approx({"all": 0.6, "no_face": 0.3})
    assert found["labels"].to_dict() == {"all": 100, "no_face": 30}
    assert found.loc["no_face", "n"] == 2


@pytest.mark.parametrize(
    ("task", "chosen"),
    [
        (Task(kind="classification", level="sequence", outputs=("x", "y")), "accuracy"),
        (Task(kind="sentiment", level="sequence", outputs=("x",)), "binary_accuracy"),
        (AFFECT, "ccc"),
    ],
)
def test_the_protocol_is_measured_in_accuracy_where_there_is_one(task, chosen):
    assert protocol_metric(task) == chosen


def test_curves_over_rates_are_summed_up_as_papers_do():
    values = {0.0: 0.6, 0.5: 0.4, 1.0: 0.1}
    rows = [
        (seed, "both", "frame_zero", p, "all", 0, value + seed / 10, 9)
        for seed in (0, 1)
        for p, value in values.items()
    ]
    alone = [(0, "audio", "frame_zero", p, "all", 0, 0.5, 9) for p in values]
    found = rate_curves(evaluation(*rows, *alone), "ccc").set_index("number")
    assert set(found["modality"]) == {"both"}
    html = rates_table(rate_curves(evaluation(*rows), "ccc"), ["a"], ONE)
    assert html.count("AUILC") == 1
    assert "0.425" in html
    assert found.loc["auilc", "value"] == pytest.approx(0.5 * (0.5 + 0.25) + 0.05)
    assert found.loc["mean", "value"] == pytest.approx(0.5 + 0.05)
    assert set(found["n"]) == {2}
    short = [row for row in rows if row[3] < 1] + [(0, "both", "frame_zero", 0.9, "all", 0, 0.2, 9)]
    found = rate_curves(evaluation(*short), "ccc").set_index("number")
    assert math.isnan(found.loc["auilc", "value"])
    assert rate_curves(evaluation(*alone), "ccc").empty
