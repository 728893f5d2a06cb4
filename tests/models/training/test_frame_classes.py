"""Classes of single frames, end to end through data, training, evaluation and calibration."""

from pathlib import Path

import audmetric
import numpy as np
import pytest
import torch

from features.task import Task
from models.evaluation.conditions import INTACT, runs_under
from models.evaluation.evaluator import evaluate, predict
from models.evaluation.registry import metrics_of
from models.evaluation.scores import pooled
from models.evaluation.trust import trust_of
from models.networks.build import build
from models.settings import Ablation, ModelSettings, NetworkSize, TrainSettings
from models.training.data import ClipData
from models.training.losses import class_weights, cross_entropy_loss
from models.training.trainer import train
from pipeline.prediction.table import table_of
from tests.helpers.planted import DESCRIPTORS, FC6, Planted

CPU = torch.device("cpu")
TASK = Task(kind="classification", level="frame", outputs=("anger", "joy", "rest"))
FRAMES = 60


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory):
    """Clips of items whose class changes every ten frames; of the last five nothing is labelled."""
    rng = np.random.default_rng(0)
    to_fc6, to_lld = rng.standard_normal((3, FC6)), rng.standard_normal((3, DESCRIPTORS))
    store, every = Planted(tmp_path_factory.mktemp("frames")), np.ones(FRAMES, bool)
    for number in range(30):
        classes = rng.choice(3, FRAMES // 10, p=[0.2, 0.3, 0.5]).repeat(10)
        labels = np.eye(3, dtype=np.float32)[classes]
        labels[-5:] = 0
        store.add(
            f"item-{number}",
            times=np.arange(FRAMES) / 30,
            labels=labels,
            valid=np.arange(FRAMES) < FRAMES - 5,
            face=every,
            sound=every,
            voice=every,
            lld=np.eye(3)[classes] @ to_lld + rng.standard_normal((FRAMES, DESCRIPTORS)),
            index=np.arange(FRAMES, dtype=np.int32)[:, None],
            fc6=np.eye(3)[classes] @ to_fc6 + rng.standard_normal((FRAMES, FC6)),
        )
    stores = store.finish(25, TASK, 1, None)

    def of(numbers: range) -> ClipData:
        return ClipData(*stores, [f"item-{i}" for i in numbers], preload_bytes=0)

    return of


def test_frames_are_learnt_scored_together_and_calibrated(clips, tmp_path: Path) -> None:
    torch.manual_seed(0)
    learning, choosing, test = clips(range(10)), clips(range(10, 20)), clips(range(20, 30))
    network = build(ModelSettings(), learning.features, NetworkSize(dim=16, ffn=16), TASK)
    settings = {"epochs": 8, "learning_rate": 0.005, "class_weights": "balanced"}
    trained = train(
        network,
        learning,
        choosing,
        Ablation(),
        TrainSettings(**settings),
        metric="macro_f1",
        seed=0,
        checkpoint=tmp_path / "state",
        device=CPU,
    )
    network.load_state_dict(trained.weights)
    metrics = metrics_of(TASK)
    runs = runs_under([INTACT], 1)
    of_items = evaluate(network, test, runs, metrics=metrics, seed=0, device=CPU, batch_clips=4)
    scores = pooled(of_items.values())
    outputs = predict(network, test, CPU, 4)
    assert {values.shape for values in outputs.values()} == {(FRAMES, 3)}
    valid = np.concatenate([test.item_array(item, "valid") for item in test.items])
    truth, guess = (
        np.concatenate([x[item] for item in test.items])[valid].argmax(1)
        for x in ({i: test.item_array(i, "labels") for i in test.items}, outputs)
    )
    assert scores.n.ravel().tolist() == [10 * (FRAMES - 5)]
    expected = audmetric.unweighted_average_fscore(truth, guess, labels=[0, 1, 2])
    assert scores.values()["macro_f1"].item() == pytest.approx(expected)
    assert expected > 0.6
    speakers = {item: item for item in (*choosing.items, *test.items)}
    calibration, trust = trust_of(
        network, test, choosing, speakers, "weights", seed=0, device=CPU, batch_clips=4
    )
    assert set(calibration.temperatures) == {"both", "audio", "video", "none"}
    assert (trust.loc[trust["measure"] == "ece_scaled", "n"] == 10 * (FRAMES - 5)).all()
    there = np.ones(FRAMES, bool)
    table = table_of(
        TASK,
        outputs["item-20"],
        np.arange(FRAMES) / 30,
        {"audio": there, "video": there},
        there,
        calibration,
    )
    assert len(table) == FRAMES
    assert table[list(TASK.outputs)].sum(axis=1).to_numpy() == pytest.approx(np.ones(FRAMES))
    assert table["confidence"].between(1 / 3, 1).all()


def test_frames_without_a_label_weigh_nothing(clips) -> None:
    data = clips(range(4))
    batch = data.batch(range(len(data.clips)))
    counts = sum(data.item_array(item, "labels").sum(0) for item in data.items)
    weights = class_weights(data, CPU)
    assert weights.numpy() == pytest.approx(counts.sum() / (3 * counts))
    logits = torch.zeros(batch.labels.shape)
    loss = cross_entropy_loss(logits, batch.labels, batch.valid, weights)
    logits[~batch.valid] = torch.tensor([9.0, -9.0, 0.0])
    assert cross_entropy_loss(logits, batch.labels, batch.valid, weights) == loss
    assert float(loss) == pytest.approx(np.log(3))
