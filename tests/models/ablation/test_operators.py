"""Which frames are lost, by statistics with fixed seeds and against plain loops."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from models.ablation.operators import bursts, clips, frames, last_received, subclips
from tests.helpers.losses import draws_of, runs, some

OPERATORS = {
    "clips": clips,
    "frames": frames,
    "subclip": subclips,
    "bursts": lambda draws, p, *purpose: bursts(draws, p, 4.0, *purpose),
}
NAMES = sorted(OPERATORS)
ALPHA = 0.001
quickly = settings(max_examples=50, deadline=None)


def correlation(lost: Tensor, lag: int) -> float:
    x = lost.double()
    return float(np.corrcoef(x[:, :-lag].flatten(), x[:, lag:].flatten())[0, 1])


def is_geometric(lengths: NDArray[np.int64], mean: float) -> bool:
    """Whether lengths of 1, 2, … are geometric of that mean, by a chi-square test."""
    law = stats.geom(1 / mean)
    ends = np.unique(law.ppf(np.linspace(0.05, 0.95, 12)))
    edges = np.concatenate(([0], ends, [np.inf]))
    expected = np.diff(law.cdf(edges)) * len(lengths)
    observed, _ = np.histogram(lengths, edges + 0.5)
    return stats.chisquare(observed, expected).pvalue > ALPHA


@pytest.mark.parametrize("p", [0.05, 0.3, 0.95])
def test_frames_are_lost_independently_at_the_rate(p: float) -> None:
    lost = frames(draws_of(200, 500), p, "x")
    assert stats.binomtest(int(lost.sum()), lost.numel(), p).pvalue > ALPHA
    for lag in (1, 2, 10):
        assert abs(correlation(lost, lag)) < 4 / np.sqrt(lost.numel())
    lengths, gaps = runs(lost)
    assert is_geometric(lengths, 1 / (1 - p))
    assert is_geometric(gaps, 1 / p)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_clips_are_lost_whole_and_independently_at_the_rate(p: float) -> None:
    lost = clips(draws_of(5000, 20), p, "x")
    assert torch.equal(lost.any(1), lost.all(1))  # a correlation of 1 within a clip
    assert stats.binomtest(int(lost[:, 0].sum()), len(lost), p).pvalue > ALPHA
    neighbours = np.corrcoef(lost[:-1, 0], lost[1:, 0])[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(len(lost))


@pytest.mark.parametrize("share", [0.1, 0.25, 0.64])
def test_a_subclip_is_one_run_that_starts_anywhere(share: float) -> None:
    draws = draws_of(6000, 25)
    lost = subclips(draws, share, "x")
    length = round(25 * share)
    assert (lost.sum(1) == length).all()
    begins = lost & ~torch.cat((torch.zeros(len(lost), 1, dtype=torch.bool), lost[:, :-1]), 1)
    assert (begins.sum(1) == 1).all()
    starts = np.bincount(begins.int().argmax(1), minlength=25)
    assert not starts[25 - length + 1 :].any()
    assert stats.chisquare(starts[: 25 - length + 1]).pvalue > ALPHA


@pytest.mark.parametrize(("rate", "mean"), [(0.1, 5.0), (0.3, 15.0), (0.5, 2.5), (0.9, 30.0)])
def test_bursts_have_their_rate_mean_length_and_memory(rate: float, mean: float) -> None:
    lost = bursts(draws_of(60, 5000), rate, mean, "x")
    lengths, gaps = runs(lost)
    assert is_geometric(lengths, mean)
    assert is_geometric(gaps, mean * (1 - rate) / rate)
    # A chain of two states forgets by the same factor with every frame.
    memory = 1 - 1 / mean - rate / (1 - rate) / mean
    for lag in (1, 3, 10):
        assert correlation(lost, lag) == pytest.approx(memory**lag, abs=0.03)
    error = np.sqrt(rate * (1 - rate) / lost.numel() * (1 + memory) / (1 - memory))
    assert abs(lost.double().mean() - rate) < 4 * error


def test_bursts_lose_the_rate_from_the_first_frame_to_the_last() -> None:
    lost = bursts(draws_of(4000, 30), 0.3, 15.0, "x")
    for frame in (0, 1, 15, 29):
        assert stats.binomtest(int(lost[:, frame].sum()), len(lost), 0.3).pvalue > ALPHA


@quickly
@given(rate=st.floats(0.01, 0.99), stretch=st.floats(1.0, 50.0), frames_=st.integers(1, 40))
def test_bursts_equal_a_chain_stepped_frame_by_frame(
    rate: float, stretch: float, frames_: int
) -> None:
    draws, mean = draws_of(3, frames_), stretch / (1 - rate)
    drawn = draws.per_frame("x").numpy()
    begins, stays = rate / (1 - rate) / mean, 1 - 1 / mean
    plain = np.empty(drawn.shape, bool)
    plain[:, 0] = drawn[:, 0] < rate
    for t in range(1, frames_):
        plain[:, t] = drawn[:, t] < np.where(plain[:, t - 1], stays, begins)
    assert np.array_equal(bursts(draws, rate, mean, "x").numpy(), plain)


@pytest.mark.parametrize("rate", [0.2, 0.8])
def test_no_burst_is_shorter_than_independent_losses_make_it(rate: float) -> None:
    draws = draws_of()
    independent = frames(draws, rate, "x")
    for length in (1.0, 1 / (1 - rate)):
        assert torch.equal(bursts(draws, rate, length, "x"), independent)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("each", [False, True], ids=["one p", "a p for each clip"])
def test_nothing_and_everything_are_exact(name: str, each: bool) -> None:
    draws = draws_of(3, 50, lengths=[50, 20, 1])
    for p in (0.0, 1.0):
        given_p = torch.full((3, 1), p, dtype=torch.float64) if each else p
        lost = OPERATORS[name](draws, given_p, "x")
        assert torch.equal(lost, draws.mask if p else torch.zeros_like(draws.mask))


@pytest.mark.parametrize("name", NAMES)
def test_every_clip_takes_its_own_p(name: str) -> None:
    draws = draws_of(20, 30)
    p = torch.linspace(0, 1, 20, dtype=torch.float64)[:, None]
    together = OPERATORS[name](draws, p, "x")
    for clip, own in enumerate(p.flatten().tolist()):
        one = OPERATORS[name](some(draws, torch.tensor([clip])), own, "x")
        assert torch.equal(together[clip], one[0])


@quickly
@given(
    name=st.sampled_from(NAMES),
    p=st.floats(0, 1),
    lengths=st.lists(st.integers(1, 12), min_size=5, max_size=5),
    padding=st.integers(0, 5),
    order=st.permutations(range(5)),
    cut=st.integers(1, 4),
)
def test_a_clip_loses_the_same_in_any_batch_and_padding_loses_nothing(
    name: str, p: float, lengths: list[int], padding: int, order: list[int], cut: int
) -> None:
    longest = max(lengths)
    lose = OPERATORS[name]
    whole = draws_of(5, longest, lengths=lengths)
    lost = lose(whole, p, "x")
    assert not (lost & ~whole.mask).any()
    padded = lose(draws_of(5, longest + padding, lengths=lengths), p, "x")
    assert torch.equal(padded[:, :longest], lost)
    assert not padded[:, longest:].any()
    for part in (order[:cut], order[cut:]):
        chosen = torch.tensor(part)
        assert torch.equal(lose(some(whole, chosen), p, "x"), lost[chosen])


@pytest.mark.parametrize("name", NAMES)
def test_keys_and_purposes_lose_independently(name: str) -> None:
    whole = draws_of(3000, 10)
    lost = OPERATORS[name](whole, 0.5, "x")[:, 3].double()
    others = (
        OPERATORS[name](whole, 0.5, "y"),
        OPERATORS[name](draws_of(3000, 10, key=(1, "test")), 0.5, "x"),
    )
    for other in others:
        found = np.corrcoef(lost, other[:, 3].double())[0, 1]
        assert abs(found) < 4 / np.sqrt(len(lost))


@quickly
@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_the_last_frame_received_is_found(clip: list[bool]) -> None:
    expected, last = [], 0
    for t, lost in enumerate(clip):
        last = last if lost else t
        expected.append(last)
    assert last_received(torch.tensor([clip])).tolist() == [expected]


def test_noise_is_of_the_clips_that_need_it() -> None:
    draws = draws_of(4, 6)
    needed = torch.tensor([True, False, False, True])
    noise = draws.noise(needed, 5, "x")
    assert not noise[~needed].any()
    assert (noise[needed] != 0).all()
    alone = some(draws, torch.tensor([3])).noise(torch.tensor([True]), 5, "x")
    assert torch.equal(noise[3:], alone)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("name", NAMES)
def test_losses_are_equal_on_the_gpu(name: str) -> None:
    here = draws_of()
    there = type(here)(here.key, here.item.cuda(), here.first.cuda(), here.mask.cuda())
    for p in (0.3, torch.linspace(0, 1, 60, dtype=torch.float64)[:, None]):
        p_there = p.cuda() if isinstance(p, Tensor) else p
        lost = OPERATORS[name](there, p_there, "x")
        assert torch.equal(OPERATORS[name](here, p, "x"), lost.cpu())
