"""A network of pictures is trained from the crops of the faces store, read as they are needed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from features.corpora.labels import class_label
from features.extractors.settings import CropsSettings
from features.stores.assembling import assemble
from features.stores.streams import FACES, open_stream
from features.stores.writing import new_item
from features.task import Task
from features.windows.sources import Sources
from models.networks.build import build
from models.settings import Ablation, ModelSettings, NetworkSize, TrainSettings
from models.training.data import ClipData
from models.training.trainer import Trained, train
from tests.helpers.corpus_items import corpus_item
from tests.helpers.streams import stores_in, windows_in

SIDE, FRAMES, PICTURES = 16, 9, 2
NAMES = ["left-a", "right-a", "left-b", "right-b"]
TASK = Task(kind="classification", level="sequence", outputs=["left", "right"])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Faces that are bright on the side that their labels name."""
    rng = np.random.default_rng(0)
    for name in NAMES:
        pictures = rng.integers(0, 60, (FRAMES, SIDE, SIDE, 3), np.uint8)
        pictures[:, :, : SIDE // 2] += 190 * name.startswith("left")
        pictures[:, :, SIDE // 2 :] += 190 * name.startswith("right")
        with new_item(tmp_path / name, {}) as writer:
            writer.rows("crops", pictures.shape, pictures.dtype).append(pictures)
            writer.write("present", np.ones(FRAMES, bool))
            writer.write("times", np.arange(FRAMES) / 30)
    assemble(
        tmp_path / "faces.zarr",
        {name: tmp_path / name for name in NAMES},
        {},
        {name: f"key of {name}" for name in NAMES},
    )
    (tmp_path / "streams").mkdir()
    settings = CropsSettings(align="none", pictures=PICTURES)
    path = tmp_path / "streams/crops.zarr"
    assemble(path, {}, {"settings": settings.of_rows(), FACES: "../faces.zarr"}, {})
    store = open_stream(path)
    sources = Sources({"crops": settings}, {"crops": store}, store.times, False, 1.0)
    labels = {
        name: class_label({name.partition("-")[0]: 1.0}, tuple(TASK.outputs)) for name in NAMES
    }
    items = [corpus_item(name) for name in NAMES]
    windows_in(tmp_path / "streams", sources, items, labels, TASK)
    return tmp_path


def trained(project: Path, preload_bytes: int) -> tuple[ClipData, Trained]:
    data = ClipData(*stores_in(project / "streams", "crops"), NAMES, preload_bytes=preload_bytes)
    torch.manual_seed(0)
    model = ModelSettings(network="picture_fusion", sees=["crops"])
    size = NetworkSize(dim=4, heads=1, ffn=8, layers=1, dropout=0.0)
    settings = TrainSettings(
        epochs=2, batch_clips=4, optimizer="sgd", learning_rate=0.01, heldout="none"
    )
    found = train(
        build(model, data.features, size, data.task),
        data,
        None,
        Ablation(),
        settings,
        metric="accuracy",
        seed=0,
        checkpoint=project / f"{preload_bytes}.pt",
        device=torch.device("cpu"),
    )
    return data, found


def test_what_is_learnt_does_not_depend_on_where_pictures_lie(project: Path) -> None:
    by_rows, found = trained(project, preload_bytes=0)
    in_memory, expected = trained(project, preload_bytes=1 << 20)
    assert by_rows.preloaded == 0
    assert in_memory.preloaded == len(NAMES) * FRAMES * SIDE * SIDE * 3
    stream = by_rows.batch([0, 1]).streams["video"]
    assert stream.rows.dtype == torch.uint8
    assert stream.mask.shape == (2, PICTURES)
    assert expected.weights
    assert all(torch.equal(found.weights[n], tensor) for n, tensor in expected.weights.items())
    assert found.history[1].train_loss != found.history[0].train_loss
