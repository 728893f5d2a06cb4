from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from torch import Tensor, nn

from models.ablation.frame_map import FrameMap, nearest, repeats, runs_of

quickly = settings(max_examples=50, deadline=None)
Flags = npst.arrays(bool, st.tuples(st.integers(1, 3), st.integers(1, 12)))


def identity(empty: Tensor, filling: str = "zero") -> FrameMap:
    return FrameMap(torch.arange(empty.shape[1]).expand_as(empty), empty, filling)


def random_map(seed: int, clips: int = 4, frames: int = 9) -> FrameMap:
    rng = torch.Generator().manual_seed(seed)
    source = torch.randint(frames, (clips, frames), generator=rng)
    return FrameMap(source, torch.rand(clips, frames, generator=rng) < 0.4)


def test_frames_are_shown_filled_and_scaled() -> None:
    x = torch.arange(1.0, 9).view(2, 4, 1)
    source = torch.tensor([[0, 0, 2, 2], [1, 1, 2, 3]])
    empty = torch.tensor([[False] * 4, [True, False, False, True]])
    shown = FrameMap(source, empty).apply(x)
    assert shown[..., 0].tolist() == [[1, 1, 3, 3], [0, 6, 7, 0]]
    shown = FrameMap(source, empty, gain=torch.tensor([[0.5], [2.0]])).apply(x, torch.tensor([9.0]))
    assert shown[..., 0].tolist() == [[0.5, 0.5, 1.5, 1.5], [18, 12, 14, 18]]


@quickly
@given(
    seed=st.integers(0, 1 << 16),
    filling=st.sampled_from(["none", "frame", "frames"]),
    scaled=st.booleans(),
)
def test_an_affine_map_of_each_frame_commutes(seed: int, filling: str, scaled: bool) -> None:
    frame_map = random_map(seed)
    rng = torch.Generator().manual_seed(seed + 1)
    if scaled:
        gain = 2 * torch.rand(4, 1, generator=rng, dtype=torch.float64)
        frame_map = replace(frame_map, gain=gain)
    affine = nn.Linear(6, 3, dtype=torch.float64)
    x = torch.randn(4, 9, 6, generator=rng, dtype=torch.float64)
    shapes = {"none": (6,), "frame": (6,), "frames": (4, 9, 6)}
    shown = torch.randn(shapes[filling], generator=rng, dtype=torch.float64)
    raw, mapped = (None, None) if filling == "none" else (shown, affine(shown))
    before = affine(frame_map.apply(x, raw))
    after = frame_map.apply(affine(x), mapped, affine(x.new_zeros(6)))
    torch.testing.assert_close(before, after, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("filling", "expected"),
    [("zero", [1, 0, 0, 0, 0, 0]), ("noise", [1, 1, 0, 1, 0, 0]), ("blank", [1, 1, 0, 1, 0, 0])],
)
def test_what_is_there_afterwards(filling: str, expected: list[int]) -> None:
    present = torch.tensor([[True, True, False, False, False, False]])  # the last is padding
    empty = torch.tensor([[False, True, False, True, False, False]])
    assert identity(empty, filling).present(present).int().tolist() == [expected]


def test_a_repeated_frame_is_there_if_the_one_it_repeats_was() -> None:
    present = torch.tensor([[False, True, True, False]])
    source = torch.tensor([[0, 0, 2, 2]])
    frame_map = FrameMap(source, torch.zeros_like(present))
    assert frame_map.present(present).tolist() == [[False, False, True, True]]


@quickly
@given(seed=st.integers(0, 1 << 16), filling=st.sampled_from(["zero", "noise", "blank"]))
def test_runs_of_equal_frames_are_those_of_what_is_shown(seed: int, filling: str) -> None:
    frame_map = replace(random_map(seed), filling=filling)
    rng = torch.Generator().manual_seed(seed + 1)
    x = (torch.rand(4, 9, 1, generator=rng) < 0.6).cumsum(1) + torch.rand(4, 1, 70, generator=rng)
    shown = frame_map.apply(x, torch.randn(4, 9, 70, generator=rng) if filling == "noise" else None)
    assert torch.equal(repeats(frame_map.runs(runs_of(x))), repeats(runs_of(shown)))


@quickly
@given(Flags)
def test_the_nearest_frame_is_found(flags: np.ndarray) -> None:
    found = nearest(torch.from_numpy(flags)).numpy()
    for clip, own in zip(flags, found, strict=True):
        there = np.flatnonzero(clip)
        index = np.arange(len(clip))
        if there.size:
            # Of two as near argmin takes the first, the earlier one.
            index = there[np.abs(index[:, None] - there).argmin(1)]
        assert np.array_equal(own, index)


@quickly
@given(Flags, st.data())
def test_holding_equals_a_forward_fill(empty: np.ndarray, data: st.DataObject) -> None:
    present = data.draw(npst.arrays(bool, empty.shape))
    x = np.random.default_rng(0).standard_normal(empty.shape)
    frame_map = identity(torch.from_numpy(empty)).imputed("hold", torch.from_numpy(present))
    shown = frame_map.apply(torch.from_numpy(x)[..., None])[..., 0].numpy()
    for clip, there, lost, own in zip(x, present, empty, shown, strict=True):
        filled = pd.Series(np.where(there & ~lost, clip, np.nan)).ffill().fillna(0).to_numpy()
        expected = np.where(lost, np.where(there, filled, 0), clip)
        assert np.array_equal(own, expected)


@quickly
@given(Flags, st.sampled_from(["hold", "nearest"]), st.data())
def test_imputation_fills_what_was_there_from_what_is_left(
    empty: np.ndarray, how: str, data: st.DataObject
) -> None:
    lost = torch.from_numpy(empty)
    present = torch.from_numpy(data.draw(npst.arrays(bool, empty.shape)))
    frame_map = identity(lost).imputed(how, present)
    left = present & ~lost
    # What never was there is there neither before nor after, nor shown in place of another.
    assert not (frame_map.present(present) & ~present).any()
    filled = lost & ~frame_map.empty
    assert not (filled & ~present).any()
    assert left.gather(1, frame_map.source)[filled].all()
    assert torch.equal(frame_map.source[~filled], identity(lost).source[~filled])
    if how == "nearest":
        assert torch.equal(filled, lost & present & left.any(1, keepdim=True))
        assert torch.equal(frame_map.source[filled], nearest(left)[filled])


def test_of_a_clip_without_a_frame_left_nothing_is_imputed() -> None:
    everything = torch.ones(1, 3, dtype=torch.bool)
    for how in ("hold", "nearest"):
        assert identity(everything).imputed(how, everything).empty.all()
