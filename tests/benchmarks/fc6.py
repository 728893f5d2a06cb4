"""Benchmarks of fc6: the stage against the bare network, and that against the machine and Keras."""

import os
import tempfile
from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from features.extractors.settings import VGGFaceSettings
from features.extractors.vggface.loading import load_vggface
from features.extractors.vggface.network import (
    BLOCKS,
    FC6,
    POOLED,
    VGGFaceFC6,
    compute_fc6,
    preprocess,
)
from features.extractors.vggface.streaming import fit_to_device
from features.extractors.vggface.weight_files import LAYERS
from features.stores.assembling import assemble
from features.stores.store import open_store
from features.stores.writing import new_item
from pipeline.engine.execution import ExecutionSettings
from pipeline.extraction.together import run_together
from tests.benchmarks.flops import best_rate_timer, convolution_kernels, fc6_flops, matmul_kernels
from tests.benchmarks.inputs import Inputs
from tests.benchmarks.timing import Row, compare, timed

CROP = 96
FRAMES = {("cpu", 96): 96, ("cpu", 224): 16, ("cuda", 96): 8192, ("cuda", 224): 2048}
"""How many frames are described, by device and input size: whole batches, seconds of work."""

ITEMS = (0.1, 0.25, 0.65)
"""Shares of the frames that the items have: batches do not end where items do."""

KERAS_FRAMES = 8
PEAK_SIDE = 8192
PEAK_PRODUCTS = 20


def fc6(inputs: Inputs) -> list[Row]:
    """The stage at both input sizes and precisions, the network alone, and Keras."""
    fp32 = VGGFaceSettings(precision="fp32")
    bf16 = VGGFaceSettings(precision="bf16")
    large = VGGFaceSettings(precision="fp32", input_size=224)
    return [
        stage(inputs, fp32, "cpu"),
        network(fp32),
        stage(inputs, bf16, "cpu"),
        network(bf16),
        stage(inputs, large, "cpu"),
        keras(large),
    ]


def stage(inputs: Inputs, settings: VGGFaceSettings, device: Literal["cpu", "cuda"]) -> Row:
    """The stage, from a store of crops to a store of features, against the bare network."""
    frames = FRAMES[device, settings.input_size]
    crops = make_crops(frames)
    folder = Path(tempfile.mkdtemp(dir=inputs.folder))
    ends = [0, *(round(frames * share) for share in accumulate(ITEMS))]
    names = [str(first) for first in ends[:-1]]
    for name, (first, last) in zip(names, pairwise(ends), strict=True):
        with new_item(folder / name, {}) as item:
            part = crops[first:last]
            item.rows("crops", part.shape, part.dtype).append(part)
            item.write("present", np.ones(last - first, np.bool_))
            item.write("times", np.arange(last - first) / 30)
    places, keys = {name: folder / name for name in names}, {name: name for name in names}
    assemble(folder / "faces.zarr", places, {}, keys)
    faces = open_store(folder / "faces.zarr", stage="faces")

    def ours() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            execution = ExecutionSettings(cache=cache)
            run_together(names, faces, fit_to_device(settings, device), device, execution)

    return compare(
        f"stage `extract@fc6`, {_name(settings, device)}, from crops to features on disk",
        "bare network on ready tensors",
        timed(ours),
        timed(bare(settings, device, frames)),
        amount=frames,
        unit="frames/s",
        repeats=9,  # short turns: what else the machine does comes and goes
    )


def network(settings: VGGFaceSettings) -> Row:
    """The bare network against the machine's best arithmetic."""
    dtype = torch.float32 if settings.precision == "fp32" else torch.bfloat16
    frames = FRAMES["cpu", settings.input_size]
    flops = fc6_flops(settings.input_size) * frames
    return compare(
        f"that bare network, {settings.precision}",
        f"fastest {settings.precision} matmul or convolution",
        timed(bare(settings, "cpu", frames)),
        best_rate_timer(flops, matmul_kernels(dtype) + convolution_kernels(dtype)),
        amount=flops / 1e9,
        unit="GFLOP/s",
        repeats=3,
    )


