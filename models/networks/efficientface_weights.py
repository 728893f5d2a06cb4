"""Weights of EfficientFace as its authors publish them, for the network of this package."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from features.errors import InputError
from features.hashes import verify_sha256
from features.torch_files import check_finite, checked_tensor, read_state
from models.networks.efficientface import BLOCKS

REMEDY = (
    "give weights of EfficientFace that github.com/zengqunzhao/EfficientFace links to "
    "(.pth, .tar), or the same as safetensors"
)

FIRST = "conv1.0.weight"
"""A name that every file has, behind what a wrapper or a larger network puts before it."""

_GATES = {
    "modulator.channel": (
        "modulator.channel_att.gate_c.gate_c_",
        {0: "fc_0", 1: "bn_1", 3: "fc_final"},
    ),
    "modulator.place": (
        "modulator.spatial_att.gate_s.gate_s_",
        {
            0: "conv_reduce0",
            1: "bn_reduce0",
            3: "conv_di_0",
            4: "bn_di_0",
            6: "conv_di_1",
            7: "bn_di_1",
            9: "conv_final",
        },
    ),
}
"""Of each gate here: how published names begin, and how they end, by the layer's number."""


def read_published(path: Path, sha256: str, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in a file, with the names of `EfficientFace` here.

    A published convolution that has a bias and is normalised after it has none here: the bias is
    taken off the mean that the normalisation takes away. Layers that `EfficientFace` does not have,
    such as those of classes, are left aside; the weights may be a part of a larger network's.

    Args:
        path: a state dict, or one under the name `state_dict`.
        sha256: what the hash of the file must be; checked before it is read.
        expected: the network's own, for names and shapes.

    Raises:
        InputError: the file has another hash, cannot be read, does not fit, or has values that are
            not finite.
    """
    verify_sha256(path, sha256, "weight file", REMEDY)
    content = read_state(path, REMEDY)
    within = content.get("state_dict")
    content = within if isinstance(within, Mapping) else content
    prefix = next((n.removesuffix(FIRST) for n in map(str, content) if n.endswith(FIRST)), "")

    def tensor(name: str, shape: tuple[int, ...]) -> Tensor:
        if prefix + name not in content:
            raise InputError(f"{path} has no {name} of EfficientFace", REMEDY)
        found = checked_tensor(path, content[prefix + name], name, shape, REMEDY)
        check_finite(path, found, name, REMEDY)
        return found

    state = dict(expected)
    for ours, theirs in _modules():
        for kind in ("weight", "bias", "running_mean", "running_var"):
            if (name := f"{ours}.{kind}") in expected:
                shape = tuple(expected[name].shape)
                published = shape[:2] if ".gate_c_fc" in theirs and kind == "weight" else shape
                state[name] = tensor(f"{theirs}.{kind}", published).reshape(shape)
    for norm, theirs in _biases():
        mean = state[f"{norm}.running_mean"]
        state[f"{norm}.running_mean"] = mean - tensor(f"{theirs}.bias", tuple(mean.shape))
    return state


def _modules() -> Iterator[tuple[str, str]]:
    """Every layer that has weights: its name here, and the published one."""
    for number in (0, 1):
        yield f"first.{number}", f"conv1.{number}"
        yield f"last.{number}", f"conv5.{number}"
    for stage, count in enumerate(BLOCKS):
        for block in range(count):
            here, there = f"stages.{stage}.{block}", f"stage{stage + 2}.{block}"
            for number in (0, 1, 2, 3) if block == 0 else ():
                yield f"{here}.short.{number}", f"{there}.branch1.{number}"
            for number in (0, 1, 3, 4, 5, 6):
                yield f"{here}.long.{number}", f"{there}.branch2.{number}"
    for quarter in range(4):
        for number, name in enumerate(("conv{}_1", "bn{}_1", "", "conv{}_2", "bn{}_2")):
            if name:
                yield f"local.quarters.{quarter}.{number}", f"local.{name.format(quarter + 1)}"
    for gate, (begin, names) in _GATES.items():
        for number, name in names.items():
            yield f"{gate}.{number}", begin + name


def _biases() -> Iterator[tuple[str, str]]:
    """Norms here, and the published layers before them that have a bias."""
    for gate, (begin, names) in _GATES.items():
        for number, name in names.items():
            if number + 1 in names:
                yield f"{gate}.{number + 1}", begin + name
