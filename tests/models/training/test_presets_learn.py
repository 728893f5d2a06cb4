"""The presets of methods with phases of their own take steps in each phase."""

from pathlib import Path

import pytest
import torch

from models.networks.build import build
from models.settings import ModelSettings, TrainSettings
from models.settings.presets import PRESETS
from models.settings.resolved import resolve
from models.training.data import ClipData
from models.training.trainer import Trained, train
from tests.helpers.planted import planted_stores

PHASED = {
    "wang2023": 2,
    "goncalves2023": 1,
    "zhao2021": 2,
    "zuo2023": 2,
    "zhong2025": 1,
    "sun2024": 2,
}
"""Presets whose models state phases, and how many."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    stores = planted_stores(tmp_path_factory.mktemp("s"), items=4, frames=12, clip_frames=12)
    return ClipData(*stores, [f"item-{i}" for i in range(4)], preload_bytes=1 << 30)


def learnt(preset: str, data: ClipData, path: Path) -> Trained:
    size = {"dim": 8, "heads": 2, "ffn": 16, "layers": 1}  # at theirs a step takes seconds
    options = {"steps": 2, "blocks": 1} if preset == "wang2023" else {}
    model = ModelSettings(preset=preset, size=size, options=options)
    resolved = resolve(model, TrainSettings(heldout="none"))
    changes = {"epochs": 1, "batch_clips": 2, "decay": "none", "precision": "fp32"}
    torch.manual_seed(0)
    return train(
        build(model, data.features, resolved.size, data.task, resolved.options),
        data,
        None,
        model.ablation,
        resolved.train.model_copy(update=changes),
        metric="ccc",
        seed=0,
        checkpoint=path,
        device=torch.device("cpu"),
    )


def test_presets_with_phases_are_tested() -> None:
    assert set(PHASED) <= set(PRESETS)


@pytest.mark.parametrize("preset", PHASED)
def test_a_preset_takes_steps_in_each_phase(preset: str, data: ClipData, tmp_path: Path) -> None:
    found = learnt(preset, data, tmp_path / "a.pt")
    assert len(found.history) == PHASED[preset]
    assert all(torch.tensor(epoch.train_loss).isfinite() for epoch in found.history)
    again = learnt(preset, data, tmp_path / "b.pt").weights
    assert all(torch.equal(weights, again[name]) for name, weights in found.weights.items())
