"""Benchmarks of the scheduler: jobs against bare processes, a worker that is killed, growth."""

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from distributed import LocalCluster

from features.hashes import hash_of
from models.evaluation.conditions import Run, grid, runs_under
from models.evaluation.evaluator import evaluate
from models.evaluation.registry import metrics_of
from models.networks.build import build
from models.settings import ConditionGrid, EvaluateSettings, ModelSettings, NetworkSize
from models.threads import threads
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import Job, run_jobs
from tests.benchmarks.inputs import Inputs
from tests.benchmarks.recognition import new_network, training_step
from tests.benchmarks.timing import Row, Timer, compare, timed

SIDE, PRODUCTS = 768, 150
"""Of the arithmetic of a job: products of square matrices, some seconds of one processor."""
WORKERS = 3
CLIPS = 8
STEPS = 6


def training(out: Path, number: int) -> None:
    """Steps of a training at the paper's size, with so many threads."""
    with threads(number):
        data = Inputs(out).clips(CLIPS)
        step = training_step(new_network(data), data.batch(range(CLIPS)), bf16=False)
        for _ in range(STEPS):
            step()


def arithmetic(out: Path, products: int = PRODUCTS) -> None:
    """What a job computes, with one thread."""
    with threads(1):
        matrix = torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
        product = matrix
        for _ in range(products):
            product = product @ matrix / SIDE
        (out / "sum.txt").write_text(str(float(product.sum())))


def side_by_side(inputs: Inputs) -> list[Row]:
    """Two jobs of one thread against two bare processes of the same arithmetic, imports and all."""
    folder = inputs.folder / "side_by_side"

    def bare() -> None:
        context = multiprocessing.get_context("spawn")
        processes = []
        for number in range(2):
            out = folder / str(number)
            out.mkdir(parents=True, exist_ok=True)
            processes.append(context.Process(target=training, args=(out, 1)))
            processes[-1].start()
        for process in processes:
            process.join()

    return [
        compare(
            "two jobs of one thread that train at the paper's size",
            "two bare processes of the same arithmetic",
            timed(lambda: _train(folder, 2, ExecutionSettings(workers=2), 1)),
            timed(bare),
            amount=2,
            unit="jobs/s",
            repeats=5,
        )
    ]


def seeds(inputs: Inputs) -> list[Row]:
    """A model's seeds side by side with one thread each, against one after the other with two."""
    folder = inputs.folder / "seeds"
    return [
        compare(
            f"{count} seeds side by side on two processors, a thread each",
            "one after the other, two threads each",
            timed(partial(_train, folder, count, ExecutionSettings(workers=2), 1)),
            timed(partial(_train, folder, count, ExecutionSettings(workers=1), 2)),
            amount=count,
            unit="seeds/s",
            repeats=3,
        )
        for count in (3, 4)
    ]


def killed(inputs: Inputs) -> list[Row]:
    """Six jobs on a dask cluster of three workers of which one is killed, against none."""

    def run(kill: bool) -> None:
        with LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address=None
        ) as cluster:
            execution = ExecutionSettings(backend="dask", scheduler=cluster.scheduler_address)
            folder = inputs.folder / "killed"
            if kill:
                threading.Thread(target=_kill_one, args=(cluster, folder), daemon=True).start()
            _run(folder, 6, execution)

    return [
        compare(
            f"six jobs on {WORKERS} workers of dask, one of which is killed",
            "none is",
            timed(lambda: run(True)),
            timed(lambda: run(False)),
            amount=6,
            unit="jobs/s",
            repeats=1,
            warm_ups=0,
        )
    ]


def _kill_one(cluster: LocalCluster, folder: Path) -> None:
    while not list(folder.glob("running/*/*")):  # all have begun
        time.sleep(0.05)
    time.sleep(0.5)
    os.kill(cluster.workers[0].pid, signal.SIGKILL)


def growth(inputs: Inputs) -> list[Row]:
    """The cost of a job among many, and of a condition among many."""
    folder = inputs.folder / "growth"
    data = inputs.clips(CLIPS)
    torch.manual_seed(0)
    network = build(ModelSettings(), data.features, NetworkSize(), data.task).eval()
    few, many = (_runs(number) for number in (30, 300))

    def measure(runs: list[Run]) -> None:
        evaluate(
            network,
            data,
            runs,
            metrics=metrics_of(data.task),
            seed=0,
            device=torch.device("cpu"),
            batch_clips=CLIPS,
        )

    here = ExecutionSettings(workers=1)
    return [
        _per_piece(
            "a job of 40 models with 3 seeds, trained and evaluated",
            "of 7 models",
            partial(_run, folder, 240, here, 0),
            partial(_run, folder, 42, here, 0),
            (240, 42),
        ),
        _per_piece(
            f"a condition of {len(many)}",
            f"of {len(few)}",
            partial(measure, many),
            partial(measure, few),
            (len(many), len(few)),
        ),
    ]


def _per_piece(
    what: str,
    against: str,
    measured: Callable[[], None],
    reference: Callable[[], None],
    pieces: tuple[int, int],
) -> Row:
    """The speeds of one piece among many and among few."""

    def timer(work: Callable[[], None], number: int) -> Timer:
        whole = timed(work)
        return lambda: whole() / number

    return compare(
        what,
        against,
        timer(measured, pieces[0]),
        timer(reference, pieces[1]),
        amount=1,
        unit="/s",
        repeats=3,
    )


def _runs(number: int) -> list[Run]:
    steps = number // 6
    p = [step / max(1, steps - 1) for step in range(steps)]
    strategies = ("clip_zero", "frame_zero", "frame_repeat")
    conditions = [ConditionGrid(strategy=strategy, p=p) for strategy in strategies]
    return runs_under(grid(EvaluateSettings(trials=1, conditions=conditions)), 1)


def _train(folder: Path, number: int, execution: ExecutionSettings, width: int) -> None:
    _submit(folder, [partial(training, number=width)] * number, execution)


def _run(folder: Path, number: int, execution: ExecutionSettings, products: int = PRODUCTS) -> None:
    _submit(folder, [partial(arithmetic, products=products)] * number, execution)


def _submit(
    folder: Path, work: Sequence[Callable[[Path], None]], execution: ExecutionSettings
) -> None:
    """Run jobs with an empty cache."""
    shutil.rmtree(folder, ignore_errors=True)
    execution = execution.model_copy(update={"cache": str(folder)})
    jobs = [Job(f"job {n}", hash_of(n), compute) for n, compute in enumerate(work)]
    run_jobs("benchmark", jobs, execution)
