"""A network of the user's own: a plain torch module in a module of its own."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from features.errors import InputError
from features.tables import only
from models.ablation.strategies import draw, filling
from models.evaluation.conditions import Condition, runs_under
from models.evaluation.shared import Shared
from models.networks.build import build
from models.settings import Ablation, ModelSettings, NetworkSize, TrainSettings
from models.settings.resolved import resolve
from models.training.data import ClipData
from models.training.trainer import train
from tests.helpers import own_modules
from tests.helpers.planted import planted_sequences, planted_stores

CPU = torch.device("cpu")
SETTINGS = TrainSettings(epochs=8, batch_clips=4, learning_rate=2e-2, precision="fp32")


@pytest.fixture(params=["extensions", "installed"])
def code(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"mynet_{request.param}"
    module = own_modules.write(request.param, name, own_modules.NETWORK, tmp_path, monkeypatch)
    return f"{module}:MyNet"


def frames(folder: Path) -> ClipData:
    stores = planted_stores(folder / "s", items=6, frames=80, clip_frames=20)
    return ClipData(*stores, [f"item-{i}" for i in range(6)], preload_bytes=1 << 30)


def sequences(folder: Path) -> ClipData:
    stores = planted_sequences(folder / "q", items=9)
    return ClipData(*stores, [f"item-{i}" for i in range(9)], preload_bytes=1 << 30)


@pytest.mark.parametrize("make", [frames, sequences])
def test_it_is_trained_and_evaluated_like_any_other(code: str, tmp_path: Path, make) -> None:
    data = make(tmp_path)
    model = ModelSettings(network=code, options={"hidden": 6})
    resolved = resolve(model, SETTINGS)
    assert code.partition(":")[0] not in sys.modules  # settings import nothing
    torch.manual_seed(0)
    network = build(model, data.features, resolved.size, data.task, resolved.options)
    result = train(
        network,
        data,
        None,
        Ablation(strategy="frame_zero", modality="both", p=0.2),
        SETTINGS,
        metric="ccc",
        seed=0,
        checkpoint=tmp_path / "c.pt",
        device=CPU,
    )
    assert result.history[-1].train_loss < 0.8 * result.history[0].train_loss
    network.load_state_dict(result.weights)
    conditions = [
        Condition("video", "clip_zero", 0.5),
        Condition("both", "frame_zero", 0.5, fill="hold"),
        Condition("audio", "noise", 1.0),
    ]
    runs = runs_under(conditions, 2)
    batch = data.batch(range(4))
    with torch.inference_mode():
        shared = Shared(network.eval(), batch, 3).predict(runs)
        for index, run in enumerate(runs):
            inputs = batch.inputs()
            for modality in run.condition.modalities:
                key = (3, run.condition.strategy, run.condition.p, run.trial)
                draws = batch.draws(*key, modality=modality)
                frame_map = draw(run.condition.ablation, modality, draws)
                if run.condition.fill != "none":
                    there = batch.masks()[modality] & batch.received()[modality]
                    frame_map = frame_map.imputed(run.condition.fill, there)
                filled = filling(frame_map, modality, batch, key)
                inputs[modality] = frame_map.apply(inputs[modality], filled)
            plainly = network.network(inputs, batch.masks(), batch.received())
            within = network.range(plainly)
            assert np.allclose(shared[index].numpy(), within.numpy(), atol=1e-6)


def built(code: str, **options: object) -> object:
    model = ModelSettings(network=code, options=options)
    from features.task import Task

    return build(model, {"audio": 4, "video": 3}, NetworkSize(), Task())


def test_options_are_checked_when_it_is_made(code: str) -> None:
    with pytest.raises(InputError, match=r"MyNet cannot be made .*width.*; correct its options"):
        built(code, width=3)


def test_a_wrong_shape_is_one_sentence(code: str) -> None:
    network = built(code)
    network.network.forward = lambda *_: torch.zeros(2, 5)
    x = {"audio": torch.zeros(2, 5, 4), "video": torch.zeros(2, 5, 3)}
    masks = dict.fromkeys(x, torch.ones(2, 5, dtype=torch.bool))
    with pytest.raises(InputError, match=r"MyNet returns \(2, 5\) in place of \(2, 5, 2\)"):
        network(x, masks)


def test_a_saved_model_imports_no_module_that_is_not_allowed(code: str) -> None:
    from features.task import Task

    model, module = ModelSettings(network=code), code.partition(":")[0]
    rest = (model, {"audio": 4, "video": 3}, NetworkSize(), Task())
    with pytest.raises(InputError, match=f"allow it by name: {module}"):
        build(*rest, allow=())
    assert module not in sys.modules
    build(*rest, allow=[module])
    assert module in sys.modules


def test_what_it_has_no_use_for_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="is given its sizes as options"):
        ModelSettings(network=code, size={"dim": 8})
    with pytest.raises(ValueError, match="can only have it ignored"):
        ModelSettings(network=code, presence="marked")


def test_a_job_names_it(code: str) -> None:
    with only([("network", "crossmodal")]), pytest.raises(InputError, match="not among its rows"):
        built(code)
