"""The tables that evaluation writes, of scores that never were."""

from pathlib import Path

import numpy as np

from features.task import Task
from models.evaluation.conditions import Condition, Run
from models.evaluation.registry import metrics_of
from models.evaluation.scores import Scores, score
from models.evaluation.tables import (
    Evaluated,
    metrics_of_items,
    metrics_of_runs,
    metrics_of_subsets,
)
from models.training.data import ClipData
from tests.helpers.planted import planted_stores

CONDITION = ["modality", "strategy", "p", "burst", "fill"]
WAYS = ["unit", "drawn", "rates", "causal"]
COLUMNS = ["speakers", "asked", *CONDITION, *WAYS, "subset", "trial", "target"]
COLUMNS += ["ccc", "pearson", "rmse", "n"]


def scores(n: int = 40, runs: tuple[int, ...] = ()) -> Scores:
    rng = np.random.default_rng(n)
    labels = rng.normal(size=(n, 2))
    return score(metrics_of(Task()), labels + rng.normal(size=(*runs, n, 2)), labels)


def test_a_row_for_every_run_and_target() -> None:
    runs = [
        Run(Condition("video", "burst", 0.5, 15.0, "hold"), 3),
        Run(Condition("both", "clip_zero", 1.0), 0),
    ]
    own = scores(runs=(2,))
    table = metrics_of_runs(Task(), runs, own, Evaluated("choosing", [runs[1].condition]))
    assert list(table) == COLUMNS
    assert set(table["speakers"]) == {"choosing"}
    assert table["asked"].tolist() == [0, 0, 1, 1]
    assert table[[*CONDITION, "subset", "trial", "target"]].to_numpy().tolist() == [
        ["video", "burst", 0.5, 15.0, "hold", "all", 3, "valence"],
        ["video", "burst", 0.5, 15.0, "hold", "all", 3, "arousal"],
        ["both", "clip_zero", 1.0, 0.0, "none", "all", 0, "valence"],
        ["both", "clip_zero", 1.0, 0.0, "none", "all", 0, "arousal"],
    ]
    assert np.array_equal(table["ccc"], own.values()["ccc"].flatten())


def test_a_subset_without_labels_has_rows_without_numbers() -> None:
    table = metrics_of_subsets(Task(), {"no_face": scores(0), "face_and_sound": scores(9)})
    assert list(table) == COLUMNS
    assert table["subset"].tolist() == ["no_face"] * 2 + ["face_and_sound"] * 2
    intact = table[[*CONDITION, "trial"]].drop_duplicates()
    assert intact.to_numpy().tolist() == [["both", "none", 0.0, 0.0, "none", 0]]
    assert table[["asked", *WAYS]].drop_duplicates().to_numpy().tolist() == [
        [1, "signal", "anew", "equal", 0]
    ]
    assert table["n"].tolist() == [0, 0, 9, 9]
    metrics = table[["ccc", "pearson", "rmse"]]
    assert metrics.iloc[:2].isna().all(axis=None)
    assert metrics.iloc[2:].notna().all(axis=None)


def test_every_item_has_its_metrics(tmp_path: Path) -> None:
    items = ["item-0", "item-1", "item-2"]
    data = ClipData(
        *planted_stores(tmp_path, items=3, frames=40, clip_frames=20), items, preload_bytes=0
    )
    rng = np.random.default_rng(0)
    predictions = {item: rng.normal(size=(40, 2)).astype(np.float32) for item in items}
    table = metrics_of_items(data, predictions, metrics_of(data.task))
    assert list(table) == ["item", "target", "ccc", "pearson", "rmse", "n"]
    for item, rows in table.groupby("item"):
        valid = data.item_array(item, "valid")
        own = score(
            metrics_of(data.task), predictions[item][valid], data.item_array(item, "labels")[valid]
        )
        for name, value in own.values().items():
            np.testing.assert_array_equal(rows[name], value)
        assert set(rows["n"]) == {valid.sum()}
