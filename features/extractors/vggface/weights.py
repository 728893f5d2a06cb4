"""Weights of VGG-Face: published files, converted exactly, or random ones.

`python -m features.extractors.vggface.weights convert IN OUT.safetensors` keeps of a file what fc6
needs.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from features.errors import InputError
from features.extractors.vggface.network import BLOCKS, POOLED, ChannelOrder, Origin, VGGFaceFC6
from features.hashes import hash_of_file, verify_sha256

_REMEDY = "give a VGG-16 weight file of keras-vggface (.h5) or torch (.pth, .pt, .safetensors)"
_ORIGIN = "lacuna.origin"
"""Under which safetensors' metadata name the source of converted weights."""

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

    Four kinds are known; what lies after fc6 is ignored:
    - keras-vggface's `.h5`, whose input is BGR,
    - a torch state dict (`.pth`, `.pt`, `.safetensors`) with the names conv1_1 … fc6, as in
      `vgg_face_dag.pth`, whose input is RGB,
    - a torch state dict with torchvision's names, taken to be RGB,
    - what `convert` writes, which says itself what its input is.

    Args:
        path: the file; its suffix tells its format.
        sha256: what the hash of the file must be, in hexadecimal; checked before it is parsed.
        width: of the network, as in `VGGFaceFC6`.

    Raises:
        InputError: the file is missing, has another hash, cannot be read, does not fit, or has
            values that are not finite.
    """
    path = Path(path)
    verify_sha256(path, sha256, "weight file", _REMEDY)
    with torch.device("meta"):
        expected = VGGFaceFC6(Origin("none", "rgb"), width=width).state_dict()
    if path.suffix in (".h5", ".hdf5"):
        origin = Origin("keras-vggface", "bgr")
        state = _read_keras(path, expected)
    else:
        weights = _read_torch(path)
        is_torchvision = "features.0.weight" in weights
        origin = Origin("torchvision" if is_torchvision else "vgg_face_dag", "rgb")
        state = _select(path, weights, expected, torchvision=is_torchvision)
        if path.suffix == ".safetensors":
            origin = _read_origin(path) or origin
    _check_finite(path, state)
    return _network(state, replace(origin, sha256=sha256.lower()), width)


def convert(
    source: Path, target: Path, sha256: str | None = None, *, width: float = 1.0
) -> tuple[Origin, str]:
    """Write of a weight file what fc6 needs, with its origin, as safetensors.

    Args:
        source: a file that `load_weights` reads.
        target: the file to write.
        sha256: what the hash of the source must be; None when that is to be found out.
        width: of the network, as in `VGGFaceFC6`.

    Returns:
        What was read, and the hash of what was written.

    Raises:
        InputError: the source cannot be read or does not fit, or the target cannot be written.
    """
    if target.suffix != ".safetensors":
        raise InputError(f"{target} is not a name for safetensors", "end it in .safetensors")
    network = load_weights(source, sha256 or _sha256(source), width=width)
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    # One entry: safetensors writes several in any order, and the hash would follow it.
    metadata = {_ORIGIN: json.dumps(asdict(network.origin))}
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        save_file(state, partial, metadata)
        shutil.copymode(source, partial)  # safetensors lets nobody else read it
        partial.replace(target)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{target} cannot be written ({error})", "choose another place") from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return network.origin, _sha256(target)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m features.extractors.vggface.weights")
    command = parser.add_subparsers(required=True).add_parser(
        "convert", help="write what fc6 needs of a file as safetensors"
    )
    command.add_argument("source", type=Path, metavar="IN", help="a file of VGG-Face weights")
    command.add_argument("target", type=Path, metavar="OUT.safetensors", help="the file to write")
    command.add_argument("--sha256", metavar="HEX", help="what the hash of IN must be")
    options = parser.parse_args()
    try:
        origin, written = convert(options.source, options.target, options.sha256)
    except InputError as error:
        print(f"Error: {error}.", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        raise SystemExit(130) from None  # as a shell calls an end by Ctrl-C
    print(f"read {options.source} ({origin.name}, {origin.channel_order}), sha256 {origin.sha256}")
    print(f"wrote {options.target}, sha256 {written}")
    quoted = json.dumps(str(options.target), ensure_ascii=False)
    print(f"for params.yaml:\nfc6:\n  weights: {quoted}\n  sha256: {written}")


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


def _sha256(path: Path) -> str:
    try:
        return hash_of_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", _REMEDY) from error


def _check_shape(path: Path, array: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise InputError(f"{path}: {array} has shape {shape}, expected {expected}", _REMEDY)


def _check_finite(path: Path, state: Mapping[str, Tensor]) -> None:
    for layer, module in LAYERS.items():
        for kind in ("weight", "bias"):
            if not torch.isfinite(state[f"{module}.{kind}"]).all():
                reason = f"{path}: the {kind} of {layer} has values that are not finite"
                raise InputError(reason, _REMEDY)


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
                kernel_name = f"the kernel of {layer}"
                if layer == "fc6":
                    channels = inputs[0] // POOLED**2
                    _check_shape(path, kernel_name, kernel.shape, (inputs[0], outputs))
                    # Keras flattens (rows, columns, channels), torch (channels, rows, columns).
                    kernel = kernel.reshape(POOLED, POOLED, channels, outputs)
                    weight = kernel.transpose(3, 2, 0, 1).reshape(outputs, -1)
                else:
                    _check_shape(path, kernel_name, kernel.shape, (3, 3, inputs[0], outputs))
                    weight = kernel.transpose(3, 2, 0, 1)
                _check_shape(path, f"the bias of {layer}", bias.shape, (outputs,))
                state[f"{module}.weight"] = torch.from_numpy(np.ascontiguousarray(weight))
                state[f"{module}.bias"] = torch.from_numpy(bias)
    except (OSError, KeyError, RuntimeError, ValueError) as error:  # what h5py makes of damage
        raise InputError(f"{path} is not an HDF5 file, or is damaged", _REMEDY) from error
    return state


def _keras_array(path: Path, file: Any, layer: str, names: tuple[str, str]) -> NDArray[np.float32]:
    """One array of a layer under its name of today, or of Keras before 2.0."""
    import h5py

    today, before = names
    for place in (f"{layer}/{layer}/{today}:0", f"{layer}/{layer}_{before}:0"):
        if place in file:
            dataset = file[place]
            if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind != "f":
                raise InputError(
                    f"{path}: the {today} of {layer} is not an array of floats", _REMEDY
                )
            return dataset[()].astype(np.float32)
    raise InputError(f"{path} has no {today} of the layer {layer}", _REMEDY)


# ------------------------------------------------------------------ torch


def _read_torch(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise anything
        raise InputError(f"{path} is not a file of torch weights", _REMEDY) from error
    if not isinstance(content, Mapping):
        raise InputError(f"{path} holds no state dict", _REMEDY)
    return content


def _read_origin(path: Path) -> Origin | None:
    """What `convert` wrote about a file's source; None for a file of another making."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    if _ORIGIN not in metadata:
        return None
    try:
        origin = Origin(**json.loads(metadata[_ORIGIN]))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} does not say where its weights come from", _REMEDY) from error
    if origin.channel_order not in get_args(ChannelOrder):
        raise InputError(f"{path} has no channel order {origin.channel_order}", _REMEDY)
    return origin


def _is_plain(tensor: Tensor) -> bool:
    """Whether it is dense, of floating point, and has its values with it."""
    dense = tensor.layout == torch.strided and not tensor.is_nested
    return dense and tensor.is_floating_point() and not tensor.is_meta


def _select(
    path: Path, weights: Mapping[str, Any], expected: Mapping[str, Tensor], *, torchvision: bool
) -> dict[str, Tensor]:
    state = {}
    for layer, module in LAYERS.items():
        for kind in ("weight", "bias"):
            key = f"{module if torchvision else layer}.{kind}"
            if not isinstance(weights.get(key), Tensor):
                raise InputError(f"{path} has no {kind} of the layer {layer} ({key})", _REMEDY)
            shape = tuple(expected[f"{module}.{kind}"].shape)
            tensor_name = f"the {kind} of {layer} ({key})"
            if not _is_plain(weights[key]):
                raise InputError(f"{path}: {tensor_name} is not a dense tensor of floats", _REMEDY)
            _check_shape(path, tensor_name, tuple(weights[key].shape), shape)
            state[f"{module}.{kind}"] = weights[key].float()
    return state


if __name__ == "__main__":
    main()
