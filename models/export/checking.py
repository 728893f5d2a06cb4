"""Whether an exported file says what its recogniser says, and how long it takes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from features.errors import InputError
from models.export.drawing import Recorder
from models.export.graph import Graph, GraphInput

TOLERANCE = 1e-5
BATCHES, LENGTHS = (1, 3), (1, 37, 1000)
RUNS = 5
"""Passes of which the median is taken."""


def losses(
    graph: Graph, inputs: Sequence[GraphInput], clips: int, frames: int, seed: int = 0
) -> dict[str, Tensor]:
    """Random rows and steps, clips of different lengths, frames lost, in one clip all of them.

    Rows are normal once z-normed, as those that the network was trained with. Sound and picture
    have as many steps where they share frames; else there are 4 more of picture.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes = {"batch": clips, "rows_audio": 2 * frames, "rows_video": frames}
    sizes |= {"frames": frames, "steps_audio": frames, "steps_video": frames + 4}
    made: dict[str, Tensor] = {}
    for part in inputs:
        shape = [size if isinstance(size, int) else sizes[size] for size in part.shape]
        if part.dtype == "float32":
            rows = torch.randn(shape, generator=generator)
            made[part.name] = graph.stored(part.name, rows)
            made[part.name][:, 1::3] = made[part.name][:, :-1:3]  # repeated frames
        elif part.dtype == "int64":
            made[part.name] = torch.randint(-1, frames, shape, generator=generator)
        elif part.name.endswith("mask"):
            lengths = torch.randint(1, shape[1] + 1, (clips,), generator=generator)
            lengths[0] = shape[1]
            made[part.name] = torch.arange(shape[1]) < lengths[:, None]
        else:
            made[part.name] = torch.rand(shape, generator=generator) < 0.6
    for name, values in made.items():
        if name.endswith("_present") and clips > 1:
            values[1] = False
    return made


def session(file: Path, threads: int = 0) -> Any:
    """An onnxruntime session of a file on the processor; 0 threads for all."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def run(opened: Any, feeds: Mapping[str, Tensor]) -> NDArray[np.float32]:
    """The outputs of a session; inputs that the graph does not use are left out."""
    names = {value.name for value in opened.get_inputs()}
    given = {name: tensor.numpy() for name, tensor in feeds.items() if name in names}
    outputs: NDArray[np.float32] = opened.run(None, given)[0]
    return outputs


def answered(
    graph: Graph, feeds: Mapping[str, Tensor]
) -> tuple[NDArray[np.float32], dict[str, Tensor]]:
    """The outputs of a graph, and its inputs together with the numbers that it drew."""
    with torch.inference_mode(), Recorder() as recorder:
        outputs = graph(*feeds.values()).numpy()
    return outputs, {**feeds, **recorder.feeds()}


def difference(graph: Graph, inputs: Sequence[GraphInput], file: Path) -> float:
    """The largest difference between an ONNX file and its graph, of outputs that are no padding.

    Raises:
        InputError: the file does not run at some batch or length.
    """
    opened, worst = session(file), 0.0
    for clips in BATCHES:
        for frames in LENGTHS:
            feeds = losses(graph, inputs, clips, frames, seed=frames)
            expected, feeds = answered(graph, feeds)
            try:
                found = run(opened, feeds)
            except Exception as error:
                reason = f"the exported file does not run with {clips} clips of {frames} frames"
                raise InputError(reason, "say so to who wrote the network") from error
            real = feeds["mask"].numpy() if "mask" in feeds and graph.network.per_frame else ...
            apart = np.abs(found - expected)[real]
            worst = max(worst, float(apart.max()) if np.isfinite(found[real]).all() else np.inf)
    return worst


def milliseconds(graph: Graph, inputs: Sequence[GraphInput], file: Path, threads: int) -> float:
    """Median of the time that 100 frames of one clip take, in ms; 0 threads for all."""
    opened, taken = session(file, threads), []
    _, feeds = answered(graph, losses(graph, inputs, 1, 100))
    run(opened, feeds)
    for _ in range(RUNS):
        start = perf_counter()
        run(opened, feeds)
        taken.append(1000 * (perf_counter() - start))
    return median(taken)
