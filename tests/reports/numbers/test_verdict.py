"""The sentence that a run ends in, of numbers written by hand."""

from types import SimpleNamespace

import pandas as pd
import pytest

from features.task import AFFECT
from reports.numbers.named import ALL_NAMED, TITLES, by_robustness, focus_of
from reports.numbers.verdict import verdict

NUMBERS = {  # mean, intact, without a picture, without sound
    "baseline": (0.40, 0.60, 0.30, 0.35),
    "sturdy": (0.50, 0.59, 0.51, 0.40),
    "deaf": (0.20, 0.30, 0.00, 0.30),
}
ROBUST = {"recommended": "sturdy", "best": "sturdy", "level": []}


def run(needs=None, speakers=8, reference="baseline", tested=0, models=tuple(NUMBERS)):
    """A run of which only what the sentence reads is there."""
    row = {"model": "sturdy", "reference": "baseline", "target": "mean", "measure": "intact"}
    row |= {"test": "bootstrap", "low": -0.1, "significant": tested}
    significance = pd.DataFrame([row] if tested is not None else [], columns=[*row])
    choice = {"speakers": speakers, "needs": needs or {}, "seeds": {}}
    named = SimpleNamespace(
        models=models, reference=reference, task=AFFECT, significance=significance, choice=choice
    )
    rows = [
        (model, title, value)
        for model in models
        for title, value in zip(
            (ALL_NAMED, "Intact", "Picture gone", "Sound gone"), NUMBERS[model], strict=True
        )
    ]
    return named, pd.DataFrame(rows, columns=["model", "title", "value"])


def test_the_recommended_model_is_held_against_the_reference():
    assert verdict(*run({"robust": ROBUST})) == (
        "sturdy keeps most under loss: CCC 0.50 in the mean of 7 conditions (baseline 0.40); "
        "without a picture it falls by 0.08 to 0.51 (baseline to 0.30), without sound it falls by "
        "0.19 to 0.40 (baseline to 0.35); intact it is level with baseline (0.59 against 0.60)."
    )


@pytest.mark.parametrize(
    ("tested", "words"),
    [
        (1, "it is ahead of baseline"),
        (-1, "it is behind baseline"),
        (None, "it has 0.59, baseline 0.60 (not tested)"),
    ],
)
def test_what_the_test_says_of_intact_input(tested, words):
    assert words in verdict(*run({"robust": ROBUST}, tested=tested))


def test_a_recommended_reference_stands_against_the_best_of_the_others():
    robust = {"recommended": "baseline", "best": "baseline", "level": []}
    said = verdict(*run({"robust": robust}, tested=1))
    assert said.startswith("baseline keeps most under loss: CCC 0.40 in the mean of 7 conditions;")
    assert said.endswith("intact it is behind sturdy (0.60 against 0.59).")


@pytest.mark.parametrize(
    ("needs", "speakers", "why"),
    [
        (None, 0, "no speakers are kept apart to choose by"),
        (ROBUST | {"recommended": None}, 4, "4 speakers cannot tell, 6 are needed"),
        (
            {"recommended": None, "best": "sturdy", "level": ["deaf"]},
            8,
            "8 speakers cannot tell sturdy and deaf apart",
        ),
    ],
)
def test_where_no_model_is_recommended_the_numbers_are_there(needs, speakers, why):
    said = verdict(*run({"robust": needs} if needs else None, speakers))
    assert said.startswith("No model is recommended")
    assert f"{why}. Highest here is sturdy: CCC 0.50 in the mean" in said
    assert "without a picture it falls by 0.08 to 0.51" in said


def test_what_loses_nothing_stays():
    robust = {"recommended": "deaf", "best": "deaf", "level": []}
    assert "without sound it stays at 0.30" in verdict(*run({"robust": robust}))


def test_a_single_model_is_held_against_nobody():
    robust = {"recommended": "deaf", "best": "deaf", "level": []}
    said = verdict(*run({"robust": robust}, models=("deaf",), reference=None, tested=None))
    assert said.endswith("intact it has 0.30.")


def test_models_that_matter_are_recommended_ones_the_reference_and_the_best():
    found, table = run({"robust": ROBUST | {"recommended": "deaf"}})
    assert by_robustness(table, found.models) == ["sturdy", "baseline", "deaf"]
    assert focus_of(found, table) == found.models
    assert list(TITLES)[:3] == ["Intact", "Picture gone", "Picture half of the clips"]
