"""Stage evaluate@MODEL: run one trained model under every condition, its seeds side by side."""

import argparse
import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path

from features.corpora.listing import (
    COST,
    GROUPS,
    MODELS,
    REPLICATES,
    RESULTS,
    TRUST,
    fresh,
    read_groups,
)
from features.errors import InputError
from features.files import File
from features.hashes import hash_of_file
from features.stores.assembling import link_or_copy
from models import recogniser
from models.evaluation.plan import Speakers, rows_of, values_of
from models.evaluation.registry import metrics_of
from models.settings import EvaluateSettings
from models.settings.evaluation import FROM_TRAINING
from models.training.checks import check_settings
from models.training.stores import Inputs, read_inputs
from pipeline.engine.entries.result import Result
from pipeline.engine.jobs import Call, Job, Needs, run_jobs, stage_errors
from pipeline.engine.keys import key_of
from pipeline.keys import check
from pipeline.params import Params, load_params

EVALUATE_SEED = "models.evaluation.run:evaluate_seed"
POOL_SEEDS = "models.evaluation.pooling:pool_seeds"
"""By name: where every seed is cached, nothing that computes is imported."""
VALIDATION = "validation"
"""The split of the speakers that choose."""
TABLES = ("evaluation", "videos", "traces", TRUST, COST)
"""Tables of a result, and folders of results; each gets a table named after the model."""
HISTORY = ["epoch", "train_loss", "heldout", "heldout_loss", "best"]
"""Columns of the history of a training."""

Table = list[list[str]]
"""The cells of a file, its heading first."""


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.evaluate", description=__doc__)
    parser.add_argument("model", help="a key of models in params.yaml")
    name = parser.parse_args().model
    with stage_errors():
        params = load_params()
        params.model(name)  # refuses a name that is not there
        check(params, "evaluate", name)
        inputs = read_inputs(name)
        check_settings(params, inputs.task, gives_features=inputs.gives_features)
        pooling = Pooling(name, params.train.seeds)
        jobs = [
            replace(evaluation_job(params, name, seed, inputs), then=partial(pooling.take, seed))
            for seed in params.train.seeds
        ]
        run_jobs("evaluate", jobs, params.execution)


def evaluated_speakers(inputs: Inputs, settings: EvaluateSettings) -> Speakers:
    """The labelled items of a split, and those of the validation split, which choose.

    Raises:
        InputError: the split has no labelled item.
    """
    split, listed = settings.split, [item for item in inputs.listed() if item.labelled]
    reported = [item.item for item in listed if item.split == split]
    if not reported:
        raise InputError(f"evaluate.split is {split}, and no labelled item is in it", "change it")
    choosing = [item.item for item in listed if item.split == VALIDATION != split]
    speaker_of = {item.item: item.speaker for item in listed}
    fills = any(condition.fill in FROM_TRAINING for condition in settings.conditions)
    training = [item.item for item in listed if item.split == "train"] if fills else []
    return Speakers(reported, choosing, speaker_of, training, read_groups(reported))


def evaluation_job(params: Params, name: str, seed: int, inputs: Inputs) -> Job:
    """The evaluation of one seed.

    Raises:
        InputError: it is not trained, or there is nothing to evaluate it on.
    """
    folder, settings = MODELS / name / f"seed-{seed}", params.evaluate
    card = recogniser.read_card(folder)
    device = params.execution.torch_device
    speakers, metrics = evaluated_speakers(inputs, settings), metrics_of(card.task)
    key = key_of(
        EVALUATE_SEED,
        hash_of_file(folder / recogniser.WEIGHTS),
        values_of(card, settings, metrics),
        inputs.for_evaluation(speakers.reported),
        inputs.for_evaluation(speakers.choosing),
        inputs.for_evaluation(speakers.training),
        speakers.values(),
        rows=rows_of(card, settings, metrics),
    )
    compute = Call.of(
        EVALUATE_SEED,
        card=card,
        folder=folder,
        speakers=speakers,
        settings=settings,
        metrics=metrics,
        device=device,
        preload_bytes=params.execution.preload_bytes,
    )
    return Job(
        f"{name}, seed {seed}",
        key,
        compute,
        size=len(speakers.reported) + len(speakers.choosing),
        needs=Needs(settings.threads, gpu=device == "cuda"),
        stage="evaluate",
        steps=len(speakers.reported) + len(speakers.choosing),
    )


class Pooling:
    """The evaluations of a model's seeds as they are finished, and what they come to.

    Args:
        name: of the model.
        seeds: of the model.
        folder: where its jobs run.
        where: what the names of its jobs begin with.
        on_end: called when all is published.
    """

    def __init__(
        self,
        name: str,
        seeds: list[int],
        *,
        folder: Path | None = None,
        where: str = "",
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._name, self._seeds = name, seeds
        self._folder, self._where, self._on_end = folder, where, on_end
        self._evaluations: dict[int, Result] = {}

    def take(self, seed: int, evaluation: Result) -> list[Job]:
        """Take in the evaluation of a seed; after the last one comes the job that pools all."""
        self._evaluations[seed] = evaluation
        if len(self._evaluations) < len(self._seeds):
            return []
        results = [self._evaluations[seed] for seed in self._seeds]

        def publish(whole: Result) -> list[Job]:
            publish_evaluation(self._name, self._seeds, results, whole)
            self._on_end()
            return []

        keys = [result.row.key for result in results]
        return [
            Job(
                f"{self._where}{self._name}, all seeds",
                key_of(POOL_SEEDS, self._seeds, keys),
                Call.of(POOL_SEEDS, seeds=self._seeds, results=results),
                stage="evaluate",
                folder=self._folder,
                then=publish,
            )
        ]


def publish_evaluation(
    name: str, seeds: list[int], evaluations: Sequence[Result], whole: Result
) -> None:
    """Write the tables of all seeds as one, with the model's name.

    Args:
        name: of the model.
        seeds: of the model.
        evaluations: of each.
        whole: what they come to.
    """
    for table in TABLES:
        # Traces are of the first seed: one line a video is what a person can read.
        chosen = evaluations[:1] if table == "traces" else evaluations
        _write(name, table, [_read(evaluation / f"{table}.csv") for evaluation in chosen])
    _write(name, "training", [_history(name, seed) for seed in seeds])
    link_or_copy(whole / f"{TRUST}.json", fresh(RESULTS / TRUST / f"{name}.json"))
    for table in (REPLICATES, GROUPS):
        link_or_copy(whole / f"{table}.parquet", fresh(RESULTS / table / f"{name}.parquet"))


def _history(name: str, seed: int) -> Table:
    """A row per epoch; none of a model that was not trained here."""
    path = MODELS / name / f"seed-{seed}" / recogniser.HISTORY
    head, *rows = _read(path) if path.exists() else [HISTORY]
    return [["seed", *head], *([str(seed), *row] for row in rows)]


def _read(file: File) -> Table:
    return list(csv.reader(StringIO(file.read_text(), newline="")))


def _write(name: str, table: str, parts: list[Table]) -> None:
    head, *_ = parts[0]
    with fresh(RESULTS / table / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["model", *head])
        writer.writerows([name, *row] for _, *rows in parts for row in rows)


if __name__ == "__main__":
    main()
