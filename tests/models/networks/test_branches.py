import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool1d

from models.networks.branches import BranchBlock, Convolution, FrameNorm


def real(*lengths: int, frames: int | None = None) -> Tensor:
    return torch.arange(frames or max(lengths)) < torch.tensor(lengths)[:, None]


@pytest.mark.parametrize("lengths", [(5, 2), (8, 8)])
def test_statistics_are_torchs_over_the_real_frames(lengths: tuple[int, int]) -> None:
    ours, theirs = FrameNorm(4), nn.BatchNorm1d(4)
    mask, x = real(*lengths, frames=8), torch.randn(2, 8, 4, requires_grad=True)
    whole = x[mask].detach().requires_grad_()
    scaled = torch.randn(len(whole), 4)
    found, expected = ours(x, mask)[mask], theirs(whole)
    assert torch.allclose(found, expected, atol=1e-6)
    gradient = torch.autograd.grad((found * scaled).sum(), x)[0]
    assert torch.allclose(
        gradient[mask], torch.autograd.grad((expected * scaled).sum(), whole)[0], atol=1e-5
    )
    assert not gradient[~mask].any()
    assert torch.allclose(ours.running_mean, theirs.running_mean)
    assert torch.allclose(ours.running_var, theirs.running_var)
    assert ours.num_batches_tracked == theirs.num_batches_tracked
    ours.eval(), theirs.eval()
    assert torch.allclose(ours(x, mask), theirs(x.transpose(1, 2)).transpose(1, 2), atol=1e-6)


def test_a_single_frame_is_normalised_by_what_was_seen_before() -> None:
    norm, x = FrameNorm(4), torch.randn(1, 3, 4)
    before = norm.running_mean.clone()
    trained = norm(x, real(1, frames=3))
    assert torch.equal(norm.running_mean, before)
    evaluated = norm.eval()(x, real(1, frames=3))
    assert torch.allclose(trained[:, :1], evaluated[:, :1], atol=1e-6)
    assert not trained[:, 1:].any()
    assert norm.num_batches_tracked == 0


@pytest.mark.parametrize("lengths", [(6, 3, 1), (6, 6, 6)])
def test_a_block_is_torchs_on_each_clip_alone(lengths: tuple[int, int, int]) -> None:
    block = BranchBlock(3, 4, pools=True).eval()
    convolution = nn.Conv1d(3, 4, 3, padding=1, bias=False)
    convolution.load_state_dict(block.convolution.state_dict())
    x = torch.randn(3, 6, 3)
    found = block(x, real(*lengths))
    for row, length in enumerate(lengths):
        own = block.norm(convolution(x[row : row + 1, :length].mT).mT, real(length)).relu()[0]
        # The last frame has no next one.
        highest = torch.cat((max_pool1d(own.T, 2, 1).T, own[-1:])) if length > 1 else own
        assert torch.allclose(found[row, :length], highest, atol=1e-6)


def test_a_convolution_of_kernel_1_is_a_dense_layer() -> None:
    convolution, dense = Convolution(5, 4, 1), nn.Linear(5, 4)
    with torch.no_grad():
        dense.weight.copy_(convolution.weight[..., 0])
        dense.bias.copy_(convolution.bias)
    x = torch.randn(2, 6, 5)
    assert torch.allclose(convolution(x, real(6, 6)), dense(x), atol=1e-6)
