import pytest
import torch
from scipy import stats
from torch import nn

from models.networks.blocks import (
    Attention,
    Dropout,
    EncoderLayer,
    masked_mean,
    sinusoidal_positions,
)
from models.settings import NetworkSize


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def copy_attention(ours: Attention, theirs: nn.MultiheadAttention) -> None:
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat((ours.query.weight, ours.key_value.weight)))
        theirs.in_proj_bias.copy_(torch.cat((ours.query.bias, ours.key_value.bias)))
        theirs.out_proj.load_state_dict(ours.output.state_dict())


def test_attention_equals_torchs() -> None:
    ours, theirs = Attention(16, 4), nn.MultiheadAttention(16, 4, batch_first=True)
    copy_attention(ours, theirs)
    queries, memory = torch.randn(3, 5, 16), torch.randn(3, 7, 16)
    mask = torch.rand(3, 7) < 0.7
    mask[:, 0] = True
    expected, _ = theirs(queries, memory, memory, key_padding_mask=~mask)
    assert torch.allclose(ours(queries, memory, mask), expected, atol=1e-6)


def test_encoder_layer_equals_torchs() -> None:
    ours = EncoderLayer(NetworkSize(dim=16, heads=4, ffn=24, dropout=0.0))
    theirs = nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0, batch_first=True)
    copy_attention(ours.attention, theirs.self_attn)
    for mine, other in (
        (ours.ffn[0], theirs.linear1),
        (ours.ffn[2], theirs.linear2),
        (ours.norm_attention, theirs.norm1),
        (ours.norm_ffn, theirs.norm2),
    ):
        other.load_state_dict(mine.state_dict())
    x, mask = torch.randn(3, 9, 16), torch.ones(3, 9, dtype=torch.bool)
    mask[1, 5:] = False
    expected = theirs(x, src_key_padding_mask=~mask)
    assert torch.allclose(ours(x, mask)[mask], expected[mask], atol=1e-5)


def test_positions_are_those_of_the_formula() -> None:
    positions = sinusoidal_positions(50, 8)
    assert positions[7, 2].item() == pytest.approx(torch.sin(torch.tensor(7 / 10)).item())
    assert positions[7, 5].item() == pytest.approx(torch.cos(torch.tensor(7 / 100)).item())


def test_positions_of_an_odd_dimension_end_with_a_sine() -> None:
    positions = sinusoidal_positions(9, 5)
    assert positions.shape == (9, 5)
    frames = torch.arange(9.0)
    assert torch.allclose(positions[:, 3], torch.cos(frames / 10_000 ** (2 / 5)), atol=1e-5)
    assert torch.allclose(positions[:, 4], torch.sin(frames / 10_000 ** (4 / 5)), atol=1e-5)


def test_pooling_is_the_mean_of_each_clips_frames() -> None:
    x, lengths = torch.randn(3, 6, 2), (6, 2, 1)
    mask = torch.arange(6) < torch.tensor(lengths)[:, None]
    expected = torch.stack([clip[:n].mean(0) for clip, n in zip(x, lengths, strict=True)])
    assert torch.allclose(masked_mean(x, mask)[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9, 0.997, 0.998, 0.9999])
def test_dropout_drops_its_share_and_keeps_the_mean(p: float) -> None:
    torch.manual_seed(0)
    dropout, x = Dropout(p), torch.ones(7, 1001, 93, requires_grad=True)
    share = min(255, round(256 * p)) / 256  # of the elements, to a 256th
    y = dropout(x)
    dropped = int((y == 0).sum())
    assert stats.binomtest(dropped, x.numel(), share).pvalue > 1e-3
    assert torch.allclose(y[y != 0], torch.tensor(1 / (1 - share)))
    # Bytes of one word are independent: so are neighbours.
    pairs = (y.flatten()[:-1] == 0) & (y.flatten()[1:] == 0)
    assert stats.binomtest(int(pairs.sum()), pairs.numel(), share**2).pvalue > 1e-3
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())
    assert dropout.eval()(x) is x


def test_dropout_follows_the_seed() -> None:
    x, dropout = torch.ones(64, 64), Dropout(0.3)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(dropout(x))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
