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
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from features.errors import InputError
from features.extractors.vggface.network import Origin, VGGFaceFC6
from features.extractors.vggface.weight_files import (
    LAYERS,
    ORIGIN,
    REMEDY,
    check_layers,
    read_keras,
    read_origin,
    select_layers,
)
from features.files import whole
from features.hashes import hash_of_file, verify_sha256
from features.torch_files import read_state

_INPUT_SIZE = 64
"""About the size of a value that was preprocessed as `vggface`."""


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
    verify_sha256(path, sha256, "weight file", REMEDY)
    with torch.device("meta"):
        expected = VGGFaceFC6(Origin("none", "rgb"), width=width).state_dict()
    if path.suffix in (".h5", ".hdf5"):
        origin = Origin("keras-vggface", "bgr")
        state = read_keras(path, expected)
    else:
        weights = read_state(path, REMEDY)
        is_torchvision = "features.0.weight" in weights
        origin = Origin("torchvision" if is_torchvision else "vgg_face_dag", "rgb")
        state = select_layers(path, weights, expected, torchvision=is_torchvision)
        if path.suffix == ".safetensors":
            origin = read_origin(path) or origin
    check_layers(path, state)
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
    metadata = {ORIGIN: json.dumps(asdict(network.origin))}
    try:
        with whole(target) as place:
            save_file(state, place, metadata)
            shutil.copymode(source, place)  # safetensors lets nobody else read it
    except (OSError, SafetensorError) as error:
        raise InputError(f"{target} cannot be written ({error})", "choose another place") from error
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
        raise InputError(f"{path} cannot be read ({error.strerror})", REMEDY) from error


if __name__ == "__main__":
    main()
