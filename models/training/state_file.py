"""A tree of tensors and plain values as one file that tells when a bit of it has changed.

The tensors and, as JSON, the tree are safetensors; the last 32 bytes are the SHA-256 of all before
them. Nothing of it is code: no pickle is read.
"""

import fcntl
import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from features.hashes import sealed, unsealed

_TREE = "tree"


class DamagedStateError(Exception):
    """A file is not what was written."""


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state beside `path`, then move it there: neither a kill nor a full disk leaves half.

    Args:
        path: of the file; its folder is made.
        state: dicts with keys of texts or whole numbers, lists, tuples, tensors, and what JSON has.

    Raises:
        OSError: it cannot be written.
        TypeError: something else is in it.
    """
    tensors: dict[str, Tensor] = {}
    tree = json.dumps(_taken_apart(state, tensors))
    content = safetensors.torch.save(tensors, {_TREE: tree})
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with partial.open("wb") as file:
            with suppress(OSError):  # the file system may have no locks
                fcntl.flock(file, fcntl.LOCK_EX)  # who deletes what killed runs left spares it
            file.write(sealed(content))
            file.flush()
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_state(path: Path) -> dict[str, Any]:
    """A state as it was written; tensors on the CPU.

    Raises:
        FileNotFoundError: there is none.
        DamagedStateError: a byte of it is another one, or is missing.
    """
    content = unsealed(path.read_bytes())
    if content is None:
        raise DamagedStateError(f"{path} is damaged")
    header_bytes = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + header_bytes])
    tree = json.loads(header["__metadata__"][_TREE])
    state: dict[str, Any] = _put_together(tree, safetensors.torch.load(content))
    return state


def _taken_apart(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The tree with the number of a tensor in its place; each inner node is [kind, content]."""
    if isinstance(value, Tensor):
        number = str(len(tensors))
        tensors[number] = value.detach().cpu().contiguous().clone()  # shares memory with no other
        return ["tensor", number]
    if isinstance(value, Mapping):
        return ["dict", [[key, _taken_apart(inner, tensors)] for key, inner in value.items()]]
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return [kind, [_taken_apart(inner, tensors) for inner in value]]
    return ["plain", value]


def _put_together(tree: Any, tensors: Mapping[str, Tensor]) -> Any:
    kind, content = tree
    match kind:
        case "tensor":
            return tensors[content]
        case "dict":
            return {key: _put_together(inner, tensors) for key, inner in content}
        case "list":
            return [_put_together(inner, tensors) for inner in content]
        case "tuple":
            return tuple(_put_together(inner, tensors) for inner in content)
    return content
