"""Optimizers and schedules against torch's own, in a plain loop."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau, StepLR

from models.settings import TrainSettings
from models.training.optimisation import Optimisation

SCORES = [0.1, 0.3, 0.3, 0.2, -0.5, 0.4, 0.1]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 2))


def loss_of(module: nn.Module, step: int) -> torch.Tensor:
    x = torch.randn(16, 5, generator=torch.Generator().manual_seed(step))
    return (module(x) - x[:, :2]).square().mean()


def run(module: nn.Module, optimizer: Optimizer, close_epoch: Callable[[float], None]) -> None:
    for epoch, score in enumerate(SCORES):
        for step in range(3):
            optimizer.zero_grad()
            loss_of(module, 3 * epoch + step).backward()
            optimizer.step()
        close_epoch(score)


OPTIMIZERS: dict[str, tuple[dict[str, Any], Callable[[Any], Optimizer]]] = {
    "adam": (
        {"learning_rate": 1e-2, "weight_decay": 1e-3},
        lambda parameters: Adam(parameters, lr=1e-2, weight_decay=1e-3, fused=False),
    ),
    "sgd": (
        {"learning_rate": 0.04, "momentum": 0.8, "dampening": 0.9, "weight_decay": 1e-3},
        lambda parameters: SGD(parameters, lr=0.04, momentum=0.8, dampening=0.9, weight_decay=1e-3),
    ),
}


@pytest.mark.parametrize("decay", ["none", "step", "plateau"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_it_is_a_plain_torch_loop(optimizer: str, decay: str) -> None:
    changes, make = OPTIMIZERS[optimizer]
    settings = TrainSettings(
        optimizer=optimizer, decay=decay, decay_epochs=2, decay_factor=0.3, **changes
    )
    ours, theirs = network(), network()
    optimisation = Optimisation(ours, settings)
    run(ours, optimisation.optimizers[0], optimisation.close_epoch)
    other = make(theirs.parameters())
    step, plateau = StepLR(other, 2, 0.3), ReduceLROnPlateau(other, "max", 0.3, 2, 0)
    close_epoch = {
        "none": lambda _: None,
        "step": lambda _: step.step(),
        "plateau": plateau.step,
    }[decay]
    run(theirs, other, close_epoch)
    assert optimisation.learning_rate == pytest.approx(other.param_groups[0]["lr"])
    lowered = {"none": 0, "step": 3, "plateau": 1}[decay]
    assert optimisation.learning_rate == pytest.approx(settings.learning_rate * 0.3**lowered)
    for mine, other_s in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(mine, other_s, atol=1e-6)


def test_a_cosine_ends_with_the_epochs_of_the_phase() -> None:
    optimisation = Optimisation(network(), TrainSettings(decay="cosine", epochs=50), epochs=4)
    (optimizer,) = optimisation.optimizers
    other = CosineAnnealingLR(Adam(network().parameters(), lr=1e-4), 4)
    rates = []
    for _ in range(4):
        optimizer.step()
        optimisation.close_epoch(0.0)
        other.optimizer.step()
        other.step()
        rates.append(optimisation.learning_rate)
        assert rates[-1] == pytest.approx(other.get_last_lr()[0], abs=1e-12)
    assert rates[1] == pytest.approx(0.5e-4)
    assert rates[-1] == pytest.approx(0, abs=1e-12)


def test_a_line_begins_after_some_epochs_and_ends_near_nothing() -> None:
    settings = TrainSettings(decay="linear", decay_epochs=2, learning_rate=1.0)
    optimisation = Optimisation(network(), settings, epochs=5)
    rates = [optimisation.learning_rate]
    for _ in range(4):
        optimisation.optimizers[0].step()
        optimisation.close_epoch(0.0)
        rates.append(optimisation.learning_rate)
    assert rates == pytest.approx([1, 1, 3 / 4, 2 / 4, 1 / 4])


@pytest.mark.parametrize("decay", ["none", "step", "plateau", "linear", "cosine"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_it_goes_on_from_its_state(optimizer: str, decay: str, tmp_path) -> None:
    settings = TrainSettings(
        optimizer=optimizer, decay=decay, decay_epochs=2, decay_factor=0.3, learning_rate=0.02
    )
    whole, parted = network(), network()
    run_of = Optimisation(whole, settings)
    run(whole, run_of.optimizers[0], run_of.close_epoch)
    for epoch, score in enumerate(SCORES):
        anew = Optimisation(parted, settings)
        if epoch:
            anew.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
        for step in range(3):
            anew.optimizers[0].zero_grad()
            loss_of(parted, 3 * epoch + step).backward()
            anew.optimizers[0].step()
        anew.close_epoch(score)
        torch.save(anew.state_dict(), tmp_path / "state.pt")
    assert anew.learning_rate == run_of.learning_rate
    for one, other in zip(whole.parameters(), parted.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("scores", "lowered"),
    [
        ([0.1, 0.2, 0.3, 0.4, 0.5], 0),
        ([0.5, 0.4, 0.3, 0.2, 0.1], 1),
        # Worse by less than a relative threshold would see, and below zero.
        ([-0.1, -0.10000001, -0.10000002, -0.10000003], 1),
        ([-0.3, -0.29999, -0.29998, -0.29997], 0),
        ([-float("inf")] * 4, 1),
    ],
)
def test_the_plateau_sees_whether_a_score_is_better(scores: list[float], lowered: int) -> None:
    settings = TrainSettings(decay="plateau", decay_epochs=2, learning_rate=1.0)
    optimisation = Optimisation(network(), settings)
    for score in scores:
        optimisation.close_epoch(score)
    assert optimisation.learning_rate == pytest.approx(0.1**lowered)


def test_the_mean_of_the_weights_is_the_recurrence_and_goes_on_from_its_state() -> None:
    module = nn.Sequential(network(), nn.BatchNorm1d(2))
    optimisation = Optimisation(module, TrainSettings(average=0.8, learning_rate=1e-2))
    expected = module[0][0].weight.detach().clone()
    for step in range(12):
        loss_of(module, step).backward()
        optimisation.optimizers[0].step()
        optimisation.close_step()
        weights = module[0][0].weight.detach()
        keeps = min(0.8, (1 + step) / (10 + step))
        expected = weights.clone() if step == 0 else keeps * expected + (1 - keeps) * weights
    state = optimisation.averaged.state_dict()
    assert torch.allclose(state["0.0.weight"], expected, atol=1e-6)
    assert not torch.allclose(module[0][0].weight, expected, atol=1e-4)
    assert state["1.num_batches_tracked"] == 12

    other = Optimisation(nn.Sequential(network(), nn.BatchNorm1d(2)), TrainSettings(average=0.8))
    other.load_state_dict(optimisation.state_dict())
    assert all(torch.equal(v, state[k]) for k, v in other.averaged.state_dict().items())


def test_without_a_mean_the_weights_are_the_networks_own() -> None:
    module = network()
    assert Optimisation(module, TrainSettings()).averaged is module


def test_the_share_that_is_kept_takes_some_steps_to_matter() -> None:
    """Step n keeps (1 + n) / (10 + n) at most: one half at n = 8."""
    module = network()
    means = [Optimisation(module, TrainSettings(average=share)) for share in (0.5, 0.9)]

    def step(number: int) -> bool:
        loss_of(module, number).backward()
        means[0].optimizers[0].step()
        for mean in means:
            mean.close_step()
        one, other = (mean.averaged.state_dict() for mean in means)
        return all(torch.equal(weights, other[name]) for name, weights in one.items())

    assert [step(number) for number in range(12)] == [True] * 9 + [False] * 3
