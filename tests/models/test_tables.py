"""What a row adds: with its function or module, nothing else is edited."""

from pathlib import Path

import numpy as np
import pytest

from features.task import Task
from models.ablation.registry import STRATEGIES, Strategy
from models.ablation.strategies import draw
from models.evaluation.conditions import Condition, Run, grid
from models.evaluation.registry import METRICS, MOMENTS, Metric, metrics_of
from models.evaluation.scores import score
from models.evaluation.tables import Evaluated, metrics_of_runs
from models.networks.build import build
from models.networks.registry import NETWORKS, Network
from models.settings import Ablation, ConditionGrid, EvaluateSettings, ModelSettings, NetworkSize
from models.training.checks import takes_whole_modality
from tests.helpers import own_modules
from tests.helpers.losses import draws_of

BIAS = "def bias(moments):\n    return moments.mean_x - moments.mean_y\n"
LOSE = "def evens(ablation, modality, draws):\n    return draws.index % 2 == 0\n"
NETWORK = "from models.networks.mult import MulT\n\nclass Mine(MulT):\n    pass\n"


def test_a_metric_is_a_row_and_a_function_of_a_statistic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = own_modules.write("extensions", "bias", BIAS, tmp_path, monkeypatch)
    row = Metric(
        code=f"{module}:bias",
        title="Bias",
        meaning="mean error",
        statistic=MOMENTS,
        kinds=("regression",),
    )
    monkeypatch.setitem(METRICS._rows, "bias", row)
    metrics = metrics_of(Task())
    assert metrics == ("ccc", "pearson", "rmse", "bias")
    labels = np.random.default_rng(0).normal(size=(9, 2))
    scores = score(metrics, labels[None] + 0.5, labels)
    run = Run(Condition("video", "clip_zero", 1.0), 0)
    table = metrics_of_runs(Task(), [run], scores, Evaluated("reported", [run.condition]))
    assert table["bias"].tolist() == pytest.approx([0.5, 0.5])


def test_a_strategy_is_a_row_and_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = own_modules.write("extensions", "evens", LOSE, tmp_path, monkeypatch)
    row = Strategy(code=f"{module}:evens", title="Evens", leaves="gaps")
    monkeypatch.setitem(STRATEGIES._rows, "evens", row)
    ablation = Ablation(strategy="evens", modality="video")
    draws = draws_of(3, 6)
    assert draw(ablation, "audio", draws) is None
    frame_map = draw(ablation, "video", draws)
    assert frame_map is not None
    assert frame_map.empty.sum() == 9
    assert not takes_whole_modality(ablation)
    conditions = [ConditionGrid(strategy="evens", p=[0.5], fill="hold")]
    assert len(grid(EvaluateSettings(conditions=conditions))) == 2


def test_a_network_is_a_row_and_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = own_modules.write("extensions", "mine", NETWORK, tmp_path, monkeypatch)
    row = Network(
        code=f"{module}:Mine",
        options="models.settings.network:MulTOptions",
        presence=("ignored", "marked"),
    )
    monkeypatch.setitem(NETWORKS._rows, "mine", row)
    model = ModelSettings(network="mine", presence="marked")
    network = build(model, {"audio": 4, "video": 3}, NetworkSize(dim=8, ffn=8), Task())
    assert type(network).__name__ == "Mine"
    with pytest.raises(ValueError, match=r"there is no network 'yours': choose .*, mine, or"):
        ModelSettings(network="yours")
