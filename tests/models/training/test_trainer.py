from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from features.task import Task
from models.evaluation.conditions import Condition, runs_under
from models.evaluation.evaluator import evaluate, predict
from models.evaluation.registry import metrics_of
from models.evaluation.scores import pooled
from models.networks.build import build
from models.networks.recogniser import Recogniser
from models.settings import Ablation, ModelSettings, NetworkSize, TrainSettings
from models.training import precision, trainer
from models.training.data import ClipData
from models.training.losses import ccc_loss, pooled_loss
from models.training.state_file import read_state
from models.training.trainer import Epoch, Trained, train
from tests.helpers.network_cases import masks_of
from tests.helpers.planted import planted_stores

CPU = torch.device("cpu")
SIZE = NetworkSize(dim=32, heads=4, ffn=32, dropout=0.1)
TRAINING = [f"item-{i}" for i in range(8)]
HELDOUT, TEST = ["item-8", "item-9"], [f"item-{i}" for i in range(10, 14)]


class KilledError(Exception):
    pass


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    return planted_stores(tmp_path_factory.mktemp("s"), items=14, frames=300, clip_frames=50)


def clips(stores: tuple, items: list[str]) -> ClipData:
    return ClipData(*stores, items, preload_bytes=1 << 30)


def fresh(stores: tuple) -> Recogniser:
    torch.manual_seed(0)
    return build(ModelSettings(), clips(stores, TRAINING).features, SIZE, Task())


def trained(
    stores: tuple, checkpoint: Path, device: torch.device = CPU, **changes
) -> tuple[Recogniser, Trained]:
    ablation = changes.pop("ablation", Ablation(strategy="frame_zero", p=0.5))
    say = changes.pop("say", lambda _: None)
    defaults = {"epochs": 3, "batch_clips": 8, "learning_rate": 2e-3, "precision": "fp32"}
    network = fresh(stores)
    result = train(
        network,
        clips(stores, TRAINING),
        clips(stores, HELDOUT),
        ablation,
        TrainSettings(**{**defaults, **changes}),
        metric="ccc",
        seed=0,
        checkpoint=checkpoint,
        device=device,
        say=say,
    )
    network.load_state_dict(result.weights)
    return network, result


HOW = {
    "plain": {},
    "step": {"clip_norm": 0.5, "decay": "step", "decay_epochs": 1, "decay_factor": 0.3},
    "plateau": {
        "optimizer": "sgd",
        "learning_rate": 0.5,
        "weight_decay": 1e-3,
        "choose_by": "loss",
        "decay": "plateau",
        "decay_epochs": 1,
    },
    "average": {"average": 0.9},
    "copies": {"ablation": Ablation(strategy="modality_dropout", fill="noise")},
}


@pytest.fixture(scope="module")
def undisturbed(
    stores: tuple, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Trained]:
    @cache
    def run(how: str) -> Trained:
        return trained(stores, tmp_path_factory.mktemp("undisturbed") / "c.pt", **HOW[how])[1]

    return run


@pytest.mark.parametrize(
    ("steps", "how"),
    [
        *[(steps, "plain") for steps in (1, 6, 8)],
        *[(steps, "step") for steps in (6, 13)],
        (12, "plateau"),
        (7, "copies"),
        (8, "average"),
    ],
)
def test_a_killed_run_ends_with_the_weights_of_an_undisturbed_one(
    stores: tuple,
    undisturbed: Callable[[str], Trained],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
    how: str,
) -> None:
    changes = HOW[how]
    real, calls = trainer.lose, []

    def dying(*args: object) -> dict:
        calls.append(1)
        if len(calls) > steps:
            raise KilledError
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "lose", dying)
        with pytest.raises(KilledError):
            trained(stores, tmp_path / "b.pt", checkpoint_seconds=0, **changes)
    resumed_steps = []

    def counting(*args: object) -> dict:
        resumed_steps.append(1)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "lose", counting)
        _, resumed = trained(stores, tmp_path / "b.pt", **changes)
    assert len(resumed_steps) == 3 * 6 - steps
    assert resumed.history == undisturbed(how).history
    for name, weights in undisturbed(how).weights.items():
        assert torch.equal(weights, resumed.weights[name]), name


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_killed_run_goes_on_and_is_evaluated_on_a_gpu(
    stores: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu, real, calls = torch.device("cuda"), trainer.lose, []
    changes = {"epochs": 1, "batch_clips": 16, "average": 0.9}  # an epoch is three steps

    def dying(*args: object) -> dict:
        calls.append(1)
        if len(calls) > 2:
            raise KilledError
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "lose", dying)
        with pytest.raises(KilledError):
            trained(stores, tmp_path / "c.pt", gpu, checkpoint_seconds=0, **changes)
    assert read_state(tmp_path / "c.pt")["step"] == 2
    network, resumed = trained(stores, tmp_path / "c.pt", gpu, **changes)
    _, whole = trained(stores, tmp_path / "whole.pt", gpu, **changes)
    # A sum in another order can turn a step of Adam whose gradient is nearly 0: see the mean.
    apart = [(weights - resumed.weights[k]).abs().flatten() for k, weights in whole.weights.items()]
    assert torch.cat(apart).mean() < 1e-5
    runs = runs_under([Condition("video", "frame_zero", 0.5), Condition("both", "noise", 1.0)], 2)
    here, there = (
        evaluate(
            network,
            clips(stores, TEST),
            runs,
            metrics=metrics_of(Task()),
            seed=0,
            device=device,
            batch_clips=8,
        ).values()
        for device in (CPU, gpu)
    )
    ccc = [pooled(own).values()["ccc"] for own in (here, there)]
    assert np.allclose(*ccc, atol=1e-3)


