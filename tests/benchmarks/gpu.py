"""Benchmarks of a GPU: fc6, training, evaluation, and jobs that share one."""

import multiprocessing
import tempfile
from functools import partial
from pathlib import Path

import torch

from features.extractors.settings import VGGFaceSettings
from models.evaluation.conditions import grid, runs_under
from models.evaluation.evaluator import evaluate
from models.evaluation.registry import metrics_of
from models.settings import EvaluateSettings
from tests.benchmarks.fc6 import PEAK_PRODUCTS, PEAK_SIDE, share_of_peak, stage
from tests.benchmarks.inputs import Inputs
from tests.benchmarks.recognition import (
    BATCH_CLIPS,
    TRIALS,
    flops_of_step,
    new_network,
    training_step,
)
from tests.benchmarks.timing import Row, Timer, compare, not_measured, timed

STEPS = 200
"""Of a job that shares the GPU with another: some seconds."""


def gpu(inputs: Inputs) -> list[Row]:
    """All of it; without a GPU the lines say that nothing was measured."""
    if not torch.cuda.is_available():
        return [
            not_measured("stage `extract@fc6` on a GPU", "bare network, and that against its peak"),
            not_measured("training step on a GPU, fp32 and bf16", "bf16 product of matrices (MFU)"),
            not_measured("`evaluate` on a GPU", "on the processor"),
            not_measured("two trainings that share a GPU", "one after the other"),
        ]
    bf16 = VGGFaceSettings(precision="bf16")
    rows = []
    for settings in (bf16, bf16.model_copy(update={"input_size": 224})):
        rows += [stage(inputs, settings, "cuda"), share_of_peak(settings)]
    return [*rows, *_training(inputs), _evaluation(inputs), _shared()]


def _training(inputs: Inputs) -> list[Row]:
    """Steps against what the GPU's matrix products would take for their arithmetic."""
    device = torch.device("cuda")
    data = inputs.clips(BATCH_CLIPS)
    batch = next(data.batches([range(BATCH_CLIPS)], device))
    flops = flops_of_step(data)
    return [
        compare(
            f"training step on a GPU, {BATCH_CLIPS} clips, {'bf16' if is_bf16 else 'fp32'}",
            f"bf16 product of {PEAK_SIDE}×{PEAK_SIDE} matrices (MFU)",
            training_step(new_network(data).to(device), batch, bf16=is_bf16, device=device),
            _peak(flops),
            amount=flops / 1e9,
            unit="GFLOP/s",
            repeats=9,
            warm_ups=4,
        )
        for is_bf16 in (False, True)
    ]


def _peak(flops: float) -> Timer:
    square = torch.randn(PEAK_SIDE, PEAK_SIDE, device="cuda", dtype=torch.bfloat16)

    def products() -> None:
        for _ in range(PEAK_PRODUCTS):
            torch.mm(square, square)
        torch.cuda.synchronize()

    whole = timed(products)
    return lambda: whole() * flops / (PEAK_PRODUCTS * 2 * PEAK_SIDE**3)


def _evaluation(inputs: Inputs) -> Row:
    data = inputs.clips(2)
    runs = runs_under(grid(EvaluateSettings()), TRIALS)

    def work(name: str) -> None:
        evaluate(
            new_network(data).eval().to(name),
            data,
            runs,
            metrics=metrics_of(data.task),
            seed=0,
            device=torch.device(name),
            batch_clips=2,
        )

    return compare(
        f"`evaluate` on a GPU, {len(runs)} runs, 2 clips",
        "on the processor",
        timed(partial(work, "cuda")),
        timed(partial(work, "cpu")),
        amount=len(runs),
        unit="runs/s",
        repeats=3,
    )


def _shared() -> Row:
    """Two processes that train on one GPU, starts of interpreters and all."""
    context = multiprocessing.get_context("spawn")

    def run(together: int) -> None:
        for _ in range(2 // together):
            processes = [context.Process(target=train_on_gpu) for _ in range(together)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()

    return compare(
        f"two trainings of {STEPS} steps that share a GPU",
        "one after the other",
        timed(partial(run, 2)),
        timed(partial(run, 1)),
        amount=2,
        unit="trainings/s",
        repeats=3,
        warm_ups=0,
    )


def train_on_gpu() -> None:
    """Some steps of the paper's size."""
    device = torch.device("cuda")
    with tempfile.TemporaryDirectory() as folder:
        data = Inputs(Path(folder)).clips(BATCH_CLIPS)
        batch = next(data.batches([range(BATCH_CLIPS)], device))
        step = training_step(new_network(data).to(device), batch, bf16=True, device=device)
        for _ in range(STEPS):
            step()
