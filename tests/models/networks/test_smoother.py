"""Normalised smoothing with experts, against loops over frames."""

import pytest
import torch
from torch import Tensor

from features.tables import only
from features.task import Task
from models.networks.smoother import Smoother, Smoothing
from models.settings import ModelSettings, TrainSettings
from models.settings.resolved import resolve
from tests.helpers.network_cases import Case

DIM = 6


def smoothing(*, past: bool) -> Smoothing:
    torch.manual_seed(0)
    module = Smoothing(DIM, past=past).double()
    with torch.no_grad():
        module.log_rates.copy_(torch.tensor([3.0, 17.0]).log().neg())
        module.prior.normal_()
        module.log_weight.normal_()
    return module


def looped(module: Smoothing, x: Tensor, received: Tensor) -> tuple[Tensor, Tensor]:
    """The docstring's formula, a frame and a channel at a time."""
    clips, frames, dim = x.shape
    rates, weights = module.log_rates.exp(), module.log_weight.exp()
    means, coverage = torch.zeros(x.shape).double(), torch.zeros(clips, frames).double()
    for b in range(clips):
        for t in range(frames):
            for c in range(dim):
                total, count = weights[c] * module.prior[c], weights[c].clone()
                for s in range(t + 1 if module.past else frames):
                    share = (-abs(t - s) * rates[c // (dim // 2)]).exp() * received[b, s]
                    total, count = total + share * x[b, s, c], count + share
                means[b, t, c] = total / count
                # Of each of the channels of a time constant the same count.
                n = count - weights[c]
                coverage[b, t] += n / (n + weights.mean()) / dim
    return means, coverage


@pytest.mark.parametrize("past", [False, True])
def test_it_is_the_formula_of_a_loop_over_frames(past: bool) -> None:
    module, x = smoothing(past=past), torch.randn(2, 9, DIM).double()
    received = torch.rand(2, 9) < 0.5
    received[1] = False
    with torch.no_grad():
        means, coverage = module(x, received)
        expected_means, expected_coverage = looped(module, x, received)
    assert torch.allclose(means, expected_means, atol=1e-6, rtol=0)
    assert torch.allclose(coverage, expected_coverage, atol=1e-6, rtol=0)
    # Where nothing arrived, the prior is all there is.
    assert torch.allclose(means[1], module.prior.expand_as(means[1]), atol=1e-6)
    assert not coverage[1].any()


def test_the_past_is_a_recursion_of_one_state_a_channel() -> None:
    module, x = smoothing(past=True), torch.randn(1, 40, DIM).double()
    received = torch.rand(1, 40) < 0.6
    decay = (-module.log_rates.exp()).exp().repeat_interleave(DIM // 2)
    weight = module.log_weight.exp()
    count, total, means = torch.zeros(DIM).double(), torch.zeros(DIM).double(), []
    with torch.no_grad():
        for t in range(40):
            count = decay * count + received[0, t]
            total = decay * total + received[0, t] * x[0, t]
            means.append((total + weight * module.prior) / (count + weight))
        assert torch.allclose(module(x, received)[0][0], torch.stack(means), atol=1e-6)


def test_nothing_of_the_future_changes_the_past() -> None:
    network = Case("smoother", ("audio", "video"), (("context", "past"),), "marked").build().eval()
    torch.manual_seed(1)
    x = {m: torch.randn(1, 20, n) for m, n in network.features.items()}
    mask = {m: torch.ones(1, 20, dtype=torch.bool) for m in x}
    changed = {m: torch.cat((v[:, :11], torch.randn_like(v[:, 11:])), dim=1) for m, v in x.items()}
    with torch.no_grad():
        before, after = (network(v, mask).fused for v in (x, changed))
    assert torch.equal(before[:, :11], after[:, :11])
    assert not torch.equal(before[:, 11:], after[:, 11:])


def test_an_expert_speaks_alone_where_the_other_modality_is_gone() -> None:
    network = Case("smoother", ("audio", "video"), (), "marked").build().eval()
    x = {m: torch.randn(3, 12, n) for m, n in network.features.items()}
    mask = {m: torch.ones(3, 12, dtype=torch.bool) for m in x}
    there = {m: v.clone() for m, v in mask.items()}
    there["video"][0] = False
    there["audio"][1] = False
    with torch.no_grad():
        outputs = network(x, mask, there)
    audio, video = outputs.auxiliary["audio"], outputs.auxiliary["video"]
    assert torch.equal(outputs.fused[0], audio[0])
    assert torch.equal(outputs.fused[1], video[1])
    # Both are there: each has less than its full weight, which it learnt.
    assert not torch.allclose(outputs.fused[2], audio[2] + video[2])
    assert [outputs.gone[m].tolist() for m in ("audio", "video")] == [
        [False, True, False],
        [True, False, False],
    ]


def test_the_preset_is_all_that_a_model_has_to_name() -> None:
    model = ModelSettings(preset="lacuna", sees=["sound", "picture"])
    resolved = resolve(model, TrainSettings(heldout=0.2, decay="step"))
    assert (model.network, model.presence, model.repeats) == ("smoother", "marked", "missing")
    assert model.ablation.strategy == "frame_zero"
    assert (resolved.train.heldout, resolved.train.decay) == ("none", "cosine")
    network = Smoother(
        {"audio": 32, "video": 64},
        size=resolved.size,
        options=resolved.options,  # type: ignore[arg-type]
        task=Task(),
        presence=Case("smoother", ("audio",), (), "marked").build().presence,
    )
    assert sum(p.numel() for p in network.parameters()) == 5516
    other = ModelSettings(preset="lacuna", presence="ignored", repeats="shown")
    assert other.presence == "ignored"
    with only([("network", "smoother"), ("strategy", "frame_zero")]):  # as a job reads a card
        assert ModelSettings.model_validate(model.model_dump()) == model
