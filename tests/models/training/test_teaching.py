"""Teachers speak for a modality where the other is gone, and nowhere else."""

from pathlib import Path

import pytest
import torch

from models.ablation.frame_map import FrameMap, Lost
from models.networks.build import build
from models.networks.recogniser import Recogniser
from models.settings import Ablation, Modality, ModelSettings, NetworkSize, TrainSettings
from models.training.batch import Batch
from models.training.data import ClipData
from models.training.losses import ccc_loss, cross_entropy_loss
from models.training.teaching import Teachers
from models.training.trainer import train
from tests.helpers.network_cases import masks_of
from tests.helpers.planted import planted_sequences, planted_stores

CPU = torch.device("cpu")
SIZE = NetworkSize(dim=16, heads=4, ffn=16, dropout=0.1)


def network_of(data: ClipData, seed: int, *modalities: Modality) -> Recogniser:
    torch.manual_seed(seed)
    name = "unimodal" if len(modalities) == 1 else "crossmodal"
    settings = ModelSettings(network=name, sees=list(modalities))
    features = {m: data.features[m] for m in modalities}
    return build(settings, features, SIZE, data.task)


def teachers_of(data: ClipData, weight: float = 0.5) -> Teachers:
    one, other = network_of(data, 1, "audio"), network_of(data, 2, "video")
    return Teachers({"audio": one, "video": other}, weight)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    return planted_stores(tmp_path_factory.mktemp("s"), items=8, frames=90, clip_frames=30)


@pytest.fixture(scope="module")
def data(stores: tuple) -> ClipData:
    return ClipData(*stores, [f"item-{i}" for i in range(8)], preload_bytes=1 << 30)


def lose(batch: Batch, gone: dict[Modality, list[int]]) -> dict[Modality, Lost]:
    """Some clips of a modality are lost, and every third picture of clip 0."""
    empty = {m: torch.zeros_like(batch.mask) for m in batch.received()}
    for modality, clips in gone.items():
        empty[modality][clips] = True
    empty["video"][0, ::3] = True
    return {m: Lost(FrameMap(batch.draws().index, own)) for m, own in empty.items()}


def test_a_clip_counts_for_the_teacher_of_what_is_left_of_it(data: ClipData) -> None:
    batch, teachers = data.batch([0, 1, 2, 3, 4]), teachers_of(data)
    lost = lose(batch, {"video": [1, 3], "audio": [2, 3]})  # of clip 3 nothing is left
    inputs, fused = batch.inputs(), torch.randn(5, 30, 2, requires_grad=True)
    loss = teachers.loss(data.task, fused, inputs, batch, lost)
    expected = torch.zeros(())
    for modality, clip in (("audio", 1), ("video", 2)):
        own = slice(clip, clip + 1)
        given = {modality: inputs[modality][own]}
        said = teachers.networks[modality](given, masks_of(batch.mask[own])).fused
        expected = expected + 0.5 * ccc_loss(fused[own], said, batch.mask[own])
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    loss.backward()
    assert fused.grad is not None
    assert [bool(g.any()) for g in fused.grad] == [False, True, True, False, False]
    networks = teachers.networks.values()
    assert all(p.grad is None for network in networks for p in network.parameters())


def test_nothing_is_learnt_from_teachers_where_nothing_is_gone(data: ClipData) -> None:
    batch = data.batch([0, 1])
    fused = torch.randn(2, 30, 2)
    loss = teachers_of(data).loss(data.task, fused, batch.inputs(), batch, lose(batch, {}))
    assert loss == 0


def test_classes_are_learnt_as_soft_labels_whatever_the_padding(tmp_path: Path) -> None:
    data = ClipData(
        *planted_sequences(tmp_path, items=6), [f"item-{i}" for i in range(6)], preload_bytes=0
    )
    batch, teachers = data.batch(range(6)), teachers_of(data, 2.0)
    lost = lose(batch, {"video": list(range(6))})
    fused = torch.randn(6, 1, 3)
    loss = teachers.loss(data.task, fused, batch.inputs(), batch, lost)
    said = []
    for clip in range(6):
        alone = data.batch([clip])
        said.append(
            teachers.networks["audio"](
                {"audio": alone.inputs()["audio"]}, masks_of(alone.mask)
            ).fused
        )
    shares = torch.cat(said).softmax(-1)
    expected = 2 * cross_entropy_loss(fused, shares, torch.ones(6, 1, dtype=torch.bool))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_network_comes_nearer_to_its_teachers_by_their_loss(
    data: ClipData, tmp_path: Path
) -> None:
    """The teachers here are untrained, so that the labels do not lead to what they say."""
    teachers = teachers_of(data, 3.0)
    batch = data.batch(range(len(data.clips)))
    inputs = batch.inputs()
    inputs["video"] = torch.zeros_like(inputs["video"])
    present = {**batch.received(), "video": torch.zeros_like(batch.mask)}
    said = teachers.networks["audio"]({"audio": inputs["audio"]}, masks_of(batch.mask)).fused
    settings = TrainSettings(epochs=6, batch_clips=8, learning_rate=5e-3, precision="fp32")
    distances = {}
    for name, own in (("labels", None), ("teachers", teachers)):
        network = network_of(data, 0, "audio", "video")
        train(
            network,
            data,
            None,
            Ablation(strategy="clip_zero", modality="either", p=0.8),
            settings,
            metric="ccc",
            seed=0,
            checkpoint=tmp_path / f"{name}.pt",
            device=CPU,
            teachers=own,
        )
        outputs = network.eval()(inputs, masks_of(batch.mask), present).fused
        distances[name] = ccc_loss(outputs, said, batch.mask).item()
    assert distances["teachers"] < 0.5 * distances["labels"]


def test_teachers_stay_as_they_are(data: ClipData) -> None:
    for network in teachers_of(data).networks.values():
        assert not network.training
        assert not any(p.requires_grad for p in network.parameters())
