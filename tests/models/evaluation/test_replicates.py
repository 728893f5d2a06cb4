"""The bootstrap under every condition against drawing the frames themselves."""

from itertools import groupby

import audmetric
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from features.task import Task
from models.evaluation import statistics
from models.evaluation.conditions import Condition, runs_under
from models.evaluation.evaluator import evaluate
from models.evaluation.registry import metrics_of
from models.evaluation.replicates import RESAMPLES, mean_over_seeds, replicates_of_runs
from models.evaluation.scores import pooled, score
from models.training.data import ClipData
from tests.helpers.drawn_results import EVALUATED, ITEMS, RUNS, Run
from tests.helpers.network_cases import FORMS
from tests.helpers.planted import planted_stores

CHOSEN = [0, 1, 2, 500, 1999]
TASKS = {
    "frames": Task(),
    "numbers": Task(level="sequence", outputs=["valence", "arousal"]),
    "classes": Task(kind="classification", level="sequence", outputs=["angry", "happy", "sad"]),
    "sentiment": Task(kind="sentiment", level="sequence", outputs=["sentiment"]),
}


def metric(task, labels, predicted, column):
    if task.kind == "classification":
        classes = list(range(len(task.outputs)))
        truth, guess = labels.argmax(1), predicted.argmax(1)
        return audmetric.unweighted_average_fscore(truth, guess, labels=classes)
    x, y = predicted[:, column], labels[:, column]
    return stats.pearsonr(x, y)[0] if task.kind == "sentiment" else audmetric.concordance_cc(y, x)


@pytest.mark.parametrize("name", TASKS)
def test_they_are_what_drawing_videos_gives(tmp_path, name):
    task = TASKS[name]
    frames, items = (20, ITEMS) if name == "frames" else (1, [f"s{i}" for i in range(60)])
    run = Run(tmp_path, task, ["plain"], seeds=2, items=items, frames=frames)
    table = pd.read_parquet(tmp_path / "replicates" / "plain.parquet")
    drawn = statistics.resamples(len(items), RESAMPLES, seed=0).astype(int)
    samples = [items, *(np.repeat(items, drawn[replicate]) for replicate in CHOSEN)]
    rows = iter(table["replicates"])
    for _, own in groupby(range(len(RUNS)), key=lambda i: RUNS[i].condition):
        trials = list(own)
        for column in range(len(task.targets)):
            expected = [
                np.mean(
                    [
                        metric(task, *run.of_run("plain", seed, trial, sample), column)
                        for seed in run.seeds
                        for trial in trials
                    ]
                )
                for sample in samples
            ]
            values = next(rows)
            assert values.shape == (1 + RESAMPLES,)
            found = values[[0, *(1 + replicate for replicate in CHOSEN)]]
            np.testing.assert_allclose(found, expected, atol=1e-6)
    assert next(rows, None) is None


def test_conditions_and_targets_are_named(tmp_path):
    Run(tmp_path, models=["plain"], seeds=1)
    table = pd.read_parquet(tmp_path / "replicates" / "plain.parquet")
    conditions = list(dict.fromkeys(run.condition for run in RUNS))
    expected = [(c.modality, c.p, t) for c in conditions for t in ("valence", "arousal")]
    assert [*zip(table["modality"], table["p"], table["target"], strict=True)] == expected
    assert set(table["items"]) == {24}
    assert table["sample"].nunique() == 1


def scores_of(labels):
    rng = np.random.default_rng(0)
    noise = {item: rng.normal(size=(len(RUNS), len(y), 2)) for item, y in labels.items()}
    return {item: score(metrics_of(Task()), y + noise[item], y) for item, y in labels.items()}


def test_items_without_labels_are_not_drawn():
    rng = np.random.default_rng(1)
    labels = {f"v{i}": rng.normal(size=(5 * (i != 1), 2)) for i in range(4)}
    scores = scores_of(labels)
    table = replicates_of_runs(Task(), RUNS, scores, EVALUATED)
    assert set(table["items"]) == {3}
    scores.pop("v1")
    pd.testing.assert_frame_equal(table, replicates_of_runs(Task(), RUNS, scores, EVALUATED))
    nothing = scores_of({"v0": np.zeros((0, 2))})
    values = np.stack(replicates_of_runs(Task(), RUNS, nothing, EVALUATED)["replicates"])
    assert np.isnan(values).all()


def test_what_was_drawn_has_a_name():
    rng = np.random.default_rng(1)
    labels = {f"v{i}": rng.normal(size=(5, 2)) for i in range(4)}
    turned = dict(reversed(labels.items()))
    same, other = (
        replicates_of_runs(Task(), RUNS, scores_of(y), EVALUATED) for y in (labels, turned)
    )
    assert set(same["sample"]) != set(other["sample"])


def test_an_undefined_seed_leaves_the_mean_undefined():
    labels = {f"v{i}": np.random.default_rng(i).normal(size=(5, 2)) for i in range(4)}
    table = replicates_of_runs(Task(), RUNS, scores_of(labels), EVALUATED)
    gone = table.assign(replicates=[np.full_like(v, np.nan) for v in table["replicates"]])
    assert np.isnan(np.stack(mean_over_seeds([table, gone])["replicates"])).all()
    pd.testing.assert_frame_equal(mean_over_seeds([table, table]), table)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("s")
    return planted_stores(folder, items=3, frames=50, clip_frames=20, missing=0.2)


@pytest.mark.parametrize("batch_clips", [2, 5, 32])
def test_an_items_scores_are_of_it_alone(stores, batch_clips):
    """However its clips fall into batches with those of other items."""
    items = ["item-0", "item-1", "item-2"]
    data = ClipData(*stores, items, preload_bytes=0)
    sizes = data.features
    model = FORMS[0].__class__(**{**vars(FORMS[0]), "features": (sizes["audio"], sizes["video"])})
    network = model.build("frames").eval()
    runs = runs_under([Condition("video", "frame_zero", p) for p in (0.0, 0.7)], 3)
    given = {
        "metrics": metrics_of(data.task),
        "seed": 3,
        "device": torch.device("cpu"),
        "batch_clips": batch_clips,
    }
    found = evaluate(network, data, runs, **given)
    assert list(found) == items
    for item in items:
        alone = evaluate(network, ClipData(*stores, [item], preload_bytes=0), runs, **given)[item]
        assert np.array_equal(found[item].n, alone.n)
        for name, values in alone.values().items():
            np.testing.assert_allclose(found[item].values()[name], values, atol=1e-5)
    whole = pooled(found.values()).values()["ccc"]
    first = np.stack(replicates_of_runs(data.task, runs, found, EVALUATED)["replicates"])[:, 0]
    expected = np.stack([whole[0], whole[1:].mean(0)]).flatten()
    np.testing.assert_allclose(first, expected, atol=1e-6)
