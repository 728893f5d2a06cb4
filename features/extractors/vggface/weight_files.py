"""What weight files of VGG-Face hold: the arrays of Keras' and torch's, checked and in one form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor

from features.errors import InputError
from features.extractors.vggface.network import BLOCKS, POOLED, ChannelOrder, Origin
from features.outside_files import h5_dataset
from features.torch_files import check_finite, checked_tensor

REMEDY = "give a VGG-16 weight file of keras-vggface (.h5) or torch (.pth, .pt, .safetensors)"
ORIGIN = "lacuna.origin"
"""Under which safetensors' metadata name the source of converted weights."""


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


def check_layers(path: Path, state: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not finite.

    Raises:
        InputError: names the layer.
    """
    for layer, module in LAYERS.items():
        for kind in ("weight", "bias"):
            check_finite(path, state[f"{module}.{kind}"], f"the {kind} of {layer}", REMEDY)


# ------------------------------------------------------------------ Keras


def read_keras(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in a file of Keras, with the names and shapes of `expected`.

    Raises:
        InputError: the file cannot be read, or does not fit.
    """
    import h5py

    state = {}
    try:
        with h5py.File(path, "r") as file:
            for layer, module in LAYERS.items():
                outputs, *inputs = expected[f"{module}.weight"].shape
                size = (inputs[0], outputs) if layer == "fc6" else (3, 3, inputs[0], outputs)
                kernel = _keras_array(path, file, layer, ("kernel", "W_1"), size)
                bias = _keras_array(path, file, layer, ("bias", "b_1"), (outputs,))
                if layer == "fc6":
                    channels = inputs[0] // POOLED**2
                    # Keras flattens (rows, columns, channels), torch (channels, rows, columns).
                    kernel = kernel.reshape(POOLED, POOLED, channels, outputs)
                    weight = kernel.transpose(3, 2, 0, 1).reshape(outputs, -1)
                else:
                    weight = kernel.transpose(3, 2, 0, 1)
                state[f"{module}.weight"] = torch.from_numpy(np.ascontiguousarray(weight))
                state[f"{module}.bias"] = torch.from_numpy(bias)
    except (OSError, KeyError, RuntimeError, ValueError) as error:  # what h5py makes of damage
        raise InputError(f"{path} is not an HDF5 file, or is damaged", REMEDY) from error
    return state


def _keras_array(
    path: Path, file: Any, layer: str, names: tuple[str, str], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """One array of a layer under its name of today, or of Keras before 2.0."""
    today, before = names
    places = (f"{layer}/{layer}/{today}:0", f"{layer}/{layer}_{before}:0")
    place = next((place for place in places if place in file), places[0])
    if place not in file:
        raise InputError(f"{path} has no {today} of the layer {layer}", REMEDY)
    what = f"the {today} of {layer}"
    dataset = h5_dataset(path, file, place, what=what, shape=shape, remedy=REMEDY)
    return np.asarray(dataset[()], np.float32)


# ------------------------------------------------------------------ torch


def read_origin(path: Path) -> Origin | None:
    """What `convert` wrote about a file's source; None for a file of another making."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    if ORIGIN not in metadata:
        return None
    try:
        origin = Origin(**json.loads(metadata[ORIGIN]))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} does not say where its weights come from", REMEDY) from error
    if origin.channel_order not in get_args(ChannelOrder):
        raise InputError(f"{path} has no channel order {origin.channel_order}", REMEDY)
    return origin


def select_layers(
    path: Path, weights: Mapping[str, Any], expected: Mapping[str, Tensor], *, torchvision: bool
) -> dict[str, Tensor]:
    """The weights of a state dict that the network has, with its names.

    Args:
        path: of the file, for messages.
        weights: its state dict.
        expected: the network's weights, for their shapes.
        torchvision: whether the names are torchvision's, not Caffe's.

    Raises:
        InputError: a layer is missing or does not fit.
    """
    state = {}
    for layer, module in LAYERS.items():
        for kind in ("weight", "bias"):
            key = f"{module if torchvision else layer}.{kind}"
            if not isinstance(weights.get(key), Tensor):
                raise InputError(f"{path} has no {kind} of the layer {layer} ({key})", REMEDY)
            shape = tuple(expected[f"{module}.{kind}"].shape)
            tensor_name = f"the {kind} of {layer} ({key})"
            state[f"{module}.{kind}"] = checked_tensor(
                path, weights[key], tensor_name, shape, REMEDY
            )
    return state
