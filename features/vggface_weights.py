"""Weights of VGG-Face: published files, converted exactly, or random ones."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from features.errors import InputError
from features.vggface import BLOCKS, POOLED, Origin, VGGFaceFC6

_REMEDY = "give a VGG-16 weight file of keras-vggface (.h5) or torch (.pth, .pt, .safetensors)"
_INPUT_SIZE = 64
"""About the size of a value that was preprocessed as `vggface`."""


def _layer_modules() -> dict[str, str]:
    """Map Caffe's layer names, which weight files use, to torchvision's."""
    modules, index = {}, 0
    for block, channels in enumerate(BLOCKS, start=1):
        for convolution in range(1, len(channels) + 1):
            modules[f"conv{block}_{convolution}"] = f"features.{index}"
            index += 2  # a convolution and its ReLU
        index += 1  # pooling
    return {**modules, "fc6": "classifier.0"}


LAYERS = _layer_modules()


def load_weights(path: str | Path, sha256: str, *, width: float = 1.0) -> VGGFaceFC6:
    """Read a weight file into a network.

    Three kinds are known; what lies after fc6 is ignored:
    - keras-vggface's `.h5`, whose input is BGR,
    - a torch state dict (`.pth`, `.pt`, `.safetensors`) with the names conv1_1 … fc6, as in
      `vgg_face_dag.pth`, whose input is RGB,
    - a torch state dict with torchvision's names, taken to be RGB.

    Args:
        path: the file; its suffix tells its format.
        sha256: what the hash of the file must be, in hexadecimal; checked before it is parsed.
        width: of the network, as in `VGGFaceFC6`.

    Raises:
        InputError: the file is missing, has another hash, cannot be read or does not fit.
    """
    path = Path(path)
    _verify(path, sha256)
    name: str
    order: Literal["rgb", "bgr"] = "rgb"
    with torch.device("meta"):
        expected = VGGFaceFC6(Origin("none", order), width=width).state_dict()
    if path.suffix in (".h5", ".hdf5"):
        name, order = "keras-vggface", "bgr"
        state = _read_keras(path, expected)
    else:
        found = _read_torch(path)
        name = "torchvision" if "features.0.weight" in found else "vgg_face_dag"
        state = _select(path, found, expected, torchvision=name == "torchvision")
    return _network(state, Origin(name, order, sha256.lower()), width)


def random_weights(seed: int, *, width: float = 1.0) -> VGGFaceFC6:
    """Draw the weights: He's initialisation (2015, eq. 10), biases zero, two changes.

    conv1_1 is divided by the size of its input, so that fc6 is of the order of 1. The kernels of
    the last block and of fc6 each sum to zero: otherwise fc6 is nearly the same for every picture
    (2 % of its power differs between faces; 12 % this way; doing it in all layers makes fc6
    follow a shift of the crop more than the face in it).
    """
    generator = np.random.default_rng(seed)
    origin = Origin("random", "rgb")
    with torch.device("meta"):
        expected = VGGFaceFC6(origin, width=width).state_dict()
    state = {}
    for layer, module in LAYERS.items():
        outputs, *inputs = expected[f"{module}.weight"].shape
        kernels = generator.standard_normal((outputs, math.prod(inputs)), np.float32)
        if layer.startswith(("conv5", "fc6")):
            kernels -= kernels.mean(axis=1, keepdims=True)
        size = _INPUT_SIZE if layer == "conv1_1" else 1
        kernels *= np.float32(math.sqrt(2 / math.prod(inputs)) / size)
        state[f"{module}.weight"] = torch.from_numpy(kernels).reshape(outputs, *inputs)
        state[f"{module}.bias"] = torch.zeros(outputs)
    return _network(state, origin, width)


def _network(state: dict[str, Tensor], origin: Origin, width: float) -> VGGFaceFC6:
    with torch.device("meta"):
        network = VGGFaceFC6(origin, width=width)
    network.load_state_dict(state, assign=True)
    return network.eval()


def _verify(path: Path, sha256: str) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"weight file {path} cannot be read ({error.strerror})", _REMEDY
        ) from error
    if found != sha256.lower():
        reason = f"weight file {path} has sha256 {found}, expected {sha256}"
        raise InputError(reason, "download it again or correct the sha256")


def _check_shape(path: Path, layer: str, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise InputError(f"{path}: {layer} has shape {found}, expected {expected}", _REMEDY)


# ------------------------------------------------------------------ Keras


def _read_keras(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    import h5py

    state = {}
    try:
        with h5py.File(path, "r") as file:
            for layer, module in LAYERS.items():
                kernel = _keras_array(path, file, layer, ("kernel", "W_1"))
                bias = _keras_array(path, file, layer, ("bias", "b_1"))
                outputs, *inputs = expected[f"{module}.weight"].shape
                if layer == "fc6":
                    channels = inputs[0] // POOLED**2
                    _check_shape(path, layer, kernel.shape, (inputs[0], outputs))
                    # Keras flattens (rows, columns, channels), torch (channels, rows, columns).
                    kernel = kernel.reshape(POOLED, POOLED, channels, outputs)
                    weight = kernel.transpose(3, 2, 0, 1).reshape(outputs, -1)
                else:
                    _check_shape(path, layer, kernel.shape, (3, 3, inputs[0], outputs))
                    weight = kernel.transpose(3, 2, 0, 1)
                _check_shape(path, f"the bias of {layer}", bias.shape, (outputs,))
                state[f"{module}.weight"] = torch.from_numpy(np.ascontiguousarray(weight))
                state[f"{module}.bias"] = torch.from_numpy(bias)
    except OSError as error:
        raise InputError(f"{path} is no HDF5 file", _REMEDY) from error
    return state


def _keras_array(path: Path, file: Any, layer: str, names: tuple[str, str]) -> NDArray[np.float32]:
    """One array of a layer under its name of today, or of Keras before 2.0."""
    today, before = names
    for place in (f"{layer}/{layer}/{today}:0", f"{layer}/{layer}_{before}:0"):
        if place in file:
            return file[place][()].astype(np.float32)
    raise InputError(f"{path} has no {today} of the layer {layer}", _REMEDY)


# ------------------------------------------------------------------ torch


def _read_torch(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, UnpicklingError, SafetensorError) as error:
        raise InputError(f"{path} is no file of torch weights", _REMEDY) from error
    if not isinstance(found, Mapping):
        raise InputError(f"{path} holds no state dict", _REMEDY)
    return found


def _select(
    path: Path, found: Mapping[str, Any], expected: Mapping[str, Tensor], *, torchvision: bool
) -> dict[str, Tensor]:
    state = {}
    for layer, module in LAYERS.items():
        for kind in ("weight", "bias"):
            key = f"{module if torchvision else layer}.{kind}"
            if not isinstance(found.get(key), Tensor):
                raise InputError(f"{path} has no {kind} of the layer {layer} ({key})", _REMEDY)
            shape = tuple(expected[f"{module}.{kind}"].shape)
            _check_shape(path, key, tuple(found[key].shape), shape)
            state[f"{module}.{kind}"] = found[key].float()
    return state
