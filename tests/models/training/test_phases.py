"""Networks and strategies that state phases of training."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.networks.plain import Plain
from models.networks.recogniser import Recogniser
from models.settings import Ablation, TrainSettings
from models.settings.network import PlainOptions
from models.training import trainer
from models.training.data import ClipData
from models.training.phases import Lossy, Phase, Update
from models.training.state_file import read_state
from models.training.trainer import Trained, train
from tests.helpers.planted import planted_stores

CPU = torch.device("cpu")
SETTINGS = TrainSettings(epochs=2, batch_clips=4, learning_rate=2e-3, precision="fp32")


class Small(nn.Module):
    """A body and a head on both modalities."""

    def __init__(self, features: dict[str, int], outputs: int, level: str) -> None:  # noqa: ARG002
        super().__init__()
        self.body = nn.ModuleDict({m: nn.Linear(n, 8) for m, n in features.items()})
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(8, outputs)

    def forward(self, inputs: dict, masks: dict, present: dict) -> Tensor:  # noqa: ARG002
        body = sum(layer(inputs[m]) for m, layer in self.body.items())
        return self.head(self.dropout(body.tanh()))


class TwoPhases(Small):
    """The second phase trains the head alone."""

    def phases(self, objective: Callable) -> tuple[Phase, ...]:
        return (
            Phase("everything", (Update(objective),)),
            Phase("head", (Update(objective),), epochs=3, parameters=("head.",)),
        )


class Growing(nn.Module):
    """A loss that weighs more with every step, and knows what a phase began from."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("began", torch.zeros(()))
        self.lost: list[bool] = []

    def forward(self, outputs: object, lossy: Lossy) -> Tensor:
        self.steps += 1
        self.lost.append(bool(lossy.lost))
        return (self.began + self.steps) * outputs.fused.square().mean()


class Alternating(Small):
    """Body and head move in turn, each by a loss of its own."""

    def phases(self, objective: Callable) -> tuple[Phase, ...]:
        self.growing = [Growing()]
        updates = Update(objective, ("body.",)), Update(self.growing[0], ("head.",), complete=True)

        def begin() -> None:
            self.growing[0].began.copy_(self.head.weight.norm().detach())

        return (Phase("in turn", updates, begin=begin),)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipData, ClipData]:
    stores = planted_stores(tmp_path_factory.mktemp("s"), items=6, frames=60, clip_frames=20)
    names = [f"item-{i}" for i in range(6)]
    return (
        ClipData(*stores, names[:4], preload_bytes=1 << 30),
        ClipData(*stores, names[4:], preload_bytes=1 << 30),
    )


def made(network: type[nn.Module], data: ClipData) -> Recogniser:
    torch.manual_seed(0)
    return Plain.of(network, data.features, PlainOptions(), data.task)


def trained(network: type[nn.Module], data: tuple, path: Path, **rest: object) -> Trained:
    learning, heldout = data
    return train(
        made(network, learning),
        learning,
        heldout,
        Ablation(strategy="frame_zero", p=0.5),
        SETTINGS.model_copy(update=rest.pop("settings", {})),
        metric="ccc",
        seed=0,
        checkpoint=path,
        device=CPU,
        **rest,
    )


def test_a_phase_trains_its_parameters_from_the_weights_chosen_before(
    data: tuple, tmp_path: Path
) -> None:
    first = trained(Small, data, tmp_path / "one.pt")
    both = trained(TwoPhases, data, tmp_path / "two.pt")
    assert len(both.history) == 2 + 3
    assert both.history[:2] == first.history
    assert both.best_epoch >= 2
    for name, weights in both.weights.items():
        moved = not torch.equal(weights, first.weights[name])
        assert moved == name.startswith("network.head."), name


def test_updates_have_optimizers_of_their_own(data: tuple, tmp_path: Path) -> None:
    alternating = trained(Alternating, data, tmp_path / "a.pt")
    saved = read_state(tmp_path / "a.pt")["optimisation"]["optimizers"]
    assert [len(state["state"]) for state in saved] == [4, 2]
    plain = trained(Small, data, tmp_path / "b.pt")
    assert any(not torch.equal(w, plain.weights[n]) for n, w in alternating.weights.items())
    # What moves the head is a loss that is least where nothing is said.
    before, after = made(Small, data[0]).state_dict(), alternating.weights
    name = "network.head.weight"
    assert after[name].norm() < before[name].norm()


def test_a_loss_remembers_and_may_see_what_nothing_is_lost_of(data: tuple, tmp_path: Path) -> None:
    made_networks = []

    class Watched(Alternating):
        def __init__(self, *args: object) -> None:
            super().__init__(*args)
            made_networks.append(self)

    trained(Watched, data, tmp_path / "a.pt")
    (growing,) = made_networks[0].growing
    assert growing.lost == [False] * len(growing.lost)
    (remembered,) = read_state(tmp_path / "a.pt")["remembered"]
    assert remembered["steps"] == len(growing.lost) == 6
    assert torch.equal(remembered["began"], made(Small, data[0]).network.head.weight.norm())


class KilledError(Exception):
    pass


@pytest.mark.parametrize("network", [TwoPhases, Alternating])
@pytest.mark.parametrize("steps", [2, 7, 8, 10])
def test_killed_anywhere_it_ends_with_the_same_bits(
    data: tuple,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    network: type[nn.Module],
    steps: int,
) -> None:
    undisturbed = trained(network, data, tmp_path / "a.pt")
    real, calls = trainer.lose, []
    total = 3 * len(undisturbed.history)
    steps = min(steps, total - 1)

    def dying(*args: object) -> Lossy:
        calls.append(1)
        if len(calls) > steps:
            raise KilledError
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "lose", dying)
        with pytest.raises(KilledError):
            trained(network, data, tmp_path / "b.pt", settings={"checkpoint_seconds": 0})
    resumed = trained(network, data, tmp_path / "b.pt")
    assert resumed.history == undisturbed.history
    for name, weights in undisturbed.weights.items():
        assert torch.equal(weights, resumed.weights[name]), name


def test_an_update_that_moves_nothing_is_refused(data: tuple, tmp_path: Path) -> None:
    class Nothing(Small):
        def phases(self, objective: Callable) -> tuple[Phase, ...]:
            return (Phase("tail", (Update(objective),), parameters=("tail.",)),)

    with pytest.raises(ValueError, match="phase tail has an update that moves no parameter"):
        trained(Nothing, data, tmp_path / "a.pt")
