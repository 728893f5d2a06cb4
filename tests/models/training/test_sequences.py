"""Classes of whole sequences, end to end through data, training and evaluation."""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

from models.evaluation.conditions import grid, runs_under
from models.evaluation.evaluator import evaluate, pooled_scores, predict
from models.evaluation.registry import metrics_of
from models.evaluation.scores import pooled
from models.networks.build import build
from models.settings import Ablation, EvaluateSettings, ModelSettings, NetworkSize, TrainSettings
from models.training.batches import epoch_batches
from models.training.data import ClipData
from models.training.losses import class_weights
from models.training.trainer import train
from tests.helpers.planted import CLASSES, planted_sequences

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ClipData]:
    stores = planted_sequences(tmp_path_factory.mktemp("s"), items=90)

    def of(numbers: range, speakers: Mapping[str, str] | None = None) -> ClipData:
        items = [f"item-{i}" for i in numbers]
        return ClipData(*stores, items, preload_bytes=0, speakers=speakers or {})

    return of


def test_a_sequence_is_one_clip_with_one_label(clips: Callable) -> None:
    data = clips(range(8))
    assert data.task == CLASSES
    assert len(data.clips) == 8
    batch = data.batch(range(8))
    assert batch.labels.shape == (8, 1, 3)
    assert batch.valid.shape == (8, 1)
    assert batch.mask.sum(1).tolist() == [clip.stop for clip in data.clips]
    assert batch.mask.shape[1] == max(clip.stop for clip in data.clips)


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_training_learns_the_classes_and_losses_cost(
    clips: Callable, tmp_path: Path, weights: str
) -> None:
    torch.manual_seed(0)
    learning, heldout, test = clips(range(60)), clips(range(60, 70)), clips(range(70, 90))
    network = build(ModelSettings(), learning.features, NetworkSize(dim=16, ffn=16), CLASSES)
    trained = train(
        network,
        learning,
        heldout,
        Ablation(strategy="clip_zero", modality="both", p=0.2),
        TrainSettings(epochs=12, batch_clips=8, learning_rate=3e-3, class_weights=weights),
        metric="macro_f1",
        seed=0,
        checkpoint=tmp_path / "c.pt",
        device=CPU,
    )
    network.load_state_dict(trained.weights)
    runs = runs_under(grid(EvaluateSettings()), 2)
    scores = pooled(
        evaluate(
            network, test, runs, metrics=metrics_of(test.task), seed=0, device=CPU, batch_clips=7
        ).values()
    )
    assert (scores.n == 18).all()  # two have no valid label
    f1 = scores.values()["macro_f1"][:, 0]
    intact = [value for run, value in zip(runs, f1, strict=True) if run.condition.p == 0]
    assert min(intact) > 0.85
    assert np.allclose(
        intact,
        pooled_scores(test, predict(network, test, CPU, 7), metrics_of(test.task)).values()[
            "macro_f1"
        ],
    )
    assert f1.min() < min(intact)


def test_no_sequence_is_a_batch_of_its_own(clips: Callable) -> None:
    batches = [epoch_batches(clips(range(n)), 4, 0, 1) for n in (8, 9, 10, 1)]
    assert [[len(batch) for batch in epoch] for epoch in batches] == [
        [4, 4],
        [4, 5],
        [4, 4, 2],
        [1],
    ]
    assert sorted(chain(*batches[1])) == list(range(9))
    assert batches[1] == epoch_batches(clips(range(9)), 4, 0, 1)


def test_a_batch_has_several_clips_of_each_of_its_speakers(clips: Callable) -> None:
    data = clips(range(9), {f"item-{i}": "abc"[i % 3] for i in range(9)})
    epochs = [epoch_batches(data, 4, 0, epoch, speakers=2) for epoch in (0, 1)]
    assert [sorted(chain(*batches)) for batches in epochs] == [list(range(9))] * 2
    assert epochs[0] != epochs[1]
    # Three speakers of three clips: in twos, each of two, as long as there are any.
    first, second, *_ = epochs[0]
    assert sorted(Counter(data.speaker(i) for i in first).values()) == [2, 2]
    assert len({data.speaker(i) for i in second}) >= 2
    speakers = data.batch(first).speaker
    assert [speakers[0] == speaker for speaker in speakers] == [
        data.speaker(first[0]) == data.speaker(i) for i in first
    ]


def test_class_weights_balance_the_labels(clips: Callable) -> None:
    data = clips(range(14))
    counts = np.zeros(3)
    for item in data.items:
        counts += data.item_array(item, "labels")[data.item_array(item, "valid")].sum(0)
    weights = class_weights(data, CPU).numpy()
    assert np.ptp(counts) > 0
    assert np.allclose(weights * counts, (weights * counts)[0])
