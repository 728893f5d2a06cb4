import numpy as np
import torch
from scipy import stats

from models.draws import stream, uniforms

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
