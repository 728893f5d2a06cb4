"""Benchmarks of feature extraction: what our code costs on top of the libraries it rests on."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import dlib
import numpy as np
import opensmile
import torch
from numpy.typing import NDArray

from features import media
from features.faces.extract import extract_faces
from features.lld import extract_lld
from features.settings import FC6Settings
from features.store import open_store, read_array, write_item
from features.vggface import extract_fc6, prepare, preprocess
from tests.benchmarks.flops import best_rate_timer, convolution_kernels, fc6_flops, matmul_kernels
from tests.benchmarks.inputs import FACES, Inputs
from tests.benchmarks.timing import Row, compare, compare_sizes, timed

FC6_FRAMES = 32


def decode(inputs: Inputs) -> list[Row]:
    """Our pictures against bare PyAV's."""
    path, frames = inputs.video, len(inputs.scaled)

    def ours() -> None:
        for _ in media.frames(path):
            pass

    def bare() -> None:
        with av.open(str(path)) as container:
            container.streams.video[0].codec_context.thread_count = 1
            for frame in container.decode(video=0):
                frame.to_ndarray(format="rgb24")

    row = compare(
        "`media.frames`, 320×240",
        "bare PyAV to rgb24, one thread",
        timed(ours),
        timed(bare),
        amount=frames,
        unit="frames/s",
        repeats=9,
    )
    return [row]


def faces(inputs: Inputs) -> list[Row]:
    """Faces from a file against the bare detector on pictures ready at its working height."""
    path, pictures = inputs.video, inputs.scaled
    detector = dlib.get_frontal_face_detector()

    def bare() -> None:
        for picture in pictures:
            detector.run(picture, 0, 0.0)

    row = compare(
        f"`extract_faces`, searched at height {FACES.working_height}",
        "bare dlib HOG on ready pictures of that height",
        timed(lambda: extract_faces(path, FACES)),
        timed(bare),
        amount=len(pictures),
        unit="frames/s",
    )
    return [row]


def fc6(inputs: Inputs) -> list[Row]:
    """fc6 of crops against the bare network, and that against the machine's best arithmetic."""
    return _fc6(inputs, "fp32", torch.float32) + _fc6(inputs, "bf16", torch.bfloat16)


def _fc6(inputs: Inputs, name: str, dtype: torch.dtype) -> list[Row]:
    crops = inputs.faces.crops[:FC6_FRAMES]
    present = np.ones(len(crops), np.bool_)
    settings = FC6Settings()
    network = prepare(copy.deepcopy(inputs.network), "cpu", dtype)
    pictures = torch.from_numpy(crops).permute(0, 3, 1, 2)
    values = preprocess(pictures, settings.preprocessing, network.origin.channel_order)
    ready = values.to(dtype, memory_format=torch.channels_last).split(settings.batch_size)

    def bare() -> None:
        with torch.inference_mode():
            for batch in ready:
                network(batch)

    flops = fc6_flops(crops.shape[1]) * len(crops)
    return [
        compare(
            f"`extract_fc6`, 96×96, {name}",
            "bare network on ready tensors",
            timed(lambda: extract_fc6(network, crops, present, settings)),
            timed(bare),
            amount=len(crops),
            unit="frames/s",
            repeats=3,
        ),
        compare(
            f"that bare network, {name}",
            f"fastest {name} matmul or convolution",
            timed(bare),
            best_rate_timer(flops, matmul_kernels(dtype) + convolution_kernels(dtype)),
            amount=flops / 1e9,
            unit="GFLOP/s",
            repeats=3,
        ),
    ]


def lld(inputs: Inputs) -> list[Row]:
    """Descriptors of a file, decoding included, against bare openSMILE on ready samples."""
    path = inputs.sound
    samples, _ = media.sound(path)
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.IS13,
        feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
    )
    row = compare(
        "`media.sound` and `extract_lld`, one minute",
        "bare openSMILE on ready samples",
        timed(lambda: extract_lld(media.sound(path)[0])),
        timed(lambda: smile(samples, media.SAMPLE_RATE)),
        amount=len(samples) / media.SAMPLE_RATE,
        unit="s of sound/s",
    )
    return [row]


def store(inputs: Inputs) -> list[Row]:
    """The Zarr stores against NumPy's files, for crops and for the fc6 of some of them."""
    crops, present = inputs.faces.crops, inputs.faces.present
    network = prepare(copy.deepcopy(inputs.network), "cpu", torch.float32)
    features = extract_fc6(network, crops[:FC6_FRAMES], present[:FC6_FRAMES], FC6Settings())
    return _store(inputs.folder, "crops", crops) + _store(inputs.folder, "fc6", features)


def _store(folder: Path, name: str, array: NDArray[Any]) -> list[Row]:
    group, file = folder / f"{name}.zarr", folder / f"{name}.npy"
    ways: list[tuple[str, Callable[[], object], str, Callable[[], object]]] = [
        (
            "write_item",
            lambda: write_item(group, {name: array}, {}),
            "np.save",
            lambda: np.save(file, array),
        ),
        (
            "read_array",
            lambda: read_array(open_store(group, stage=name), name),
            "np.load",
            lambda: np.load(file),
        ),
    ]
    megabytes = array.nbytes / 1e6
    rows = [
        compare(
            f"`{ours}`, {megabytes:.1f} MB of {name}",
            f"`{theirs}`",
            timed(work),
            timed(bare),
            amount=megabytes,
            unit="MB/s",
            repeats=15,
        )
        for ours, work, theirs, bare in ways
    ]
    size = sum(part.stat().st_size for part in group.rglob("*") if part.is_file())
    return [*rows, compare_sizes(f"size of stored {name}", "`.npy`", size, file.stat().st_size)]
