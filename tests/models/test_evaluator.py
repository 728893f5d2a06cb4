from functools import reduce

import numpy as np
import pytest
import torch
from planted import DESCRIPTORS, FC6, STEPS, planted_stores

from models.ablation import draw
from models.conditions import grid
from models.data import ClipData
from models.evaluator import evaluate, item_scores, pooled_scores, predict, runs_of
from models.networks import build
from models.scores import score
from models.settings import EvaluateSettings, ModelSettings, NetworkSize, Task

CPU = torch.device("cpu")
SEED = 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    stores = planted_stores(tmp_path_factory.mktemp("s"), items=3, frames=130, clip_frames=50)
    return ClipData(*stores, ["item-0", "item-1", "item-2"], preload_bytes=1 << 30)


def network(model: ModelSettings) -> torch.nn.Module:
    torch.manual_seed(0)
    features = {"audio": STEPS * DESCRIPTORS, "video": FC6}
    return build(model, features, NetworkSize(dim=16, heads=4, ffn=16), Task()).eval()


def plainly(model: torch.nn.Module, data: ClipData, runs: list) -> list:
    """The same by ablating the inputs of one run after the other."""
    batch = data.batch(range(len(data.clips)))
    moments = []
    for run in runs:
        condition, inputs = run.condition, batch.inputs()
        frame_map = draw(
            condition.ablation,
            condition.modality,
            key=(SEED, condition.strategy, condition.p, run.trial),
            item=batch.item,
            first=batch.first,
            mask=batch.mask,
        )
        inputs[condition.modality] = frame_map.apply(inputs[condition.modality])
        with torch.inference_mode():
            out = model(inputs, batch.mask)
        moments.append(score(Task(), out[batch.valid].numpy(), batch.labels[batch.valid].numpy()))
    return moments


def test_the_papers_grid_has_30_conditions_and_246_runs() -> None:
    conditions = grid(EvaluateSettings())
    assert len(set(conditions)) == 30
    # 18 random conditions of 10 trials, 12 of one: p = 0 and p = 1 leave nothing to chance.
    assert len(runs_of(conditions, 10)) == 18 * 10 + 12


@pytest.mark.parametrize("batch_clips", [2, 9])
@pytest.mark.parametrize(
    "model",
    [
        ModelSettings(),
        ModelSettings(network="unimodal", modalities=["video"]),
        ModelSettings(network="unimodal", modalities=["audio"]),
    ],
    ids=["crossmodal", "video_only", "audio_only"],
)
def test_shared_work_equals_the_plain_way(
    data: ClipData, model: ModelSettings, batch_clips: int
) -> None:
    net = network(model)
    runs = runs_of(grid(EvaluateSettings()), 2)
    shared = evaluate(net, data, runs, seed=SEED, device=CPU, batch_clips=batch_clips)
    plain = plainly(net, data, runs)
    for name, values in shared.values().items():
        assert values.shape == (len(runs), 2)
        expected = np.stack([own.values()[name] for own in plain])
        assert np.abs(values - expected).max() < 1e-6


def test_trials_and_conditions_differ_where_they_are_random(data: ClipData) -> None:
    runs = runs_of(grid(EvaluateSettings()), 3)
    scores = evaluate(network(ModelSettings()), data, runs, seed=0, device=CPU, batch_clips=9)
    ccc = scores.values()["ccc"]
    for condition in {run.condition for run in runs}:
        own = [c[0] for run, c in zip(runs, ccc, strict=True) if run.condition == condition]
        assert len(set(own)) == (3 if condition.is_random else 1), condition


def test_intact_predictions_give_the_ccc_of_p_0(data: ClipData) -> None:
    net = network(ModelSettings())
    predictions = predict(net, data, CPU, batch_clips=2)
    assert {k: len(v) for k, v in predictions.items()} == dict.fromkeys(data.items, 130)
    runs = [r for r in runs_of(grid(EvaluateSettings()), 1) if r.condition.p == 0]
    intact = evaluate(net, data, runs, seed=0, device=CPU, batch_clips=4).values()["ccc"]
    assert np.allclose(intact, pooled_scores(data, predictions).values()["ccc"], atol=1e-9)
    own = [item_scores(data, item, predictions[item]) for item in data.items]
    assert reduce(lambda a, b: a.pooled_with(b), own).n.tolist() == [3 * 127, 3 * 127]
