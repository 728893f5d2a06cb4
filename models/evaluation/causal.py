"""Predictions from the past alone: a window of the last frames slides over an item.

A recogniser that runs live has seen no more than that. Frames are answered in stretches: a pass
sees the window that ends with a stretch, and answers the stretch's frames. A stretch of one frame
takes a pass a frame and waits for nothing; of k frames it takes a k-th of the work, and the first
of them waits for k − 1 more.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.evaluation.evaluator import on_device
from models.networks.recogniser import Recogniser
from models.networks.stream import Stream
from models.settings import Modality
from models.training.batch import StreamBatch
from models.training.data import Clip, ClipData

STRETCH = 5
"""Frames that are answered by one pass: a sixth of a second at 30 frames a second."""


@dataclass(frozen=True)
class Window:
    """One pass.

    Attributes:
        start: first frame that it sees.
        answered: first frame that it answers.
        stop: end of both.
    """

    start: int
    answered: int
    stop: int


def windows_of(frames: int, length: int, stretch: int = STRETCH) -> Iterator[Window]:
    """The passes over an item.

    Args:
        frames: of the item.
        length: frames that a pass sees at most.
        stretch: frames that a pass answers.

    >>> [(w.start, w.answered, w.stop) for w in windows_of(7, 4, 3)]
    [(0, 0, 3), (2, 3, 6), (3, 6, 7)]
    """
    for answered in range(0, frames, stretch):
        stop = min(answered + stretch, frames)
        yield Window(max(0, stop - max(length, stretch)), answered, stop)


def predict_causally(
    network: Recogniser,
    data: ClipData,
    device: torch.device,
    batch_clips: int,
    *,
    stretch: int = STRETCH,
    gone: Collection[Modality] = (),
) -> dict[str, NDArray[np.float32]]:
    """Outputs (frames, outputs) for every item, each from the frames up to its stretch's end.

    Args:
        network: trained, of a task with an answer a frame.
        data: the items; what a pass sees is as long as their clips.
        device: where to run.
        batch_clips: passes at a time.
        stretch: frames that a pass answers.
        gone: modalities that are missing throughout.
    """
    on_device(network, device).eval()
    length = data.clip_frames
    passes = iter(
        [
            (item, window)
            for item in data.items
            for window in windows_of(len(data.item_array(item, "times")), length, stretch)
        ]
    )
    parts: dict[str, list[NDArray[np.float32]]] = {item: [] for item in data.items}
    while chosen := list(islice(passes, batch_clips)):
        clips = [Clip(item, window.start, window.stop) for item, window in chosen]
        outputs = answers(network, data.batch_of(clips).to(device).streams, gone)
        for (item, window), row in zip(chosen, outputs.cpu().numpy(), strict=True):
            parts[item].append(row[window.answered - window.start : window.stop - window.start])
    return {item: np.concatenate(rows) for item, rows in parts.items()}


@torch.inference_mode()
def answers(
    network: Recogniser,
    streams: Mapping[Modality, StreamBatch],
    gone: Collection[Modality] = (),
) -> Tensor:
    """Outputs (clips, frames, outputs) float32 of clips, with modalities missing throughout.

    Args:
        network: trained.
        streams: of each modality that it sees.
        gone: modalities that are missing.
    """
    encoded: dict[Modality, Stream] = {}
    for m in network.modalities:
        part = streams[m]
        projected = network.receive(m, part.inputs(), part.mask, part.present)
        encoded[m] = network.perceive(m, network.empty(m, projected) if m in gone else projected)
    return network.answer(encoded).fused.float()


def received_anything(streams: Mapping[Modality, StreamBatch]) -> Tensor:
    """(clips,) bool, whether anything of a clip reached the network.

    A frame without sound still brings the sound of the seconds before it, where the stream has a
    context: so what counts is whether any number that the network sees is not zero, or any frame
    is there.
    """
    found = [part.present.any(1) for part in streams.values()]
    found += [(part.inputs() != 0).flatten(1).any(1) for part in streams.values()]
    return torch.stack(found).any(0)


def anything_received(data: ClipData, item: str, windows: Sequence[Window]) -> NDArray[np.bool_]:
    """(frames,) bool of an item, whether the network received anything in the frame's window.

    Args:
        data: has the item.
        item: its name.
        windows: the passes over it.
    """
    parts = []
    for window in windows:
        streams = data.batch_of([Clip(item, window.start, window.stop)]).streams
        parts.append(np.full(window.stop - window.answered, bool(received_anything(streams)[0])))
    return np.concatenate(parts) if parts else np.zeros(0, np.bool_)
