"""The parts of a training: teachers, the training itself, the refit."""

import json
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from features.errors import InputError
from features.tables import only
from features.task import Task
from features.windows.reading import StreamReader
from models import recogniser
from models.evaluation.evaluator import predict
from models.networks.build import build
from models.settings import ModelSettings, TrainSettings
from models.settings.resolved import resolve
from models.training import run
from models.training.plan import FACTS, Plan
from models.training.run import train_seed
from models.training.speakers import parts
from models.training.state_folder import Checkpoints
from models.training.stores import Listed, ModelStores
from tests.helpers.planted import planted_sequences

CPU = torch.device("cpu")
OPTIMIZED = {"strategy": "optimized"}


@pytest.fixture
def planted_stores(tmp_path):
    """Stores of a few sequences."""
    task = Task(kind="regression", level="sequence", outputs=["a", "b", "c"], low=-9, high=9)
    return planted_sequences(tmp_path, items=6, task=task)


@pytest.fixture
def planted(planted_stores, monkeypatch):
    """Their items."""
    monkeypatch.setattr("models.training.run.open_stores", lambda sees: seen(planted_stores, sees))
    return [Listed(f"item-{i}", f"speaker{i % 3}", "train", labelled=True) for i in range(6)]


def seen(stores, sees):
    return ModelStores(stores.windows, {m: stores.streams[m] for m in sees})


def train_planted(items, folder, heldout=0.2, preload_bytes=1 << 30, **model):
    quick = {"epochs": 2, "heldout": heldout, "precision": "fp32", "network": {"dim": 4}}
    chosen = model | {"sees": model.get("sees", ["audio", "video"])}
    settings = ModelSettings(**chosen)
    resolved = resolve(settings, TrainSettings.model_validate(quick), tuple(chosen["sees"]))
    learning, chosen_by = parts(items, resolved.train.heldout, 0)
    speakers = {item.item: item.speaker for item in items}
    plan = Plan(settings, resolved, learning, chosen_by, "ccc", 0, speakers)
    (folder / "out").mkdir(parents=True)
    try:
        with only(plan.rows()):
            train_seed(
                folder / "out",
                plan=plan,
                device="cpu",
                checkpoints=Checkpoints(folder / "cache", "key"),
                preload_bytes=preload_bytes,
            )
    finally:
        if not any((folder / "out").iterdir()):
            (folder / "out").rmdir()
    return plan


def read(plan, folder, stores):
    """What was trained, and the facts beside it."""
    facts = json.loads((folder / FACTS).read_text())
    options = plan.resolved.options
    size, task = plan.resolved.size, stores.windows.task
    network = build(plan.model, facts["inputs"], size, task, options)
    network.load_state_dict(load_file(folder / recogniser.WEIGHTS))
    return facts, network.eval()


@pytest.mark.parametrize(
    "model",
    [
        {"options": {"auxiliary": 0.5}, "presence": "marked", "size": {"dim": 8}},
        {
            "network": "auxformer",
            "preset": "goncalves2022",
            "size": {"dim": 10, "ffn": 12, "layers": 1},
            "options": {"auxiliary": False, "pooling": "mean"},
            "train": {"epochs": 1},
            "ablation": OPTIMIZED,
        },
        {"network": "fusion", "preset": "chumachenko2022", "train": {"epochs": 1}},
        {"network": "recurrent", "sees": ["audio"]},
        {"preset": "lacuna", "size": {"dim": 4}, "train": {"epochs": 2, "batch_clips": 24}},
    ],
    ids=str,
)
def test_a_trained_model_is_read_as_it_was(planted, planted_stores, tmp_path, model):
    plan = train_planted(planted, tmp_path, **model)
    facts, network = read(plan, tmp_path / "out", planted_stores)
    expected = plan.resolved.train
    assert facts["epochs"] == expected.epochs
    history = pd.read_csv(tmp_path / "out" / recogniser.HISTORY)
    assert list(history) == ["epoch", "train_loss", "heldout", "heldout_loss", "best"]
    assert len(history) == facts["epochs"]
    if expected.choose_by == "loss":
        assert history["heldout_loss"].idxmin() == facts["best_epoch"]
    predictions = predict(network, recogniser.clips_of(planted_stores, ["item-0"]), CPU, 4)
    assert predictions["item-0"].shape == (1, 3)
    assert np.isfinite(predictions["item-0"]).all()


def test_a_model_that_goes_on_learns_from_all_training_speakers(
    planted, planted_stores, tmp_path, monkeypatch
):
    real, seen = run.train, []

    def spy(network, learning, heldout, ablation, settings, **rest):
        begun = {name: weights.clone() for name, weights in network.state_dict().items()}
        trained = real(network, learning, heldout, ablation, settings, **rest)
        seen.append((begun, learning.items, heldout, settings, trained, rest["checkpoint"]))
        return trained

    monkeypatch.setattr(run, "train", spy)
    plan = train_planted(planted, tmp_path, train={"refit": 3, "learning_rate": 0.01})
    (_, learning, heldout, _, chosen, first), (begun, everyone, none, more, last, second) = seen
    assert sorted([*learning, *heldout.items]) == everyone == [item.item for item in planted]
    assert none is None
    assert all(torch.equal(chosen.weights[name], begun[name]) for name in begun)
    assert (more.epochs, more.learning_rate, len(last.history)) == (3, 0.005, 3)
    assert first != second  # a run that is killed goes on in the part it was in
    facts, network = read(plan, tmp_path / "out", planted_stores)
    assert (facts["epochs"], facts["best_epoch"]) == (len(chosen.history), chosen.best_epoch)
    assert all(torch.equal(last.weights[name], w) for name, w in network.state_dict().items())
    assert not all(torch.equal(begun[name], w) for name, w in network.state_dict().items())


