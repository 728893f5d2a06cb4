"""Strategies that take one kind of loss: what is lost, where, and what is shown instead."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from models.ablation.frame_map import FrameMap
from models.ablation.operators import Draws, bursts, clips, frames, last_received, subclips
from models.ablation.registry import STRATEGIES
from models.ablation.strategies import draw
from models.settings import MODALITIES, Ablation, Modality, Share
from tests.helpers.losses import draws_of, some

ALPHA = 0.001
SIMPLE = ("clip_zero", "frame_zero", "frame_repeat", "subclip", "burst", "noise", "blank_face")
LOSES = {
    "clip_zero": lambda draws, p: clips(draws, p, "video"),
    "frame_zero": lambda draws, p: frames(draws, p, "video"),
    "frame_repeat": lambda draws, p: frames(draws, p, "video"),
    "subclip": lambda draws, p: subclips(draws, p, "video", "start"),
    "burst": lambda draws, p: bursts(draws, p, 20.0, "video"),
    "noise": lambda draws, p: clips(draws, p, "video"),
    "blank_face": lambda draws, p: frames(draws, p, "video"),
}


def lossy(ablation: Ablation, draws: Draws, modality: Modality = "video") -> FrameMap:
    frame_map = draw(ablation, modality, draws)
    assert frame_map is not None
    return frame_map


def ramp(draws: Draws) -> Tensor:
    """Frame t holds t + 1, so that what is shown tells where it came from."""
    return (draws.index + 1.0).unsqueeze(-1).expand(*draws.mask.shape, 2)


@pytest.mark.parametrize("p", [0.0, 0.4, 0.95, 1.0])
@pytest.mark.parametrize("strategy", SIMPLE)
def test_each_strategy_loses_in_its_way_and_shows_its_thing(strategy: str, p: float) -> None:
    draws = draws_of(20, 50, lengths=[50] * 15 + [30] * 5)
    own = {"burst": 20.0} if strategy == "burst" else {}
    frame_map = lossy(Ablation(strategy=strategy, p=p, **own), draws)
    lost = LOSES[strategy](draws, p)
    x = ramp(draws)
    filling = torch.tensor(-1.0) if strategy in ("noise", "blank_face") else None
    shown = frame_map.apply(x, filling)
    if strategy == "frame_repeat":
        expected = x.gather(1, last_received(lost).unsqueeze(-1).expand_as(x))
    else:
        expected = torch.where(lost.unsqueeze(-1), 0.0 if filling is None else filling, x)
    assert torch.equal(shown, expected)
    assert frame_map.filling == {"noise": "noise", "blank_face": "blank"}.get(strategy, "zero")
    if p == 0:
        assert torch.equal(shown, x)
    if p == 1 and strategy == "frame_repeat":
        assert torch.equal(shown[draws.mask], x[:, :1].expand_as(x)[draws.mask])
    elif p == 1:
        assert torch.equal(frame_map.empty, draws.mask)


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_a_modality_that_is_not_named_is_left_alone(strategy: str) -> None:
    ablation = Ablation(strategy=strategy, p=0.5, modality="video")
    taken = {m for m in MODALITIES if draw(ablation, m, draws_of(12)) is not None}
    assert taken == set(ablation.modalities)
    if strategy in SIMPLE:
        assert taken == {"video"}


@pytest.mark.parametrize("strategy", [s for s in SIMPLE if s != "blank_face"])
def test_both_modalities_lose_independently_of_each_other(strategy: str) -> None:
    draws = draws_of(4000, 10)
    ablation = Ablation(strategy=strategy, modality="both", p=0.5)
    maps = [lossy(ablation, draws, m) for m in MODALITIES]
    # Of a repeated frame the source tells; one frame of each clip, as those of a clip depend.
    sound, picture = ((m.empty | (m.source != draws.index))[:, 4] for m in maps)
    table = [[int((sound & picture).sum()), int((sound & ~picture).sum())]]
    table += [[int((~sound & picture).sum()), int((~sound & ~picture).sum())]]
    assert stats.chi2_contingency(table).pvalue > ALPHA
    assert min(map(min, table)) > 100


@pytest.mark.parametrize("strategy", ["clip_zero", "frame_zero", "burst", "noise"])
def test_either_modality_loses_and_never_both(strategy: str) -> None:
    draws = draws_of(4000, 10)
    ablation = Ablation(strategy=strategy, modality="either", p=0.6)
    sound, picture = (lossy(ablation, draws, m).empty for m in MODALITIES)
    assert not (sound.any(1) & picture.any(1)).any()
    for modality, own in (("audio", sound), ("video", picture)):
        assert stats.binomtest(int(own[:, 3].sum()), 4000, 0.3).pvalue > ALPHA
        # Where it is the one that loses, it loses as if it were the only one.
        alone = lossy(Ablation(strategy=strategy, modality=modality, p=0.6), draws, modality)
        loses = own.any(1)
        assert torch.equal(own[loses], alone.empty[loses])


@pytest.mark.parametrize(
    ("scale", "law"),
    [("linear", stats.uniform(0.1, 0.4)), ("log", stats.loguniform(0.1, 0.5))],
)
def test_a_share_is_drawn_for_every_sample(scale: str, law: Any) -> None:
    share = Share(low=0.5, high=0.9, scale=scale)
    lost = lossy(Ablation(strategy="subclip", p=share), draws_of(3000, 400)).empty.sum(1).numpy()
    # Numbers of frames are rounded: spread each over the shares that lead to it.
    kept = 1 - (lost + np.random.default_rng(0).random(len(lost)) - 0.5) / 400
    assert stats.kstest(kept, law.cdf).pvalue > ALPHA


@pytest.mark.parametrize("strategy", ["frame_zero", "burst", "clip_zero"])
def test_a_strategy_with_a_drawn_share_loses_its_mean(strategy: str) -> None:
    ablation = Ablation(strategy=strategy, p=Share(low=0.1, high=0.7))
    lost = lossy(ablation, draws_of(6000, 50)).empty.double().mean(1)
    assert abs(lost.mean() - 0.4) < 4 * lost.std() / np.sqrt(len(lost))
    if strategy == "frame_zero":  # more spread than one p for all would leave
        assert lost.std() > 2 * np.sqrt(0.24 / 50)


@settings(max_examples=60, deadline=None)
@given(
    strategy=st.sampled_from([*SIMPLE, "mixed"]),
    modality=st.sampled_from(["video", "either", "both"]),
    p=st.one_of(st.floats(0, 0.9), st.just(Share(scale="log")), st.just(Share(high=0.5))),
    lengths=st.lists(st.integers(1, 12), min_size=6, max_size=6),
    padding=st.integers(0, 5),
    order=st.permutations(range(6)),
    cut=st.integers(1, 5),
)
def test_a_clip_loses_the_same_in_any_batch_whatever_its_padding(
    strategy: str,
    modality: str,
    p: float | Share,
    lengths: list[int],
    padding: int,
    order: list[int],
    cut: int,
) -> None:
    where = "video" if strategy == "blank_face" else modality
    own = {} if strategy == "mixed" else {"modality": where, "p": p}
    ablation = Ablation(strategy=strategy, **own)
    longest = max(lengths)
    whole = draws_of(6, longest, lengths=lengths)
    frame_map = lossy(ablation, whole)
    # Padding is left as it is, and no frame is taken from it.
    assert not (frame_map.empty & ~whole.mask).any()
    assert torch.equal(frame_map.source[~whole.mask], whole.index[~whole.mask])
    assert whole.mask.gather(1, frame_map.source)[whole.mask].all()
    padded = lossy(ablation, draws_of(6, longest + padding, lengths=lengths))
    same(frame_map, padded, torch.arange(6), longest)
    for part in (order[:cut], order[cut:]):
        chosen = torch.tensor(part)
        same(frame_map, lossy(ablation, some(whole, chosen)), chosen, longest)


def same(whole: FrameMap, part: FrameMap, chosen: Tensor, frames: int) -> None:
    assert torch.equal(whole.source[chosen], part.source[:, :frames])
    assert torch.equal(whole.empty[chosen], part.empty[:, :frames])
    if whole.gain is not None:
        assert torch.equal(whole.gain[chosen], part.gain)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "none"])
def test_draws_are_equal_on_the_gpu(strategy: str) -> None:
    here = draws_of(12)
    there = Draws(here.key, here.item.cuda(), here.first.cuda(), here.mask.cuda())
    own = {"fill": "soft"} if strategy == "modality_dropout" else {}
    ablation = Ablation(strategy=strategy, **own)
    one, other = (lossy(ablation, draws) for draws in (here, there))
    for name in ("source", "empty", "gain"):
        mine, its = getattr(one, name), getattr(other, name)
        assert mine is its is None or torch.equal(mine, its.cpu())
