import numpy as np
import pytest
import torch
from scipy import stats

from models.ablation.draws import normals, stream, uniforms

KNOWN = [0.6682259100382867, 0.394028091541611, 0.9502328856496356]


def test_uniforms_are_uniform_and_uncorrelated() -> None:
    item = torch.tensor([[stream(f"item-{i}")] for i in range(200)])
    drawn = uniforms(stream(0, "test"), item, torch.arange(500)[None]).numpy()
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert stats.kstest(drawn.ravel(), "uniform").pvalue > 0.01
    for a, b in ((drawn[:, :-1], drawn[:, 1:]), (drawn[:-1], drawn[1:])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.015


def test_neighbouring_streams_differ() -> None:
    item, index = torch.tensor([stream("a")]), torch.arange(10_000)
    drawn = [uniforms(stream(seed), item, index).numpy() for seed in range(2)]
    assert abs(np.corrcoef(*drawn)[0, 1]) < 0.04


def test_a_draw_depends_on_stream_item_and_index_alone() -> None:
    items = torch.tensor([stream("a"), stream("b")])[:, None]
    both = uniforms(stream(1), items, torch.arange(50)[None])
    alone = uniforms(stream(1), items[1:], torch.arange(20, 30)[None])
    assert torch.equal(both[1:, 20:30], alone)


def test_known_values_do_not_change() -> None:
    drawn = uniforms(stream("lacuna", 1), torch.tensor([stream("item")]), torch.arange(3))
    assert np.allclose(drawn.numpy(), KNOWN, atol=1e-12)


def test_normals_are_normal_and_uncorrelated() -> None:
    item = torch.tensor([[stream(f"item-{i}")] for i in range(20)])
    drawn = normals(stream(0, "noise"), item, torch.arange(50)[None], 101)
    assert drawn.shape == (20, 50, 101)
    assert drawn.dtype == torch.float32
    x = drawn.numpy()
    assert stats.kstest(x.ravel(), "norm").pvalue > 0.01
    # The tail, where a coarse uniform would end early.
    assert stats.kstest(stats.norm.sf(x[x > 3]) / stats.norm.sf(3), "uniform").pvalue > 0.01
    # By pairs of features, where both come from one hash, frames and items; squares as well.
    neighbours = (
        (x[..., 0:100:2], x[..., 1:101:2]),
        (x[..., 1:100:2], x[..., 2:101:2]),
        (x[:, :-1], x[:, 1:]),
        (x[:-1], x[1:]),
    )
    for a, b in neighbours:
        for power in (1, 2):
            found = np.corrcoef(a.ravel() ** power, b.ravel() ** power)[0, 1]
            assert abs(found) < 4.5 / np.sqrt(a.size)


def test_a_normal_depends_on_stream_item_index_and_feature_alone() -> None:
    items = torch.tensor([stream("a"), stream("b")])[:, None]
    both = normals(stream(1), items, torch.arange(50)[None], 8)
    alone = normals(stream(1), items[1:], torch.arange(20, 30)[None], 5)
    assert torch.equal(both[1:, 20:30, :5], alone)
    assert not torch.equal(both, normals(stream(2), items, torch.arange(50)[None], 8))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_draws_are_equal_on_the_gpu() -> None:
    item, index = torch.tensor([[stream("a")], [stream("b")]]), torch.arange(1000)[None]
    for drawing, tolerance in ((uniforms, 0.0), (lambda *of: normals(*of, 33), 1e-6)):
        here, there = (drawing(7, item.to(d), index.to(d)).cpu() for d in ("cpu", "cuda"))
        assert torch.allclose(here, there, rtol=tolerance, atol=tolerance)
