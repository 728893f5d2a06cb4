"""Result files of a run that never was: predictions are labels and noise."""

import numpy as np
import pandas as pd

from features.task import AFFECT
from models.evaluation.conditions import Condition, runs_under
from models.evaluation.registry import REPORTED, metrics_of
from models.evaluation.replicates import mean_over_seeds, replicates_of_runs
from models.evaluation.scores import pooled, score
from models.evaluation.tables import Evaluated, metrics_of_runs
from reports.numbers.significance import significance_tests

RUNS = runs_under(
    [
        *(Condition("audio", "clip_zero", p) for p in (0.0, 1.0)),
        *(Condition("video", "clip_zero", p) for p in (0.0, 0.5, 1.0)),
    ],
    trials=2,
)
EVALUATED = Evaluated(REPORTED, [run.condition for run in RUNS])
ITEMS = tuple(f"clip_{number:02d}" for number in range(24))
NOISE = {"plain": 1.0, "better": 0.3, "alike": 1.0, "worse": 3.0}
LOSS = {"audio": 0.3, "video": 1.5}
"""More noise where all of a modality is lost; `robust` has none from video."""


class Run:
    """Result files of models that see the labels through noise of their own."""

    def __init__(self, folder, task=AFFECT, models=tuple(NOISE), seeds=5, items=ITEMS, frames=20):
        self.folder, self.task, self.models, self.seeds = folder, task, list(models), range(seeds)
        self.predictions = {}  # (runs, frames, outputs) by item, by model and seed
        rng = np.random.default_rng(0)
        self.labels = {item: self._labels(rng, frames) for item in items}
        for kind in ("evaluation", "replicates"):
            (folder / kind).mkdir(exist_ok=True)
        for model in models:
            tables, replicates = [], []
            for seed in self.seeds:
                predicted = {item: self._seen(rng, model, y) for item, y in self.labels.items()}
                self.predictions[model, seed] = predicted
                scores = {
                    i: score(metrics_of(task), x, self.labels[i]) for i, x in predicted.items()
                }
                table = metrics_of_runs(task, RUNS, pooled(scores.values()), EVALUATED)
                tables.append(table.assign(model=model, seed=seed))
                replicates.append(replicates_of_runs(task, RUNS, scores, EVALUATED))
            pd.concat(tables).to_csv(folder / "evaluation" / f"{model}.csv", index=False)
            mean_over_seeds(replicates).to_parquet(folder / "replicates" / f"{model}.parquet")

    def of_run(self, model, seed, run=0, items=None):
        """(labels, outputs) of labels and of predictions; items may be named more than once."""
        items = list(self.labels if items is None else items)
        predicted = self.predictions[model, seed]
        return (
            np.concatenate([self.labels[item] for item in items]),
            np.concatenate([predicted[item][run] for item in items]),
        )

    def edit(self, kind, model, change):
        path = self.folder / kind / f"{model}.csv"
        if kind == "replicates":
            path = path.with_suffix(".parquet")
            change(pd.read_parquet(path)).to_parquet(path)
        else:
            change(pd.read_csv(path, keep_default_na=False)).to_csv(path, index=False)

    def test(self, reference="plain"):
        return self.test_pairs({m: [reference] for m in self.models if m != reference})

    def test_pairs(self, rivals):
        return significance_tests(self.folder, self.models, rivals, self.task)

    def _labels(self, rng, frames):
        outputs = len(self.task.outputs)
        if self.task.kind == "classification":
            return np.eye(outputs)[rng.integers(outputs, size=frames)]
        return rng.standard_normal((frames, outputs)) + rng.standard_normal()

    def _seen(self, rng, model, labels):
        """Labels with noise, and with more noise the more is lost."""
        noise = NOISE.get(model, 1.0) * rng.standard_normal(labels.shape)
        runs = []
        for run in RUNS:
            modality, p = run.condition.modality, run.condition.p
            loss = 0.0 if (model, modality) == ("robust", "video") else LOSS[modality] * p
            runs.append(labels + noise + loss * rng.standard_normal(labels.shape))
        return np.stack(runs)
