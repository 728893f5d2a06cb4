"""What every network does about frames that are missing."""

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from models.ablation.frame_map import repeats, runs_of
from models.networks.stream import Stream
from models.settings import MODALITIES, Modality
from models.training.losses import total_loss
from tests.helpers.network_cases import (
    CASES,
    TASKS,
    Case,
    Clips,
    aware,
    clips_of_any_length,
    labelled_batch,
    masks_of,
    random_inputs,
)

quickly = settings(max_examples=2, deadline=None, phases=set(Phase) - {Phase.explain})
every_task = pytest.mark.parametrize("task", TASKS)
AWARE = aware(("marked", "shown"), ("marked", "missing"), ("filled", "shown"))


def answer(case: Case, task: str, clips: Clips, x: dict | None = None) -> torch.Tensor:
    """Outputs for what is real: (frames, outputs), or (clips, outputs) of sequences."""
    fused = case.evaluated(task)(x or clips.inputs, masks_of(clips.mask), clips.present).fused
    return fused[clips.mask] if TASKS[task].level == "frame" else fused[:, 0]


@every_task
@pytest.mark.parametrize("case", CASES, ids=str)
@quickly
@given(clips=clips_of_any_length)
def test_ignored_presence_changes_nothing(case: Case, clips: Clips, task: str) -> None:
    network = case.evaluated(task)
    told = network(clips.inputs, masks_of(clips.mask), clips.present).fused
    assert torch.equal(told, network(clips.inputs, masks_of(clips.mask)).fused)


@every_task
@pytest.mark.parametrize("case", aware(("marked", "shown"), ("filled", "shown")), ids=str)
@quickly
@given(clips=clips_of_any_length, seed=st.integers(0, 99))
def test_contents_of_missing_frames_change_nothing(
    case: Case, clips: Clips, task: str, seed: int
) -> None:
    for there in clips.present.values():
        there[:, 0] = True  # where nothing is there, nothing can fill it
    other = random_inputs(*clips.mask.shape, seed)
    x = {
        m: torch.where(clips.present[m][..., None], clips.inputs[m], 10 * other[m])
        for m in MODALITIES
    }
    assert torch.allclose(answer(case, task, clips, x), answer(case, task, clips), atol=1e-5)


@every_task
@pytest.mark.parametrize("case", aware(("marked", "shown")), ids=str)
@quickly
@given(clips=clips_of_any_length, gone=st.sampled_from(MODALITIES))
def test_contents_of_a_missing_modality_change_nothing(
    case: Case, clips: Clips, task: str, gone: Modality
) -> None:
    clips.present[gone][:] = False
    x = {**clips.inputs, gone: 10 * clips.inputs[gone] + 1}
    assert torch.allclose(answer(case, task, clips, x), answer(case, task, clips), atol=1e-5)


@every_task
@pytest.mark.parametrize("case", AWARE, ids=str)
def test_missing_frames_are_noticed(case: Case, task: str) -> None:
    clips = Clips([9, 7], padding=0, loudness=1.0, seed=0)
    before = answer(case, task, clips)
    for modality in case.modalities:
        clips.present[modality][:] = ~clips.present[modality]
    assert not torch.allclose(answer(case, task, clips), before, atol=1e-4)


@every_task
@pytest.mark.parametrize("case", AWARE, ids=str)
def test_outputs_and_gradients_are_finite_when_all_is_missing(case: Case, task: str) -> None:
    network, batch = case.build(task), labelled_batch(task)
    there = {m: torch.ones_like(batch.mask) for m in MODALITIES}
    there["audio"][[0, 1]] = False
    there["video"][[1, 2]] = False  # of the second clip both are gone
    outputs = network(batch.inputs(), masks_of(batch.mask), there)
    total_loss(network, TASKS[task], outputs, batch).backward()
    assert outputs.fused.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@every_task
@pytest.mark.parametrize("case", aware(("marked", "missing")), ids=str)
@quickly
@given(clips=clips_of_any_length)
def test_a_repeated_frame_is_missing(case: Case, clips: Clips, task: str) -> None:
    """Where frames repeat, it is as if `present` had said so."""
    shown = Case(case.network, case.modalities, case.options, "marked")
    found = answer(case, task, clips)
    for modality in MODALITIES:
        clips.present[modality] &= ~repeats(runs_of(clips.inputs[modality]))
    assert torch.allclose(answer(shown, task, clips), found, atol=1e-6)


def test_a_repeat_equals_the_frame_before_it_in_every_feature() -> None:
    x = torch.tensor([[[1.0, 2], [1, 2], [1, 3], [1, 3]], [[0.0, 0], [0, 0], [0, 0], [5, 0]]])
    expected = [[False, True, False, True], [False, True, True, False]]
    assert repeats(runs_of(x)).tolist() == expected
    assert repeats(runs_of(x[:, :1])).tolist() == [[False], [False]]


@pytest.mark.parametrize("feature", [0, 1, 63, 64, 100, 129])
def test_one_feature_of_many_tells_frames_apart(feature: int) -> None:
    x = torch.ones(2, 5, 130)
    x[1, 2, feature] = 2
    expected = [[False, True, True, True, True], [False, True, False, False, True]]
    assert repeats(runs_of(x)).tolist() == expected


def test_everything_may_be_attended_to_where_nothing_is_present() -> None:
    mask = torch.tensor([[True, True, False], [True, True, True]])
    present = torch.tensor([[False, False, False], [False, True, False]])
    stream = Stream(torch.zeros(2, 3, 1), mask, present)
    assert stream.keys.tolist() == [[True, True, False], [False, True, False]]
    assert stream.gone.tolist() == [True, False]