def learning_rate_of(checkpoint: Path) -> float:
    saved = read_state(checkpoint)
    return saved["optimisation"]["optimizers"][0]["param_groups"][0]["lr"]


def test_the_learning_rate_goes_down_with_the_epochs(stores: tuple, tmp_path: Path) -> None:
    trained(stores, tmp_path / "a.pt", epochs=3, **HOW["step"])
    assert learning_rate_of(tmp_path / "a.pt") == pytest.approx(2e-3 * 0.3**3)


def test_the_plateau_is_that_of_what_the_epoch_is_chosen_by(
    stores: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The metric falls while the loss falls too: two of three epochs are worse by one alone."""
    metrics, losses = iter([0.3, 0.2, 0.1] * 2), iter([0.3, 0.2, 0.1] * 2)
    monkeypatch.setattr(
        trainer,
        "pooled_scores",
        lambda *_: SimpleNamespace(values=lambda: {"ccc": np.full(2, next(metrics))}),
    )
    monkeypatch.setattr(trainer, "pooled_loss", lambda *_: next(losses))
    chosen = {}
    for choose_by in ("metric", "loss"):
        changes = {"decay": "plateau", "decay_epochs": 1, "choose_by": choose_by}
        _, result = trained(stores, tmp_path / choose_by, **changes)
        chosen[choose_by] = (result.best_epoch, learning_rate_of(tmp_path / choose_by))
    assert chosen == {"metric": (0, pytest.approx(2e-4)), "loss": (2, pytest.approx(2e-3))}


def test_gradients_are_clipped_by_their_norm(stores: tuple, tmp_path: Path) -> None:
    """A step of SGD is the learning rate times the gradient, and no longer than the norm allows."""
    begin = {k: v.clone() for k, v in fresh(stores).state_dict().items()}
    one = {"optimizer": "sgd", "momentum": 0.0, "learning_rate": 1.0, "epochs": 1}
    moved = {}
    for norm in (None, 1e-3):
        network, _ = trained(stores, tmp_path / str(norm), clip_norm=norm, batch_clips=48, **one)
        steps = [(v - begin[k]).flatten() for k, v in network.state_dict().items()]
        moved[norm] = float(torch.linalg.vector_norm(torch.cat(steps)))
    assert moved[1e-3] == pytest.approx(1e-3, rel=1e-3)
    assert moved[None] > 0.01


def test_the_held_out_loss_is_that_of_one_batch(stores: tuple) -> None:
    network, data = fresh(stores).eval(), clips(stores, HELDOUT)
    batch = data.batch(range(len(data.clips)))
    with torch.inference_mode():
        outputs = network(batch.inputs(), masks_of(batch.mask), batch.received()).fused
    expected = float(ccc_loss(outputs, batch.labels, batch.valid))
    assert pooled_loss(data, predict(network, data, CPU, 3)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("choose_by", ["metric", "loss"])
def test_an_undefined_epoch_is_the_worst(choose_by: str) -> None:
    assert Epoch(0, 1.0, [0.2, float("nan")], float("nan")).score(choose_by) == -float("inf")


def test_the_same_seed_gives_the_same_weights(stores: tuple, tmp_path: Path) -> None:
    (_, a), (_, b) = (trained(stores, tmp_path / name, epochs=1) for name in ("a", "b"))
    assert all(torch.equal(a.weights[k], b.weights[k]) for k in a.weights)


@pytest.mark.parametrize("choose_by", ["metric", "loss"])
def test_the_chosen_epoch_is_the_best_held_out_one(
    stores: tuple, tmp_path: Path, choose_by: str
) -> None:
    changes = {"epochs": 12, "patience": 2, "learning_rate": 2e-2, "choose_by": choose_by}
    network, result = trained(stores, tmp_path / "a", **changes)
    own = {"metric": lambda e: sum(e.heldout), "loss": lambda e: -e.heldout_loss}[choose_by]
    scores = [own(epoch) for epoch in result.history]
    heldout = clips(stores, HELDOUT)
    again = pooled_loss(heldout, predict(network, heldout, CPU, 8))
    assert again == pytest.approx(result.history[result.best_epoch].heldout_loss, abs=1e-6)
    assert result.best_epoch == int(np.argmax(scores))
    assert len(scores) <= 12
    assert len(scores) == 12 or len(scores) == result.best_epoch + 3


def test_with_nothing_held_out_the_last_epoch_is_kept(stores: tuple, tmp_path: Path) -> None:
    network = fresh(stores)
    result = train(
        network,
        clips(stores, TRAINING),
        None,
        Ablation(),
        TrainSettings(epochs=4, patience=1, batch_clips=8, precision="fp32"),
        metric="ccc",
        seed=0,
        checkpoint=tmp_path / "c.pt",
        device=CPU,
    )
    assert len(result.history) == 4
    assert result.best_epoch == 3
    assert all(np.isnan(epoch.heldout).all() for epoch in result.history)
    for name, weights in network.state_dict().items():
        assert torch.equal(weights, result.weights[name]), name


def test_precision_is_measured_once_and_kept(stores: tuple, tmp_path: Path) -> None:
    _, first = trained(stores, tmp_path / "a", epochs=1, precision="auto")
    assert first.precision in ("fp32", "bf16")
    saved = read_state(tmp_path / "a")
    assert saved["precision"] == first.precision


def test_a_processor_without_bf16_trains_in_fp32(
    stores: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = precision._step_seconds

    def measured(*arguments: Any, bf16: bool) -> float:
        if bf16:
            raise RuntimeError("could not create a primitive descriptor")
        return measure(*arguments, bf16=bf16)

    monkeypatch.setattr(precision, "_step_seconds", measured)
    _, result = trained(stores, tmp_path / "a", epochs=1, precision="auto")
    assert result.precision == "fp32"


def test_measuring_the_precision_leaves_the_network_as_it_was(stores: tuple) -> None:
    """Batch normalisation counts every pass."""
    data = clips(stores, TRAINING)
    network = build(ModelSettings(network="fusion"), data.features, SIZE, Task())
    before = {k: v.clone() for k, v in network.state_dict().items()}
    precision.precision_of(TrainSettings(precision="auto", batch_clips=4), network, data, CPU)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_bf16_learns_too(stores: tuple, tmp_path: Path) -> None:
    _, result = trained(stores, tmp_path / "a", epochs=2, precision="bf16")
    assert all(w.dtype == torch.float32 for w in result.weights.values())
    assert result.history[-1].train_loss < result.history[0].train_loss


def test_learns_and_frame_zero_copes_with_lost_pictures(stores: tuple, tmp_path: Path) -> None:
    """The baseline falls when the picture goes; training on lost frames makes it fall less."""
    lost = Condition("video", "frame_zero", 0.9)
    runs = runs_under([Condition("video", "frame_zero", 0.0), lost], trials=3)
    ccc = {}
    for strategy in ("none", "frame_zero"):
        network, _ = trained(
            stores, tmp_path / strategy, epochs=25, ablation=Ablation(strategy=strategy, p=0.5)
        )
        own = evaluate(
            network,
            clips(stores, TEST),
            runs,
            metrics=metrics_of(Task()),
            seed=0,
            device=CPU,
            batch_clips=32,
        )
        scores = pooled(own.values()).values()["ccc"]
        ccc[strategy] = {"intact": scores[0].mean(), "lost": scores[1:].mean()}
    assert ccc["none"]["intact"] > 0.8
    assert ccc["frame_zero"]["intact"] > 0.8
    fall = {strategy: c["intact"] - c["lost"] for strategy, c in ccc.items()}
    assert fall["none"] > 0.3
    assert fall["frame_zero"] < fall["none"] - 0.1


def test_a_damaged_checkpoint_begins_anew_and_says_so(stores: tuple, tmp_path: Path) -> None:
    path, said = tmp_path / "c.state", []
    trained(stores, path, epochs=1)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    _, anew = trained(stores, path, epochs=1, say=said.append)
    _, undisturbed = trained(stores, tmp_path / "d.state", epochs=1)
    assert len(said) == 1
    assert "c.state is damaged: this training begins anew" in said[0]
    for name, weights in undisturbed.weights.items():
        assert torch.equal(weights, anew.weights[name]), name


def test_outputs_that_are_not_finite_have_no_score(stores: tuple, tmp_path: Path) -> None:
    """Of classes too: the largest of outputs that are NaN would be the first class."""
    changes = {"epochs": 2, "optimizer": "sgd", "learning_rate": 1e18}
    _, result = trained(stores, tmp_path / "c.state", **changes)
    assert not all(np.isfinite(epoch.metric) for epoch in result.history)
