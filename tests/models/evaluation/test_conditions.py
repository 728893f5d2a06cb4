from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.evaluation.conditions import INTACT, Condition, grid, runs_under
from models.settings import ConditionGrid, EvaluateSettings


def conditions(*grids: dict) -> list[Condition]:
    return grid(EvaluateSettings(conditions=[ConditionGrid(**one) for one in grids]))


def test_the_papers_grid_has_30_conditions_and_192_runs() -> None:
    own = grid(EvaluateSettings())
    strategies = {
        "clip_zero": [1.0, 0.7, 0.5, 0.3, 0.0],
        "frame_zero": [1.0, 0.95, 0.9, 0.85, 0.0],
        "frame_repeat": [1.0, 0.95, 0.9, 0.85, 0.0],
    }
    expected = {
        Condition(m, strategy, p)
        for strategy, steps in strategies.items()
        for m, p in product(("audio", "video"), steps)
    }
    assert len(own) == 30
    assert set(own) == expected
    # 18 random conditions of 10 trials, 12 of one: p = 0 and p = 1 leave nothing to chance.
    assert len(runs_under(own, 10)) == 18 * 10 + 12


def test_a_condition_that_two_grids_name_is_one() -> None:
    one = {"strategy": "frame_zero", "p": [0.9, 0.5]}
    assert conditions(one, {"strategy": "frame_zero", "p": [0.5, 0.1]}) == [
        Condition(m, "frame_zero", p)
        for steps in ([0.9, 0.5], [0.1])
        for m, p in product(("audio", "video"), steps)
    ]
    assert len(conditions(one, one | {"fill": "hold"}, one | {"modality": ["both"]})) == 4 + 4 + 2


def test_bursts_differ_in_length_and_others_have_none() -> None:
    own = conditions(
        {"strategy": "burst", "modality": ["video"], "p": [0.3, 0.5], "burst": [5, 15]},
        {"strategy": "subclip", "modality": ["video"], "p": [0.5]},
    )
    assert [(c.p, c.burst, c.ablation.burst) for c in own] == [
        (0.3, 5, 5),
        (0.3, 15, 15),
        (0.5, 5, 5),
        (0.5, 15, 15),
        (0.5, 0, 15),
    ]


@settings(deadline=None)
@given(
    strategy=st.sampled_from(["clip_zero", "frame_zero", "frame_repeat", "subclip", "noise"]),
    modality=st.sampled_from(["audio", "video", "both"]),
    p=st.floats(0, 1),
    trials=st.integers(1, 9),
)
def test_a_condition_keeps_what_it_is_given(
    strategy: str, modality: str, p: float, trials: int
) -> None:
    (own,) = conditions({"strategy": strategy, "modality": [modality], "p": [p]})
    assert (own.ablation.strategy, own.ablation.modality, own.ablation.p) == (strategy, modality, p)
    assert own.modalities == own.ablation.modalities
    chance = 0 < p < 1 or (strategy == "noise" and p == 1)
    assert len(runs_under([own, INTACT], trials)) == (trials if chance else 1) + 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"strategy": "mixed", "p": [0.5]}, "strategy"),
        ({"strategy": "frame_zero", "p": [1.5]}, "less than or equal to 1"),
        ({"strategy": "frame_zero", "p": []}, "at least 1 item"),
        ({"strategy": "frame_zero", "p": [0.5, 0.5]}, "names one value twice"),
        ({"strategy": "frame_zero", "p": [0.5], "burst": [5]}, "burst is of strategy burst"),
        ({"strategy": "burst", "p": [0.5], "burst": [0.5]}, "greater than or equal to 1"),
        ({"strategy": "burst", "p": [0.5, 0.9], "burst": [15, 5]}, "p 0.9 needs bursts of 10 fram"),
        ({"strategy": "blank_face", "p": [0.5]}, r"modality should be \[video\]"),
        ({"strategy": "clip_zero", "p": [0.5], "fill": "hold"}, "leaves no gap to fill"),
        ({"strategy": "frame_repeat", "p": [0.5], "fill": "nearest"}, "leaves no gap to fill"),
        ({"strategy": "frame_zero", "p": [0.5], "modality": ["either"]}, "modality"),
    ],
)
def test_a_grid_that_means_nothing_is_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        ConditionGrid(**wrong)
    assert caught.value.error_count() == 1


def test_the_shortest_bursts_of_a_rate_are_allowed() -> None:
    for p, burst in [(0.9, 10.0), (0.8, 5.0), (0.5, 2.0), (0.0, 1.0), (1.0, 1.0)]:
        ConditionGrid(strategy="burst", p=[p], burst=[burst])