def keras(settings: VGGFaceSettings) -> Row:
    """fc6 of ready crops against Keras with the same weights."""
    vgg = load_vggface(fit_to_device(settings, "cpu"), "cpu")
    model = keras_model(vgg)
    crops = torch.from_numpy(make_crops(KERAS_FRAMES))
    values = preprocess(crops.permute(0, 3, 1, 2), settings.preprocessing, "rgb")
    values = torch.nn.functional.interpolate(values, size=(224, 224), mode="bilinear")
    pictures = values.permute(0, 2, 3, 1).numpy()
    plain = settings.model_copy(update={"rectify": False})
    expected = model(pictures)
    found = compute_fc6(vgg, crops, plain).numpy()
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    return compare(
        "fc6 of the same frames, 224×224, fp32",
        f"Keras on torch (they differ by {difference:.0e} of the largest, float16 included)",
        timed(lambda: compute_fc6(vgg, crops, plain)),
        timed(lambda: model(pictures)),
        amount=KERAS_FRAMES,
        unit="frames/s",
        repeats=3,
    )


def share_of_peak(settings: VGGFaceSettings) -> Row:
    """The bare network on a GPU against its large matrix products."""
    square = torch.randn(PEAK_SIDE, PEAK_SIDE, device="cuda", dtype=torch.bfloat16)
    frames = FRAMES["cuda", settings.input_size]
    flops = fc6_flops(settings.input_size) * frames

    def products() -> None:
        for _ in range(PEAK_PRODUCTS):
            torch.mm(square, square)
        torch.cuda.synchronize()

    peak = timed(products)
    return compare(
        f"that bare network, {_name(settings, 'cuda')}",
        f"bf16 product of {PEAK_SIDE}×{PEAK_SIDE} matrices",
        timed(bare(settings, "cuda", frames)),
        lambda: peak() * flops / (PEAK_PRODUCTS * 2 * PEAK_SIDE**3),
        amount=flops / 1e9,
        unit="GFLOP/s",
    )


def bare(settings: VGGFaceSettings, device: str, frames: int) -> Callable[[], None]:
    """The network alone on so many frames, in preprocessed batches that lie on the device."""
    fitted = fit_to_device(settings, device)
    vgg = load_vggface(fitted, device)
    side, size = fitted.input_size, fitted.batch_size
    assert size is not None
    parameter = next(vgg.parameters())
    batch = torch.randn(size, 3, side, side).mul(64).to(parameter)
    batch = batch.to(memory_format=torch.channels_last)

    def work() -> None:
        with torch.inference_mode():
            for _ in range(-(-frames // size)):
                vgg(batch)
        if parameter.is_cuda:
            torch.cuda.synchronize()

    return work


def make_crops(count: int) -> NDArray[np.uint8]:
    """Smooth pictures with some noise, which compress about as faces do."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(16, 240, (count, 8, 8, 3), np.uint8)
    noise = rng.integers(0, 16, (CROP, CROP, 3), np.uint8)
    smooth = [cv2.resize(picture, (CROP, CROP)) for picture in coarse]
    return np.stack([np.asarray(picture, np.uint8) + noise for picture in smooth])


def keras_model(vgg: VGGFaceFC6) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """VGG-Face up to fc6 in Keras, with the weights of a network."""
    os.environ["KERAS_BACKEND"] = "torch"
    from keras import Sequential, layers

    model = Sequential([layers.Input((224, 224, 3))])
    for block, channels in enumerate(BLOCKS, start=1):
        for number, outputs in enumerate(channels, start=1):
            name = f"conv{block}_{number}"
            model.add(layers.Conv2D(outputs, 3, padding="same", activation="relu", name=name))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(FC6, name="fc6"))
    state = {name: value.float().numpy() for name, value in vgg.state_dict().items()}
    for layer, module in LAYERS.items():
        weight = state[f"{module}.weight"]
        if layer == "fc6":  # Keras flattens (rows, columns, channels), torch channels first
            maps = weight.reshape(FC6, -1, POOLED, POOLED)
            kernel = maps.transpose(2, 3, 1, 0).reshape(-1, FC6)
        else:
            kernel = weight.transpose(2, 3, 1, 0)
        model.get_layer(layer).set_weights([kernel, state[f"{module}.bias"]])
    return lambda pictures: np.asarray(
        model.predict(pictures, batch_size=len(pictures), verbose=0), np.float32
    )


def _name(settings: VGGFaceSettings, device: str) -> str:
    size = settings.input_size
    where = ", GPU" if device == "cuda" else ""
    return f"{size}×{size}, {settings.precision}{where}"
