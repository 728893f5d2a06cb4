"""What cannot be taken away, and what is said of it."""

import pytest
from pydantic import ValidationError

from models.ablation.registry import STRATEGIES
from models.settings import Ablation, Share

SHARE = ("p", "[share]")


@pytest.mark.parametrize(
    ("given", "where", "message"),
    [
        ({"p": 1.5}, ("p", "[number]"), "less than or equal to 1"),
        ({"p": -0.1}, ("p", "[number]"), "greater than or equal to 0"),
        ({"p": float("nan")}, ("p", "[number]"), "finite number"),
        ({"p": "half"}, ("p", "[number]"), "valid number"),
        ({"p": None}, ("p", "[number]"), "valid number"),
        ({"p": {"low": 0.5, "high": 0.5}}, SHARE, "low 0.5 is not below high 0.5"),
        ({"p": {"low": 0.9, "high": 0.2}}, SHARE, "low 0.9 is not below high 0.2"),
        ({"p": {"high": 1.0, "scale": "log"}}, SHARE, "a logarithm needs a share to be kept"),
        ({"p": {"high": 1.2}}, (*SHARE, "high"), "less than or equal to 1"),
        ({"p": {"mean": 0.2}}, (*SHARE, "mean"), "is not a known key"),
        ({"burst": 0.5}, ("burst",), "greater than or equal to 1"),
        ({"strategy": "burst", "p": 0.95}, (), "come in runs of 20 already: make it that or more"),
        ({"strategy": "burst", "p": 0.5, "burst": 1.9}, (), "burst is 1.9, but .* runs of 2 "),
        ({"strategy": "blank_face", "modality": "both"}, (), "is of video, but modality is both"),
        ({"strategy": "blank_face", "modality": "audio"}, (), "is of video, but modality is audio"),
        ({"mixture": {"intact": 0.6, "video": 0.5}}, ("mixture",), "more than all samples"),
        ({"mixture": {"gains": 2.0}}, ("mixture", "gains"), "less than or equal to 1"),
        ({"strategy": "none", "p": 0.3}, (), "p is set, but strategy none has no use for it"),
        ({"strategy": "mixed", "p": {"high": 0.9}}, (), "p is set, but strategy mixed has no use"),
        ({"strategy": "optimized", "modality": "audio"}, (), "modality is set, but .* optimized"),
        ({"strategy": "subclip", "burst": 5.0}, (), "burst is set, .* it is for burst, mixed"),
        ({"strategy": "mixed", "fill": "soft"}, (), "fill is set, .* it is for modality_dropout"),
        (
            {"strategy": "modality_dropout", "mixture": {"gains": 0.2}},
            (),
            "mixture is set, but strategy modality_dropout has no use for it: it is for mixed",
        ),
        (
            {"strategy": "clip_one"},
            ("strategy",),
            "there is no strategy 'clip_one': did you mean clip_zero.? Choose none, clip_zero",
        ),
        ({"fill": "medium"}, ("fill",), "Input should be 'hard', 'soft' or 'noise'"),
    ],
)
def test_a_mistake_is_said_once(given: dict, where: tuple, message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        Ablation.model_validate(given)
    (error,) = caught.value.errors()
    assert error["loc"] == where


@pytest.mark.parametrize(
    "given",
    [
        {"strategy": "clip_zero", "p": 0},
        {"strategy": "noise", "p": 1, "modality": "either"},
        {"strategy": "subclip", "p": {"low": 0.0, "high": 1.0}},
        {"strategy": "frame_repeat", "p": {"scale": "log"}, "modality": "audio"},
        {"strategy": "burst", "p": 1.0},
        {"strategy": "burst", "p": 0.95, "burst": 20.0},
        {"strategy": "burst", "p": 0.9, "burst": 1 / (1 - 0.9)},
        {"strategy": "burst", "p": {"high": 0.999}, "burst": 2.0},
        {"strategy": "mixed", "mixture": {"intact": 0.9, "video": 0.1}, "burst": 4.0},
        {"strategy": "mixed", "mixture": {"intact": 0.35, "video": 0.65}},
        {"strategy": "modality_dropout", "fill": "noise"},
        # What is said is the default.
        {"strategy": "none", "modality": "video", "p": 0.5, "burst": 15.0, "fill": "hard"},
        {"strategy": "optimized", "mixture": {"intact": 0.45, "p": {"scale": "log"}}},
    ],
)
def test_what_is_possible_is_taken(given: dict) -> None:
    ablation = Ablation.model_validate(given)
    assert Ablation.model_validate(ablation.model_dump()) == ablation
    assert Ablation.model_validate_json(ablation.model_dump_json()) == ablation
    if isinstance(given.get("p"), dict):
        assert isinstance(ablation.p, Share)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_takes_exactly_what_it_uses(strategy: str) -> None:
    others = {
        "modality": "either",
        "p": 0.7,
        "burst": 16.0,
        "fill": "soft",
        "mixture": {"gains": 0.1},
        "unit": "signal",
        "drawn": "once",
    }
    ways = {"unit", "drawn"}
    used = {
        "burst": {"modality", "p", "burst", *ways},
        "modality_dropout": {"fill"},
        "mixed": {"mixture", "burst", *ways},
        "none": set(),
        "optimized": set(),
        "blank_face": {"p", *ways},  # of video alone
        "keep_one": {"p", *ways},  # of both
    }.get(strategy, {"modality", "p", *ways})
    taken = set()
    for name, value in others.items():
        try:
            Ablation.model_validate({"strategy": strategy, name: value})
            taken.add(name)
        except ValidationError:
            pass
    assert taken == used
