"""The models of a study: every training and evaluation of every split in one scheduler."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import chdir
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from features.corpora.listing import RESULTS
from models.evaluation.conditions import all_conditions, runs_under
from models.training.stores import read_inputs
from pipeline.engine.console import name_stage
from pipeline.engine.jobs import Job, run_jobs
from pipeline.evaluate import Pooling, evaluation_job
from pipeline.keys import check
from pipeline.params import Params
from pipeline.studies.minutes import Timed, write_minutes
from pipeline.train import plan_of, publish_saved, training_job

FORWARD = 1 / 3
"""What a pass that learns nothing costs, against one that does: it has no way back."""


def run_models(
    title: str,
    runs: Mapping[int | None, tuple[Path, Params]],
    on_end: Callable[[], None] = lambda: None,
) -> None:
    """Train and evaluate every model of every split, side by side, and write their tables.

    Args:
        title: of the study.
        runs: folder and settings of each split, in which the stages before have run.
        on_end: called whenever a model is done.

    Raises:
        StageFailedError: some failed; the others were finished first.
        InputError: the settings do not fit what the stages before wrote.
    """
    jobs: list[Job] = []
    for split, (folder, params) in runs.items():
        with chdir(folder):
            for name in params.models:
                run = ModelRun(folder, params, name, split, on_end)
                jobs += run.trainings()
    name_stage("")
    (_, params), *_ = runs.values()
    run_jobs(title, jobs, params.execution, unit="passes of an item")


class ModelRun:
    """The jobs of one model on one split; all methods work in its folder.

    Args:
        folder: of the split.
        params: its settings.
        name: of the model.
        split: None for the only one.
        on_end: called when it is done.
    """

    def __init__(
        self,
        folder: Path,
        params: Params,
        name: str,
        split: int | None,
        on_end: Callable[[], None],
    ) -> None:
        for stage in ("train", "evaluate"):
            check(params, stage, name)
        self._folder, self._params, self._name = folder, params, name
        self._where = "" if split is None else f"split {split}, "
        self._inputs = read_inputs(name)
        self._seconds: list[Path] = []

        def ended() -> None:
            self._write_minutes()
            on_end()

        self._pooling = Pooling(
            name, params.train.seeds, folder=folder, where=self._where, on_end=ended
        )

    def trainings(self) -> Iterable[Job]:
        """The training of every seed; its evaluation follows.

        A model that comes from a saved one is published, and only evaluated.
        """
        if self._params.model(self._name).saved is not None:
            publish_saved(self._params, self._name, self._inputs)
            yield from (self.evaluation(seed) for seed in self._params.train.seeds)
            return
        for seed in self._params.train.seeds:
            plan = plan_of(self._params, self._name, seed, self._inputs)

            def then(seed: int = seed) -> list[Job]:
                return [self.evaluation(seed)]

            job = training_job(self._params, self._name, plan, self._inputs, then)
            passes = job.size * (len(plan.learning) + FORWARD * len(plan.heldout))
            self._seconds.append(self._folder.absolute() / "data" / "seconds" / job.key)
            yield replace(
                job,
                name=f"{self._where}{job.name}",
                folder=self._folder,
                size=passes,
                compute=Timed(job.compute, self._seconds[-1]),
            )

    def evaluation(self, seed: int) -> Job:
        """The evaluation of one seed."""
        job = evaluation_job(self._params, self._name, seed, self._inputs)
        settings = self._params.evaluate
        runs = len(runs_under(all_conditions(settings), settings.trials))
        return replace(
            job,
            name=f"{self._where}{job.name}, evaluation",
            folder=self._folder,
            size=FORWARD * runs * job.size,
            then=partial(self._pooling.take, seed),
        )

    def _write_minutes(self) -> None:
        if self._seconds:  # a saved model was not trained here
            epochs = len(pd.read_csv(RESULTS / "training" / f"{self._name}.csv"))
            write_minutes(self._name, self._seconds, epochs)
