from dataclasses import fields

import audmetric
import numpy as np
import pytest
import torch
import torchmetrics.functional as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.evaluation.moments import Moments, pearson
from models.evaluation.moments import ccc as ccc_of
from models.training.losses import absolute_loss, ccc_loss, cross_entropy_loss

values = arrays(np.float64, st.integers(3, 50), elements=st.floats(-1, 1, width=32))


def ccc(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return ccc_of(Moments.of(predictions, labels))


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.uniform(-1, 1, 100)
    return 0.6 * labels + 0.2 + 0.3 * rng.standard_normal(100), labels


def test_ccc_equals_audmetric_and_torchmetrics(pair: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = pair
    assert ccc(x, y) == pytest.approx(audmetric.concordance_cc(y, x), abs=1e-12)
    other = reference.concordance_corrcoef(torch.tensor(x), torch.tensor(y))
    # torchmetrics mixes moments ÷ n and ÷ (n − 1): equal up to a part in n.
    assert ccc(x, y) == pytest.approx(other.item(), rel=2 / len(x))


@settings(deadline=None)
@given(values)
def test_ccc_of_itself_is_one(x: np.ndarray) -> None:
    if np.ptp(x) < 1e-3:
        return
    assert ccc(x, x) == pytest.approx(1)
    assert ccc(-x, x) >= -1 - 1e-12


def test_constants(pair: tuple[np.ndarray, np.ndarray]) -> None:
    constant = np.full(100, 0.1)
    assert ccc(constant, pair[1]) == 0
    assert np.isnan(ccc(constant, constant))
    assert np.isnan(ccc(np.zeros(0), np.zeros(0)))


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(0, 10))
def test_pooled_moments_are_those_of_everything_together(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=(2, 3, n)) for n in sizes]
    pooled = Moments.of(*parts[0])
    for part in parts[1:]:
        pooled = pooled.pooled_with(Moments.of(*part))
    whole = Moments.of(*np.concatenate(parts, axis=-1))
    assert np.allclose(ccc_of(pooled), ccc_of(whole), atol=1e-12, equal_nan=True)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=6), st.integers(0, 10), st.floats(-1e3, 1e3)
)
def test_weighted_moments_are_those_of_items_drawn_as_often(
    sizes: list[int], seed: int, offset: float
) -> None:
    rng = np.random.default_rng(seed)
    items = [rng.normal(offset, 1, size=(2, 3, n)) for n in sizes]
    weights = rng.integers(0, 4, size=(5, len(sizes)))
    found = stacked(items).weighted(weights)
    for row, counts in enumerate(weights):
        drawn = [item for item, count in zip(items, counts, strict=True) for _ in range(count)]
        whole = Moments.of(*np.concatenate([np.zeros((2, 3, 0)), *drawn], axis=-1))
        for field in fields(Moments):
            own = getattr(found, field.name)
            assert own.shape == (5, 3)
            assert np.allclose(own[row], getattr(whole, field.name), rtol=1e-9, atol=1e-9)


def test_weighted_moments_of_constants() -> None:
    """Videos that are constants, by themselves and all together."""
    rng = np.random.default_rng(0)
    constants = [np.full((2, 1, 5), value) for value in (0.1, 0.1, 0.7)]
    found = stacked([*constants, rng.normal(size=(2, 1, 9))]).weighted(
        np.array([[2, 1, 0, 0], [0, 3, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
    )
    assert np.isnan(ccc_of(found)[[0, 1, 3], 0]).all()
    assert np.isnan(pearson(found)[[0, 1, 3], 0]).all()
    assert found.n[:, 0].tolist() == [15, 15, 10, 0, 24]
    assert ccc_of(found)[2, 0] == pytest.approx(1)


def stacked(items: list[np.ndarray]) -> Moments:
    """Moments (items, targets) of predictions and labels (2, targets, frames)."""
    own = [Moments.of(*item) for item in items]
    return Moments(*(np.stack([getattr(m, f.name) for m in own]) for f in fields(Moments)))


def test_loss_is_one_minus_ccc_over_valid_frames(pair: tuple[np.ndarray, np.ndarray]) -> None:
    x = torch.tensor(np.stack(pair, -1)[None]).float()
    y = x.flip(-1)
    valid = torch.rand(1, 100, generator=torch.Generator().manual_seed(0)) < 0.7
    expected = np.mean([ccc(x[valid][:, t].numpy(), y[valid][:, t].numpy()) for t in range(2)])
    assert ccc_loss(x, y, valid).item() == pytest.approx(1 - expected, abs=1e-6)
    spoiled = torch.where(valid[..., None], x, torch.full_like(x, 9.0))
    assert ccc_loss(spoiled, y, valid).item() == pytest.approx(1 - expected, abs=1e-6)


def test_loss_has_gradients_where_predictions_are_constant() -> None:
    x = torch.zeros(2, 10, 2, requires_grad=True)
    ccc_loss(x, torch.randn(2, 10, 2), torch.ones(2, 10, dtype=torch.bool)).backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0
    nothing = torch.zeros(2, 10, dtype=torch.bool)
    assert ccc_loss(x, torch.randn(2, 10, 2), nothing).item() == 1


def test_cross_entropy_is_torchs_where_labels_are_hard() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 1, 4, generator=generator)
    classes = torch.randint(0, 4, (6, 1), generator=generator)
    labels = torch.nn.functional.one_hot(classes, 4).float()
    valid = torch.tensor([True, True, False, True, True, True])[:, None]
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0])
    for weight in (None, weights):
        expected = torch.nn.functional.cross_entropy(logits[valid], classes[valid], weight=weight)
        loss = cross_entropy_loss(logits, labels, valid, weight)
        assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    soft = torch.tensor([[[0.5, 0.5, 0.0, 0.0]]])
    expected = torch.nn.functional.cross_entropy(logits[:1, 0], soft[0])
    assert cross_entropy_loss(logits[:1], soft, valid[:1]).item() == pytest.approx(expected.item())
    assert cross_entropy_loss(logits, labels, torch.zeros_like(valid)).item() == 0


def test_absolute_loss_is_the_mean_error_of_valid_labels() -> None:
    x, y = torch.tensor([[[1.0]], [[5.0]], [[-2.0]]]), torch.zeros(3, 1, 1)
    valid = torch.tensor([[True], [False], [True]])
    assert absolute_loss(x, y, valid).item() == 1.5
    assert absolute_loss(x, y, torch.zeros_like(valid)).item() == 0
