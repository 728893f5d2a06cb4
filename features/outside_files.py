"""Files of arrays from elsewhere, looked at before anything of them is read into memory.

What a header states is compared with what the file holds and with what is wanted of it; what leads
to another file is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import InputError

if TYPE_CHECKING:
    import h5py

MOST_HEADER = 64 << 20
"""Bytes of the header of safetensors."""

AGAIN = "get the file again"

_ITEM_BYTES = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"), 1),
}

Shape = tuple[int, ...]

# ------------------------------------------------------------------ safetensors


def check_safetensors(
    path: Path, shapes: Mapping[str, Shape] | None = None, remedy: str = AGAIN
) -> dict[str, Shape]:
    """Check the header of a safetensors file.

    Args:
        path: of the file.
        shapes: of tensors that it must have; None where that is checked elsewhere.
        remedy: what to do where it is refused.

    Returns:
        The shape of every tensor.

    Raises:
        FileNotFoundError: there is none.
        InputError: the header is too long or damaged, tensors overlap or lie outside the file, or
            one is missing or has another shape.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        length = int.from_bytes(file.read(8), "little")
        if length > min(MOST_HEADER, size - 8):
            raise InputError(f"{path} states a header of {length:,} bytes", remedy)
        content = file.read(length)
    try:
        header = json.loads(content)
        header.pop("__metadata__", None)
        stated = {name: _stated(tensor) for name, tensor in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} has a damaged header", remedy) from error
    end = 0
    for name, (_, size_, (first, last)) in sorted(stated.items(), key=lambda entry: entry[1][2]):
        if first != end or last - first != size_ or 8 + length + last > size:
            raise InputError(f"{path}: {name} does not lie where the header says", remedy)
        end = last
    found = {name: shape for name, (shape, *_) in stated.items()}
    for name, shape in (shapes or {}).items():
        if name not in found:
            raise InputError(f"{path} has no {name}", remedy)
        if found[name] != shape:
            raise InputError(f"{path}: {name} has shape {found[name]}, expected {shape}", remedy)
    return found


def _stated(tensor: Mapping[str, Any]) -> tuple[Shape, int, tuple[int, int]]:
    """Shape, bytes and place of a tensor."""
    shape = tuple(tensor["shape"])
    first, last = tensor["data_offsets"]
    numbers = (*shape, first, last)
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
        raise ValueError("a number that is none")
    return shape, math.prod(shape) * _ITEM_BYTES[tensor["dtype"]], (first, last)


# ------------------------------------------------------------------ HDF5


def h5_member(path: Path, parent: h5py.Group, place: str, remedy: str, what: str = "") -> Any:
    """A group or dataset of an HDF5 file that lies in the file itself, by hard links alone.

    Args:
        path: of the file, for messages.
        parent: opened.
        place: groups separated by slashes.
        remedy: what to do where it is refused.
        what: it is called in messages; by default its place.

    Raises:
        InputError: there is none, or a link leads elsewhere.
    """
    import h5py

    member: Any = parent
    for part in place.split("/"):
        link = member.get(part, getlink=True) if isinstance(member, h5py.Group) else None
        if link is None:
            raise InputError(f"{path} has no {what or place}", remedy)
        if not isinstance(link, h5py.HardLink):
            raise InputError(f"{path}: {what or place} is a link", remedy)
        member = member[part]
    return member


def h5_dataset(
    path: Path,
    file: h5py.Group,
    place: str,
    *,
    what: str = "",
    shape: Shape | None = None,
    kinds: str = "f",
    remedy: str = AGAIN,
) -> h5py.Dataset:
    """A dataset of an HDF5 file that lies in the file itself; nothing of it is read.

    Args:
        path: of the file, for messages.
        file: opened.
        place: of the dataset, groups separated by slashes.
        what: it is called in messages; by default its place.
        shape: that it must have; None for any.
        kinds: of numbers, as numpy has them.
        remedy: what to do where it is refused.

    Raises:
        InputError: there is none, a link leads elsewhere, its values lie in other files, or it has
            another shape or kind of numbers.
    """
    import h5py

    what = what or place
    member = h5_member(path, file, place, remedy, what)
    if not isinstance(member, h5py.Dataset) or member.dtype.kind not in kinds:
        raise InputError(f"{path}: {what} is not an array of numbers", remedy)
    if member.is_virtual or member.external:
        raise InputError(f"{path}: {what} lies in another file", remedy)
    if shape is not None and member.shape != shape:
        raise InputError(f"{path}: {what} has shape {member.shape}, expected {shape}", remedy)
    return member
