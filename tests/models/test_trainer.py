from pathlib import Path

import numpy as np
import pytest
import torch
from planted import planted_stores

from models import trainer
from models.conditions import Condition
from models.data import ClipData
from models.evaluator import evaluate, runs_of
from models.networks import Recogniser, build
from models.settings import Ablation, ModelSettings, NetworkSize, Task, TrainSettings
from models.trainer import Trained, train

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


def trained(stores: tuple, checkpoint: Path, **changes) -> tuple[Recogniser, Trained]:
    ablation = changes.pop("ablation", Ablation(strategy="frame_zero", p=0.5))
    defaults = {"epochs": 3, "batch_clips": 8, "learning_rate": 2e-3, "precision": "fp32"}
    network = fresh(stores)
    result = train(
        network,
        clips(stores, TRAINING),
        clips(stores, HELDOUT),
        ablation,
        TrainSettings(**{**defaults, **changes}),
        seed=0,
        checkpoint=checkpoint,
        device=CPU,
    )
    network.load_state_dict(result.weights)
    return network, result


@pytest.mark.parametrize("steps", [1, 4, 6, 8, 13])
def test_a_killed_run_ends_with_the_weights_of_an_undisturbed_one(
    stores: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    _, undisturbed = trained(stores, tmp_path / "a.pt")
    real, calls = trainer._outputs, []

    def dying(*args: object) -> torch.Tensor:
        calls.append(1)
        if len(calls) > steps:
            raise KilledError
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_outputs", dying)
        with pytest.raises(KilledError):
            trained(stores, tmp_path / "b.pt", checkpoint_seconds=0)
    resumed_steps = []

    def counting(*args: object) -> torch.Tensor:
        resumed_steps.append(1)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_outputs", counting)
        _, resumed = trained(stores, tmp_path / "b.pt")
    assert len(resumed_steps) == 3 * 6 - steps
    assert resumed.history == undisturbed.history
    for name, weights in undisturbed.weights.items():
        assert torch.equal(weights, resumed.weights[name]), name


def test_the_same_seed_gives_the_same_weights(stores: tuple, tmp_path: Path) -> None:
    (_, a), (_, b) = (trained(stores, tmp_path / name, epochs=1) for name in ("a", "b"))
    assert all(torch.equal(a.weights[k], b.weights[k]) for k in a.weights)


def test_the_chosen_epoch_is_the_best_held_out_one(stores: tuple, tmp_path: Path) -> None:
    _, result = trained(stores, tmp_path / "a", epochs=12, patience=2, learning_rate=2e-2)
    scores = [epoch.score for epoch in result.history]
    assert result.best_epoch == int(np.argmax(scores))
    assert len(scores) <= 12
    assert len(scores) == 12 or len(scores) == result.best_epoch + 3


def test_precision_is_measured_once_and_kept(stores: tuple, tmp_path: Path) -> None:
    _, first = trained(stores, tmp_path / "a", epochs=1, precision="auto")
    assert first.precision in ("fp32", "bf16")
    saved = torch.load(tmp_path / "a", weights_only=True)
    assert saved["precision"] == first.precision


def test_bf16_learns_too(stores: tuple, tmp_path: Path) -> None:
    _, result = trained(stores, tmp_path / "a", epochs=2, precision="bf16")
    assert all(w.dtype == torch.float32 for w in result.weights.values())
    assert result.history[-1].train_loss < result.history[0].train_loss


def test_learns_and_frame_zero_copes_with_lost_pictures(stores: tuple, tmp_path: Path) -> None:
    """The baseline falls when the picture goes; training on lost frames makes it fall less."""
    lost = Condition("video", "frame_zero", 0.9)
    runs = runs_of([Condition("video", "frame_zero", 0.0), lost], trials=3)
    ccc = {}
    for strategy in ("none", "frame_zero"):
        network, _ = trained(
            stores, tmp_path / strategy, epochs=25, ablation=Ablation(strategy=strategy, p=0.5)
        )
        scores = evaluate(
            network, clips(stores, TEST), runs, seed=0, device=CPU, batch_clips=32
        ).values()["ccc"]
        ccc[strategy] = {"intact": scores[0].mean(), "lost": scores[1:].mean()}
    assert ccc["none"]["intact"] > 0.8
    assert ccc["frame_zero"]["intact"] > 0.8
    fall = {strategy: c["intact"] - c["lost"] for strategy, c in ccc.items()}
    assert fall["none"] > 0.3
    assert fall["frame_zero"] < fall["none"] - 0.1
