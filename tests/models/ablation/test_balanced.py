"""RedCore's balance against its published algorithm, step by step."""

import numpy as np
import pytest
import torch

from models.ablation.balanced import Balance
from models.ablation.strategies import draw
from models.settings import Ablation
from models.training.phases import Lossy
from models.training.trainer import phases_of
from tests.helpers.losses import draws_of
from tests.helpers.network_cases import Case, labelled_batch


def test_it_is_the_published_algorithm() -> None:
    """Every third step the weights move by what a loss lacks of the mean, ever faster."""
    rng, balance = np.random.default_rng(0), Balance()
    running, weights, rate = np.zeros(2), np.ones(2), 0.1
    for step in range(1100):
        losses = rng.uniform(0.5, 2, 2) * (3.0, 1.0)
        if step % 7 == 3:
            losses[0] = 0.0  # nothing of it was generated
        new = np.where(losses == 0, running, losses)
        running = 0.3 * running + 0.7 * new
        advantage = (running.mean() - running) / running.mean()
        if step % 500 == 0:
            rate *= 1.5
        if step % 3 == 0:
            weights = np.maximum(weights - rate * advantage, 0.1)
            weights = weights / np.sqrt((weights**2).sum())
        found = balance(
            {m: torch.tensor(x) for m, x in zip(("audio", "video"), losses, strict=True)}
        )
        assert float(found) == pytest.approx(weights @ losses, rel=1e-9)
    # What is harder to generate counts more.
    assert balance.weights[0] > balance.weights[1]


def test_it_weighs_what_a_network_imagines_and_goes_on_from_its_state() -> None:
    losing = Ablation(strategy="balanced", modality="both", p={"audio": 0.2, "video": 0.8})
    network, batch = Case("mmin", ("audio", "video")).build("classes"), labelled_batch("classes")
    _, imagination = phases_of(network, losing, lambda outputs, _: 0 * outputs.fused.sum())
    imagination.begin()
    loss = imagination.updates[0].loss
    lossy = Lossy(batch, batch.inputs(), {})
    outputs = network(batch.inputs(), batch.masks(), batch.received())
    for _ in range(4):
        loss(outputs, lossy)
    state = loss.state_dict()
    assert state["weigh.steps"] == 4
    assert not torch.equal(state["weigh.weights"][0], state["weigh.weights"][1])
    _, again = phases_of(network, losing, lambda outputs, _: 0 * outputs.fused.sum())
    again.updates[0].loss.load_state_dict(state)
    assert torch.equal(again.updates[0].loss(outputs, lossy), loss(outputs, lossy))


def test_clips_are_lost_at_unequal_rates_once_for_all() -> None:
    rates = {"audio": 0.2, "video": 0.8}
    losing = Ablation(strategy="balanced", modality="both", p=rates, drawn="once")
    for modality, rate in rates.items():
        frame_map = draw(losing, modality, draws_of(2000, 3))
        assert frame_map is not None
        assert torch.equal(frame_map.empty.any(1), frame_map.empty.all(1))
        assert float(frame_map.empty.float().mean()) == pytest.approx(rate, abs=0.04)
