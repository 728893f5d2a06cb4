"""Result files of a run that never was: predictions are labels and noise."""

import audmetric
import numpy as np
import pandas as pd

from models.metrics import Moments
from models.settings import Task
from pipeline.significance import significance

AFFECT = Task()
CONDITIONS = (("audio", 0.0), ("audio", 1.0), ("video", 0.0), ("video", 1.0))
ITEMS = tuple(f"clip_{number:02d}" for number in range(24))
NOISE = {"plain": 1.0, "better": 0.3, "alike": 1.0, "worse": 3.0}
LOSS = {"intact": 0.0, "audio": 0.05, "video": 0.2}


class Run:
    """Result files of models that see the labels through noise of their own."""

    def __init__(self, folder, task=AFFECT, models=tuple(NOISE), seeds=5, items=ITEMS, frames=20):
        self.folder, self.task, self.models = folder, task, list(models)
        self.predictions = {}
        rng = np.random.default_rng(0)
        self.labels = {
            item: rng.standard_normal((frames, len(task.targets))) + rng.standard_normal()
            for item in items
        }
        for model in models:
            evaluation, videos = [], []
            for seed in range(seeds):
                predicted = {
                    item: labels + NOISE.get(model, 1.0) * rng.standard_normal(labels.shape)
                    for item, labels in self.labels.items()
                }
                self.predictions[model, seed] = predicted
                videos += self._videos(model, seed, predicted)
                evaluation += self._evaluation(model, seed)
            for kind, rows in (("evaluation", evaluation), ("videos", videos)):
                (folder / kind).mkdir(exist_ok=True)
                pd.DataFrame(rows).to_csv(folder / kind / f"{model}.csv", index=False)

    def pooled(self, model, seed):
        """(frames, targets) of labels and predictions of all items."""
        predicted = self.predictions[model, seed]
        return tuple(
            np.concatenate([of[item] for item in predicted]) for of in (self.labels, predicted)
        )

    def metric(self, model, seed, target):
        labels, predicted = (of[:, target] for of in self.pooled(model, seed))
        return audmetric.concordance_cc(labels, predicted)

    def edit(self, kind, model, change):
        path = self.folder / kind / f"{model}.csv"
        table = pd.read_csv(path, keep_default_na=False)
        change(table).to_csv(path, index=False)

    def test(self, reference="plain"):
        return significance(self.folder, self.models, reference, self.task)

    def _evaluation(self, model, seed):
        for modality, p in CONDITIONS:
            for number, target in enumerate(self.task.targets):
                value = self.metric(model, seed, number) if self.task == AFFECT else 0.1 * seed
                value -= LOSS[modality] * p * (1 + 0.1 * seed)
                yield {
                    "model": model,
                    "seed": seed,
                    "modality": modality,
                    "strategy": "clip_zero",
                    "p": p,
                    "burst": 0.0,
                    "fill": "none",
                    "subset": "all",
                    "trial": 0,
                    "target": target,
                    self.task.metrics[0]: value,
                    "n": 480,
                }

    def _videos(self, model, seed, predicted):
        for item, values in predicted.items():
            for number, target in enumerate(self.task.targets):
                row = {"model": model, "seed": seed, "item": item, "target": target}
                x, y = values[:, number], self.labels[item][:, number]
                if self.task.level == "frame":
                    one = Moments.of(x, y)
                    yield row | {
                        "n": int(one.n),
                        "mean_predicted": one.mean_x,
                        "mean_annotated": one.mean_y,
                        "var_predicted": one.var_x,
                        "var_annotated": one.var_y,
                        "covariance": one.cov,
                    }
                elif self.task.kind == "classification":
                    named = (self.task.outputs[int(abs(10 * z[0])) % 3] for z in (y, x))
                    yield row | dict(zip(("annotated", "predicted"), named, strict=True))
                else:
                    yield row | {"annotated": y[0], "predicted": x[0]}
