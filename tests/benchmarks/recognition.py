"""Benchmarks of networks at the paper's size: training, evaluation, context."""

import time

import numpy as np
import torch

from features.task import Task
from models.ablation.frame_map import Lost
from models.ablation.strategies import draw
from models.evaluation.conditions import Run, grid, runs_under
from models.evaluation.evaluator import evaluate
from models.evaluation.registry import metrics_of
from models.evaluation.scores import Scores, score
from models.networks.build import build
from models.networks.recogniser import Recogniser
from models.settings import Ablation, EvaluateSettings, ModelSettings, NetworkSize, TrainSettings
from models.training.batch import Batch
from models.training.data import ClipData
from models.training.losses import ccc_loss
from models.training.optimisation import Optimisation
from tests.benchmarks.flops import best_rate_timer, matmul_kernels, step_flops
from tests.benchmarks.inputs import CLIP_FRAMES, Inputs
from tests.benchmarks.timing import Row, Timer, compare, compare_sizes, timed
from tests.helpers.network_cases import masks_of

CPU = torch.device("cpu")
BATCH_CLIPS = 32
EVALUATED_CLIPS = 2
TRIALS = 10
SIZE = NetworkSize()
WAITED_STEPS = 4
FRAMES_LOST = Ablation(strategy="frame_zero", modality="video", p=0.5)


def training(inputs: Inputs) -> list[Row]:
    """A step of the crossmodal transformer against the fastest products of matrices."""
    data = inputs.clips(BATCH_CLIPS)
    batch = data.batch(range(BATCH_CLIPS))
    flops = flops_of_step(data)
    exact, rough = (training_step(new_network(data), batch, bf16=bf16) for bf16 in (False, True))
    gflop = flops / 1e9
    what = f"training step, {BATCH_CLIPS} clips of {CLIP_FRAMES} frames, {gflop:.1f} GFLOP"
    limit = best_rate_timer(flops, matmul_kernels(torch.float32))
    # Training runs for hours: what its first steps take to have memory is not part of its speed.
    return [
        compare(name, against, step, other, amount=gflop, unit="GFLOP/s", repeats=9, warm_ups=4)
        for name, against, step, other in (
            (f"{what}, fp32", "fastest fp32 matmul", exact, limit),
            ("that step, bf16 autocast", "that step, fp32", rough, exact),
        )
    ]


def flops_of_step(data: ClipData) -> float:
    """Operations of a step with `BATCH_CLIPS` clips."""
    return step_flops(
        BATCH_CLIPS,
        CLIP_FRAMES,
        sum(data.features.values()),
        SIZE,
        targets=len(data.task.outputs),
    )


def evaluation(inputs: Inputs) -> list[Row]:
    """All runs of the grid with shared work against one run after the other."""
    data = inputs.clips(EVALUATED_CLIPS)
    network = new_network(data).eval()
    conditions = grid(EvaluateSettings())
    runs = runs_under(conditions, TRIALS)
    batch = data.batch(range(EVALUATED_CLIPS))
    row = compare(
        f"`evaluate`, {len(conditions)} conditions × {TRIALS} trials, {EVALUATED_CLIPS} clips",
        f"the same {len(runs)} distinct runs one by one",
        timed(
            lambda: evaluate(
                network,
                data,
                runs,
                metrics=metrics_of(data.task),
                seed=0,
                device=CPU,
                batch_clips=EVALUATED_CLIPS,
            )
        ),
        timed(lambda: one_by_one(network, data.task, batch, runs)),
        amount=len(runs),
        unit="runs/s",
        repeats=3,
    )
    return [row]


def context(inputs: Inputs) -> list[Row]:
    """The 2 s audio context gathered from single rows against a copy of stored windows."""
    batch = inputs.clips(BATCH_CLIPS).batch(range(BATCH_CLIPS))
    windows = batch.inputs()["audio"].clone()
    megabytes = windows.nbytes / 1e6
    return [
        compare(
            "context gathered from rows, 32 clips",
            "copy of stored windows",
            timed(lambda: batch.inputs()["audio"]),
            timed(windows.clone),
            amount=megabytes,
            unit="MB/s",
            repeats=21,
        ),
        compare_sizes(
            "size of rows and their indices",
            "of the windows",
            batch.streams["audio"].rows.nbytes + batch.streams["audio"].index.nbytes,
            windows.nbytes,
        ),
    ]


def waiting(inputs: Inputs) -> list[Row]:
    """What of training steps is spent waiting for their batches, of rows in memory and on disk."""
    stores = inputs.stores(WAITED_STEPS * BATCH_CLIPS)
    rows = []
    for where, room in (("in memory", 1 << 40), ("on disk", 0)):
        data = ClipData(*stores, ["item"], preload_bytes=room)
        network = new_network(data)
        optimizer = Optimisation(network, TrainSettings()).optimizers[0]
        order = [list(range(n, n + BATCH_CLIPS)) for n in range(0, len(data.clips), BATCH_CLIPS)]
        waits, steps = [], []
        ready = time.perf_counter()
        for batch in data.batches(order, CPU):
            begun = time.perf_counter()
            _take_step(network, optimizer, batch)
            waits.append(begun - ready)
            ready = time.perf_counter()
            steps.append(ready - begun)
        # Nobody can have read the first batch before; and the first step takes memory.
        shares = [wait / (wait + step) for wait, step in zip(waits[1:], steps[1:], strict=True)]
        what = f"waiting for a batch of {BATCH_CLIPS} clips, rows {where}"
        wait, step = float(np.median(waits[1:])), float(np.median(steps[1:]))
        values = (wait, wait + step, float(np.median(shares)), min(shares), max(shares))
        rows.append(Row(what, "the step that it is for; at most 0.02", "s", *values))
    return rows


def one_by_one(network: Recogniser, task: Task, batch: Batch, runs: list[Run]) -> list[Scores]:
    """Evaluate by ablating the inputs and running the whole network, for each run alone."""
    inputs = batch.inputs()
    labels = batch.labels[batch.valid].numpy()
    scores = []
    for run in runs:
        condition, ablated, received = run.condition, dict(inputs), batch.received()
        draws = batch.draws(0, condition.strategy, condition.p, run.trial)
        for modality in condition.modalities:
            lost = draw(condition.ablation, modality, draws)
            assert lost is not None
            ablated[modality] = lost.apply(inputs[modality])
            received[modality] = lost.present(received[modality])
        with torch.inference_mode():
            predictions = network(ablated, masks_of(batch.mask), received).fused
        scores.append(score(metrics_of(task), predictions[batch.valid].numpy(), labels))
    return scores


def new_network(data: ClipData) -> Recogniser:
    """The crossmodal transformer at the paper's size."""
    torch.manual_seed(0)
    return build(ModelSettings(), data.features, SIZE, data.task)


def training_step(
    network: Recogniser, batch: Batch, *, bf16: bool, device: torch.device = CPU
) -> Timer:
    """A timer of a step with a batch that is on the device."""
    optimizer = Optimisation(network, TrainSettings()).optimizers[0]

    def step() -> None:
        _take_step(network, optimizer, batch, bf16=bf16, device=device)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return timed(step)


def _take_step(
    network: Recogniser,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    *,
    bf16: bool = False,
    device: torch.device = CPU,
) -> None:
    frame_map = draw(FRAMES_LOST, "video", batch.draws(0))
    assert frame_map is not None
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        outputs = network(batch.inputs(), masks_of(batch.mask), lost={"video": Lost(frame_map)})
        loss = ccc_loss(outputs.fused, batch.labels, batch.valid)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
