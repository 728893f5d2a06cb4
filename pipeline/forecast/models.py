"""What a model takes, measured on a small corpus in the present folder."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from features.corpora.listing import MODELS
from models.evaluation.conditions import all_conditions, runs_under
from models.progress import Advance
from models.training.stores import Inputs, read_inputs
from pipeline.evaluate import evaluated_speakers, evaluation_job
from pipeline.forecast.scaling import ModelRate
from pipeline.params import Params
from pipeline.train import plan_of, publish_seed, training_job

EPOCHS = 3
"""That are trained; the last one is measured, since the first ones pay for what is begun once."""


def model_rate(params: Params, name: str) -> ModelRate:
    """Train and evaluate a model on the small corpus."""
    # No state is left in the user's cache, to go on from.
    apart = params.execution.model_copy(update={"cache": "cache"})
    params = params.model_copy(update={"execution": apart})
    inputs, seed = read_inputs(name), params.train.seeds[0]
    plan = plan_of(params, name, seed, inputs)
    changes = {"epochs": EPOCHS, "patience": EPOCHS, "refit": 0, "choose_by": "loss"}
    train = plan.resolved.train.model_copy(update=changes)
    plan = replace(plan, resolved=replace(plan.resolved, train=train))
    job, out = training_job(params, name, plan, inputs), Path("trained") / name
    out.mkdir(parents=True)
    epochs = _Epochs(clock_of(params.execution.torch_device))
    job.compute(out, progress=epochs)
    publish_seed(out, params, name, seed, inputs)
    run, run_clip = _of_evaluation(params, name, inputs)
    processes = params.execution.processes
    gpus = max(1, params.execution.gpus * params.execution.gpu_jobs)
    return ModelRate(
        epoch=epochs.last / len(plan.learning) / job.needs.threads,
        run=run,
        run_clip=run_clip,
        size=size_of(MODELS / name),
        jobs=gpus if job.needs.gpu else max(1, processes // job.needs.threads),
    )


def _of_evaluation(params: Params, name: str, inputs: Inputs) -> tuple[float, float]:
    """Seconds of a run, and of a run for each clip, from runs on few clips and on more."""
    settings = params.evaluate.model_copy(update={"conditions": [], "trials": 1, "causal": False})
    runs = len(runs_under(all_conditions(settings), 1))
    speakers = evaluated_speakers(inputs, settings)
    found: list[float] = []
    for count in (1, 1, len(speakers.reported)):  # the first one pays for what is begun once
        kept = set(speakers.reported[:count]) | set(speakers.choosing)
        few = replace(inputs, items={n: i for n, i in inputs.items.items() if n in kept})
        job = evaluation_job(
            params.model_copy(update={"evaluate": settings}), name, params.train.seeds[0], few
        )
        out = Path("evaluated") / f"{name}-{len(found)}"
        out.mkdir(parents=True)
        seconds = timed(partial(job.compute, out), params.execution.torch_device)
        found.append(seconds / runs / job.needs.threads)
    _, little, more = found
    run_clip = max(0.0, more - little) / max(1, len(speakers.reported) - 1)
    return max(0.0, little - run_clip * (1 + len(speakers.choosing))), run_clip


def clock_of(device: str) -> Callable[[], float]:
    """A clock in seconds: of processor time, which others on the machine do not lengthen."""
    return time.perf_counter if device == "cuda" else time.process_time


def timed(work: Callable[[], Any], device: str = "cpu") -> float:
    """Seconds that some work takes."""
    clock = clock_of(device)
    begun = clock()
    work()
    return clock() - begun


def size_of(folder: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class _Epochs:
    """Notes how long the last epoch of each part of a training took.

    Args:
        clock: in seconds.

    Attributes:
        last: seconds of the last epochs of all parts.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.last = 0.0

    @contextmanager
    def __call__(self, _title: str, _unit: str, _total: float) -> Iterator[Advance]:
        ends: list[float] = []

        def advance(amount: float, note: str = "") -> None:  # noqa: ARG001
            ends.append(self._clock())

        yield advance
        if len(ends) > 1:
            self.last += ends[-1] - ends[-2]
