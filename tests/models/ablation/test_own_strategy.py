"""A strategy of the user's own: a function in a module of its own."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from features.errors import InputError
from models.ablation.strategies import draw
from models.evaluation.conditions import grid, runs_under
from models.settings import Ablation, ConditionGrid, EvaluateSettings
from models.training.checks import takes_whole_modality
from tests.helpers import own_modules
from tests.helpers.losses import draws_of


@pytest.fixture(params=["extensions", "installed"])
def module(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"losses_{request.param}"
    return own_modules.write(request.param, name, own_modules.STRATEGY, tmp_path, monkeypatch)


def test_it_says_which_frames_are_lost(module: str) -> None:
    ablation = Ablation(strategy=f"{module}:every_other", modality="both", p=0.5)
    assert ablation.modalities == ("audio", "video")
    draws = draws_of(400, 10, lengths=[10] * 200 + [7] * 200)
    for modality in ablation.modalities:
        frame_map = draw(ablation, modality, draws)
        lost = frame_map.empty
        clips = lost.any(1)
        assert 150 < clips.sum() < 250
        odd = (torch.arange(10) % 2 == 1) & draws.mask
        assert torch.equal(lost, odd & clips[:, None])
    of_sound = Ablation(strategy=f"{module}:every_other", modality="audio")
    assert draw(of_sound, "video", draws) is None
    assert takes_whole_modality(ablation)  # nobody knows that it does not


def test_it_can_be_a_condition(module: str) -> None:
    strategy = f"{module}:every_other"
    settings = EvaluateSettings(conditions=[ConditionGrid(strategy=strategy, p=[0.5, 1.0])])
    conditions = grid(settings)
    assert [(c.strategy, c.p) for c in conditions] == [(strategy, p) for p in (0.5, 1.0)] * 2
    assert not any(c.takes_whole_clips for c in conditions)
    assert len(runs_under(conditions, 3)) == 12
    with pytest.raises(ValidationError, match="leaves no gap to fill"):
        ConditionGrid(strategy=strategy, p=[0.5], fill="hold")


def test_what_it_returns_is_checked(module: str) -> None:
    with pytest.raises(InputError, match=r"returns no bool tensor of shape \(clips, frames\)"):
        draw(Ablation(strategy=f"{module}:wrong"), "video", draws_of(3, 4))


def test_a_function_that_is_not_there_is_one_sentence(module: str) -> None:
    with pytest.raises(InputError, match="none_such cannot be loaded"):
        draw(Ablation(strategy=f"{module}:none_such"), "video", draws_of(3, 4))
    with pytest.raises(ValidationError, match=r"there is no module extensions\.nowhere"):
        Ablation(strategy="extensions.nowhere:lost")
