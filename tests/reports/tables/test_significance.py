"""Marks, intervals and the words of the tests."""

import pandas as pd
import pytest

from features.task import AFFECT, Task
from reports.tables.significance import legend, marks, significance_table

NAN = float("nan")
NAMES = ["model", "reference", "target", "measure", "test", "difference", "low", "high"]
NAMES += ["p", "p_worse", "p_adjusted", "n", "significant", "note"]


def table(*rows):
    return pd.DataFrame([(row[0], "base", *row[1:]) for row in rows], columns=NAMES)


T = ("a", "mean", "mean", "t", 0.05, NAN, NAN, 0.005, 0.995, 0.01, 5, 1, "")
BOOTSTRAP = (
    "a",
    "mean",
    "intact",
    "bootstrap",
    -0.04,
    -0.06,
    -0.02,
    *(0.0004, NAN, 0.0008, 50, -1, ""),
)
FISHER = ("a", "valence", "intact", "fisher_z", 0.03, NAN, NAN, 0.004, NAN, NAN, 960, 1, "")
UNSURE = ("b", "mean", "intact", "bootstrap", 0.01, -0.01, 0.03, 0.2, NAN, 0.4, 50, 0, "")
TOO_FEW = ("a", "mean", "mean", "t", 0.05, *[NAN] * 5, 3, 0, "needs 5 seeds, has 3")


def test_a_mark_is_of_its_test_and_says_which_way():
    found = marks(table(T, BOOTSTRAP, FISHER, UNSURE))
    assert found == {
        "mean": {("a", "mean"): " <sup>*</sup>"},
        "intact": {("a", "mean"): " <sup>▾†</sup>", ("a", "valence"): " <sup>‡</sup>"},
    }


def test_several_tests_of_a_number_have_a_mark_each():
    up = (*BOOTSTRAP[7:-2], 1, "")
    better = ("b", "mean", "intact", "bootstrap", 0.04, 0.02, 0.06, *up)
    t = ("b", "mean", "intact", "t", 0.05, *T[5:])
    worse = ("a", "valence", "intact", "fisher_z", -0.03, *FISHER[5:-2], -1, "")
    single = ("a", "valence", *BOOTSTRAP[2:])
    assert marks(table(better, t, worse, single)) == {
        "intact": {("b", "mean"): " <sup>*†</sup>", ("a", "valence"): " <sup>▾†▾‡</sup>"}
    }


def test_too_few_seeds_are_said_and_get_no_star():
    few = table(TOO_FEW, BOOTSTRAP)
    assert marks(few) == {"intact": {("a", "mean"): " <sup>▾†</sup>"}}
    text = legend(few, AFFECT)
    assert "<strong>No verdict (needs 5 seeds, has 3).</strong>" in text
    assert text.count("No verdict") == 1
    assert "* One-tailed" not in text  # no mark can stand anywhere, so none is explained
    assert "Needs 5 seeds, has 3" in significance_table(few, ["base", "a"], AFFECT)


def test_a_note_of_some_models_names_them():
    text = legend(table(T, ("<b>", *TOO_FEW[1:])), AFFECT)
    assert "No verdict on some numbers of &lt;b&gt; (needs 5 seeds, has 3)." in text


def test_the_legend_explains_the_tests_that_were_made():
    text = legend(table(T, BOOTSTRAP), AFFECT)
    for words in (
        "<b>base</b>",
        "* One-tailed matched-pair t-test",
        "† Bootstrap over recordings",
        "(50",
        "It says nothing about other recordings",
        "It says nothing about training again or other losses: seeds and trials are held fixed",
        "Nor are those of one speaker",
    ):
        assert words in text
    assert "Fisher" not in text
    of_classes = Task(kind="classification", level="sequence", outputs=("x", "y"))
    assert "† Bootstrap over sequences" in legend(table(BOOTSTRAP), of_classes)
    assert "‡ stands beside targets" in legend(table(FISHER), AFFECT)
    assert "no difference is claimed" in legend(table(), AFFECT)


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        (T, ["base", "Robustness area", "+0.050", "–", "<b>0.010</b>"]),
        (BOOTSTRAP, ["base", "Intact", "−0.040", "[−0.060, −0.020]", "<b>&lt; 0.001</b>"]),
        (UNSURE, ["base", "Intact", "+0.010", "[−0.010, 0.030]", "0.400"]),
        (FISHER, ["base", "Intact", "–", "–", "<b>0.004</b>"]),  # a difference of another metric
    ],
)
def test_every_test_has_its_p(row, cells):
    html = significance_table(table(row), ["a", "b"], AFFECT)
    assert "".join(f'<td class="start">{cell}</td>' for cell in cells) in html
