"""Weight files of torch and safetensors from elsewhere: read as tensors alone, and checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from features.errors import InputError
from features.outside_files import check_safetensors


def read_state(path: Path, remedy: str) -> Mapping[str, Any]:
    """The state dict in a file of torch or, by its suffix, of safetensors.

    Raises:
        InputError: the file cannot be read, or has no state dict.
    """
    try:
        if path.suffix == ".safetensors":
            check_safetensors(path, remedy=remedy)
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        raise InputError(f"{path} is not a file of torch weights", remedy) from error
    if not isinstance(content, Mapping):
        raise InputError(f"{path} holds no state dict", remedy)
    return content


def checked_tensor(
    path: Path, value: Any, name: str, shape: tuple[int, ...], remedy: str
) -> Tensor:
    """A tensor of a state dict as float32.

    Args:
        path: of the file, for messages.
        value: what the state dict has.
        name: of it, for messages.
        shape: that it must have.
        remedy: what to do where it is refused.

    Raises:
        InputError: it is no dense tensor of floats, or has another shape.
    """
    if not isinstance(value, Tensor) or not _is_plain(value):
        raise InputError(f"{path}: {name} is not a dense tensor of floats", remedy)
    if tuple(value.shape) != shape:
        raise InputError(f"{path}: {name} has shape {tuple(value.shape)}, expected {shape}", remedy)
    return value.float()


def check_finite(path: Path, value: Tensor, name: str, remedy: str) -> None:
    """Refuse a tensor whose values are not finite, in words as above.

    Raises:
        InputError: one is not.
    """
    if not value.isfinite().all():
        raise InputError(f"{path}: {name} has values that are not finite", remedy)


def _is_plain(tensor: Tensor) -> bool:
    """Whether it is dense, of floating point, and has its values with it."""
    dense = tensor.layout == torch.strided and not tensor.is_nested
    return dense and tensor.is_floating_point() and not tensor.is_meta