class KilledError(Exception):
    pass


def test_teachers_are_trained_before_their_pupil_and_on_the_same_speakers(
    planted, tmp_path, monkeypatch
):
    real, seen = run.train, []

    def spy(network, learning, heldout, ablation, settings, **rest):
        trained = real(network, learning, heldout, ablation, settings, **rest)
        parts = (learning.items, heldout and heldout.items)
        seen.append((network.modalities, parts, ablation, settings, rest["teachers"], trained))
        return trained

    monkeypatch.setattr(run, "train", spy)
    train_planted(planted, tmp_path, **TAUGHT)
    assert [modalities for modalities, *_ in seen] == [
        ("audio",),
        ("video",),
        ("audio", "video"),
        ("audio", "video"),
    ]
    assert seen[0][1] == seen[1][1] == seen[2][1]
    for (modality,), _, ablation, settings, none, trained in seen[:2]:
        assert (ablation.strategy, settings.teacher, settings.refit, none) == ("none", 0, 0, None)
        assert settings.network.dim == 8  # as large as the model
        for *_, teachers, _ in seen[2:]:
            assert teachers.weight == 0.7
            taught = teachers.networks[modality].state_dict()
            assert all(torch.equal(taught[name], w) for name, w in trained.weights.items())


TAUGHT = {
    "size": {"dim": 8},
    "train": {"teacher": 0.7, "refit": 1},
    "ablation": {"strategy": "clip_zero", "modality": "either", "p": 0.5},
}


@pytest.mark.parametrize(
    ("own", "killed_in"),
    [({"train": {"refit": 3, "average": 0.9}}, 1), *[(TAUGHT, part) for part in range(4)]],
    ids=["refit", "teacher-audio", "teacher-video", "taught", "taught-refit"],
)
def test_a_run_that_is_killed_in_a_part_ends_with_the_same_weights(
    planted, tmp_path, monkeypatch, own, killed_in
):
    train_planted(planted, tmp_path / "undisturbed", **own)
    real, calls = run.train, []

    def dying(*arguments, on_epoch, **rest):
        phase = len(calls)
        calls.append(phase)

        def stop_after_one(epoch):
            on_epoch(epoch)
            if phase == killed_in and epoch.epoch == 0:
                raise KilledError

        return real(*arguments, on_epoch=stop_after_one, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(run, "train", dying)
        with pytest.raises(KilledError):
            train_planted(planted, tmp_path / "killed", **own)
    assert not (tmp_path / "killed/out").exists()
    train_planted(planted, tmp_path / "killed", **own)
    undisturbed, killed = (
        load_file(tmp_path / folder / "out" / recogniser.WEIGHTS)
        for folder in ("undisturbed", "killed")
    )
    for name, weights in undisturbed.items():
        assert torch.equal(weights, killed[name]), name


def test_a_refit_that_diverges_is_said(planted, tmp_path, monkeypatch):
    real = run.train

    def diverging(network, learning, heldout, *rest, **more):
        trained = real(network, learning, heldout, *rest, **more)
        if heldout is None:
            next(iter(trained.weights.values())).fill_(float("nan"))
        return trained

    monkeypatch.setattr(run, "train", diverging)
    with pytest.raises(InputError, match="the weights diverged in the refit"):
        train_planted(planted, tmp_path, train={"refit": 1})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"heldout": "validation"}, "refit would learn from the validation split"),
        ({"decay": "step"}, "refit keeps to one learning rate, but decay is step"),
    ],
)
def test_a_refit_that_cannot_be_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        TrainSettings(refit=2, **given)


def test_an_undefined_held_out_score_is_said(planted, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "models.training.trainer.pooled_scores",
        lambda *_: SimpleNamespace(values=lambda: {"ccc": np.full(3, np.nan)}),
    )
    with pytest.raises(InputError, match="the held-out ccc is undefined in every epoch"):
        train_planted(planted, tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_sequence_that_is_too_long_is_an_input_error(planted, tmp_path, monkeypatch):
    monkeypatch.setattr("models.training.data.MAX_SEQUENCE_FRAMES", 4)
    with pytest.raises(InputError, match=r"item-\d has \d+ frames, more than the 4") as caught:
        train_planted(planted, tmp_path)
    assert caught.value.remedy == "cut it with start and end in items.csv"


def test_a_store_larger_than_the_memory_bound_trains_the_same_weights(
    planted_stores, tmp_path, monkeypatch
):
    """Read by rows: nothing of it is kept in memory, and no number changes."""
    items = [Listed(f"item-{i}", f"speaker{i % 3}", "train", labelled=True) for i in range(6)]
    kept = []

    def opened(sees):
        fresh = reopened(planted_stores)
        for reader in fresh.streams.values():
            load = partial(noted, kept, reader.load)
            monkeypatch.setattr(reader, "load", load)
        return fresh

    monkeypatch.setattr("models.training.run.open_stores", opened)
    weights = []
    for bound in (1 << 30, 100):
        kept.clear()
        train_planted(items, tmp_path / str(bound), preload_bytes=bound)
        assert bool(kept) == (bound > 100)
        weights.append((tmp_path / str(bound) / "out" / recogniser.WEIGHTS).read_bytes())
    sizes = [planted_stores.streams["video"].nbytes(item.item) for item in items]
    assert sum(sizes) > 100
    assert weights[0] == weights[1]


def noted(kept, load, item):
    kept.append(item)
    load(item)


def reopened(stores):
    """The same stores with nothing of them in memory."""
    streams = {
        modality: StreamReader(
            stores.windows, reader._name, [part._store for part in reader._parts]
        )
        for modality, reader in stores.streams.items()
    }
    return ModelStores(stores.windows, streams)
