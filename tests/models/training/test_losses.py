"""Training losses beyond the examples in their docstrings."""

import pytest
import torch

from models.training.losses import ccc_loss, within


def test_within_speakers_only_what_moves_around_their_mean_counts() -> None:
    torch.manual_seed(0)
    labels, valid = torch.randn(4, 6, 2), torch.rand(4, 6) < 0.8
    speaker = torch.tensor([3, 3, 9, 9])
    # An answer that is wrong by another constant for each speaker is right within them.
    shifted = labels + torch.tensor([1.0, 1.0, -5.0, -5.0])[:, None, None]
    x, y = within(shifted, valid, speaker), within(labels, valid, speaker)
    assert ccc_loss(x, y, valid).item() == pytest.approx(0, abs=1e-5)
    assert ccc_loss(shifted, labels, valid).item() > 0.5
    for person in (3, 9):
        of = valid & (speaker == person)[:, None]
        assert torch.allclose(y[of].mean(0), torch.zeros(2), atol=1e-6)


def test_a_ccc_over_sequences_is_the_mean_of_those_that_have_labels() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(3, 8, 2), torch.randn(3, 8, 2)
    valid = torch.ones(3, 8, dtype=torch.bool)
    valid[1], valid[2, 5:] = False, False
    each = [ccc_loss(x[i : i + 1], y[i : i + 1], valid[i : i + 1]) for i in (0, 2)]
    assert torch.allclose(ccc_loss(x, y, valid, "sequence"), torch.stack(each).mean())
    assert ccc_loss(x, y, ~valid & False, "sequence").item() == 1
