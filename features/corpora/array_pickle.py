"""Reading numpy arrays out of a pickle without running what else it may hold.

A pickle is a program. Here nothing that it names is ever imported: the few names that a numpy array
needs stand for functions of this module, and any other is refused. What it says an array is made of
is checked before numpy sees it.

The file is mapped into memory and arrays are views of it: reading takes no memory to speak of, and
a part of an array is read from disk when it is looked at.
"""

import math
import mmap
import pickle
import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError

VIEWED_BYTES = 2**16
"""From this size on, what is read is a view of the file and not a copy."""

_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|[SU]\d{1,4}|O8?")


def read_arrays(
    file: Path, sections: Sequence[str], keys: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, dict[str, NDArray[Any]]]:
    """The arrays of a pickle that is a dictionary of dictionaries of arrays: section, then key.

    Arrays of objects may hold texts and numbers only; a list of these counts as such an array.
    Other keys may be there.

    Args:
        file: the pickle.
        sections: its keys.
        keys: of a section.
        optional: keys that a section may be without.

    Raises:
        InputError: the file is not such a pickle, or names anything else than arrays need.
    """
    try:
        with file.open("rb") as stream:
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        tree = _ArrayUnpickler(_MappedFile(mapped)).load()
        return {
            s: {key: _array_of(tree[s][key]) for key in (*keys, *(set(optional) & set(tree[s])))}
            for s in sections
        }
    except _RefusedError as error:
        raise InputError(
            f"{file} is refused: {error}", "get the file again; do not load it in any other way"
        ) from error
    except Exception as error:  # there is no telling what a damaged pickle makes of its reader
        problem = f"{type(error).__name__}: {error}"[:200]
        raise InputError(
            f"{file} is not a pickle of {', '.join(keys)} in {', '.join(sections)} ({problem})",
            "get the file again",
        ) from error


def read_dictionary(content: bytes, where: str) -> dict[str, Any]:
    """The one dictionary of a pickled array of objects without axes: so numpy saves dictionaries.

    Args:
        content: the pickle, behind the header of a .npy.
        where: what to call it in a message.

    Raises:
        InputError: it is something else, or names anything else than arrays and numbers need.
    """
    try:
        tree = _ArrayUnpickler(_MappedFile(content)).load()
        if isinstance(tree, _PickledArray):
            _, shape, _, _, (tree,) = tree.state
            if shape != ():
                raise _RefusedError(f"it has an array of shape {shape}")
        if not isinstance(tree, dict):
            raise _RefusedError("it is no dictionary")
    except _RefusedError as error:
        raise InputError(
            f"{where} is refused: {error}", "get the file again; do not load it in any other way"
        ) from error
    except Exception as error:  # there is no telling what a damaged pickle makes of its reader
        problem = f"{type(error).__name__}: {error}"[:200]
        raise InputError(
            f"{where} is not a pickled dictionary ({problem})", "get the file again"
        ) from error
    return tree


def _array_of(value: Any) -> NDArray[Any]:
    if isinstance(value, list):
        if not all(isinstance(one, str | bytes | int | float) for one in value):
            raise _RefusedError("it has a list of what are not texts or numbers")
        return np.array([*value, None], dtype=object)[:-1]
    array: NDArray[Any] = value.array()
    return array


class _RefusedError(Exception):
    """The pickle asks for what is not admitted."""


class _PickledDtype:
    """A dtype as a pickle describes it: a name such as f4, and a state with the byte order."""

    def __init__(self, name: str, *_: object) -> None:
        self.name = name
        self.state: Any = (3, "=")

    def dtype(self) -> np.dtype[Any]:
        if not _DTYPE.fullmatch(self.name):
            raise _RefusedError(f"it has an array of dtype {self.name!r}")
        return np.dtype(self.name).newbyteorder(self.state[1])


class _PickledArray:
    """An array as a pickle describes it: (version, shape, dtype, column order, content)."""

    def __init__(self) -> None:
        self.state: Any = None

    def array(self) -> NDArray[Any]:
        _, shape, described, by_columns, content = self.state
        if not all(isinstance(length, int) for length in shape):
            raise _RefusedError("it has an array whose shape is not of numbers")
        dtype, size = described.dtype(), math.prod(shape)
        if dtype.hasobject:
            if not all(isinstance(value, str | bytes | int | float) for value in content):
                raise _RefusedError("it has an array of objects that are not texts or numbers")
            values = np.array([*content, None], dtype=object)[:-1]
        else:
            content = content.encode("latin1") if isinstance(content, str) else content
            values = np.frombuffer(content, dtype) if len(content) else np.empty(0, dtype)
        if len(values) != size:
            raise _RefusedError(f"it has {len(values)} values for an array of shape {shape}")
        return values.reshape(shape, order="F" if by_columns else "C")


def _reconstruct(*_: object) -> _PickledArray:
    return _PickledArray()


def _from_buffer(content: Any, dtype: _PickledDtype, shape: Any, order: str) -> _PickledArray:
    array = _PickledArray()
    array.state = (1, shape, dtype, order == "F", content)
    return array


def _scalar(described: _PickledDtype, content: Any) -> Any:
    """A number of numpy's, as one of Python's."""
    dtype = described.dtype()
    content = content.encode("latin1") if isinstance(content, str) else content
    if dtype.kind not in "biuf" or len(content) != dtype.itemsize:
        raise _RefusedError(f"it has a single {dtype} of {len(content)} bytes")
    return np.frombuffer(content, dtype)[0].item()


class _MappedFile:
    """What an unpickler reads from; it cannot be made to claim more than the file has."""

    def __init__(self, mapped: mmap.mmap | bytes) -> None:
        self.mapped = mapped
        self.view = memoryview(mapped)
        self.at = 0

    def read(self, size: int) -> bytes | memoryview:
        end = self.at + size
        if size < 0 or end > len(self.view):
            raise EOFError("the file is cut short")
        part = self.view[self.at : end]
        self.at = end
        return part if size >= VIEWED_BYTES else bytes(part)

    def readline(self) -> bytes:
        end = self.mapped.find(b"\n", self.at)
        if end < 0:
            raise EOFError("a line does not end")
        return bytes(self.read(end + 1 - self.at))


# The unpickler in Python and not the one in C: that copies all it reads, and its memo can be made
# to fill any amount of memory by one instruction.
_PythonUnpickler: Any = pickle._Unpickler


class _ArrayUnpickler(_PythonUnpickler):
    """Makes arrays, dictionaries, lists, texts and numbers, and nothing else."""

    def __init__(self, file: _MappedFile) -> None:
        super().__init__(file, encoding="latin1")  # as Python 2 wrote arrays
        self.left_to_encode = len(file.view)
        self.admitted: dict[str, Callable[..., object]] = {
            "numpy.ndarray": _PickledArray,
            "numpy.dtype": _PickledDtype,
            "_codecs.encode": self.encode,
        }
        for core in ("numpy.core", "numpy._core"):  # before numpy 2, and since
            self.admitted[f"{core}.multiarray._reconstruct"] = _reconstruct
            self.admitted[f"{core}.multiarray.scalar"] = _scalar
            self.admitted[f"{core}.numeric._frombuffer"] = _from_buffer

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        """What stands for a name; it is not imported."""
        try:
            return self.admitted[f"{module}.{name}"]
        except KeyError:
            raise _RefusedError(f"it asks for {module}.{name}") from None

    def encode(self, text: str, encoding: str) -> bytes:
        """Bytes as protocol 2 writes them; together never more than the file has."""
        self.left_to_encode -= len(text)
        if encoding != "latin1" or self.left_to_encode < 0:
            raise _RefusedError("it encodes other texts than its own")
        return text.encode("latin1")

    def load_build(self) -> None:
        """Give an array or a dtype its state, and nothing else."""
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _PickledArray | _PickledDtype):
            raise _RefusedError(f"it sets the state of a {type(self.stack[-1]).__name__}")
        self.stack[-1].state = state

    def load_bytearray8(self) -> None:
        """Read bytes of protocol 5; the inherited way makes room before it knows they are there."""
        (size,) = struct.unpack("<Q", self.read(8))
        self.append(self.read(size))

    # A tuple of tuples, made of a few bytes, takes for ever to hash: only texts are keys.

    def load_setitem(self) -> None:
        """Add to a dictionary."""
        _check_keys(self.stack[-2:-1])
        super().load_setitem()

    def load_setitems(self) -> None:
        """Add several to a dictionary."""
        _check_keys(self.stack[::2])
        super().load_setitems()

    def load_dict(self) -> None:
        """Make a dictionary."""
        _check_keys(self.stack[::2])
        super().load_dict()

    def load_set(self) -> None:
        """Refuse a set of either kind."""
        raise _RefusedError("it has a set")

    dispatch: ClassVar = {
        **_PythonUnpickler.dispatch,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.DICT[0]: load_dict,
        pickle.EMPTY_SET[0]: load_set,
        pickle.ADDITEMS[0]: load_set,
        pickle.FROZENSET[0]: load_set,
        pickle.BUILD[0]: load_build,
        pickle.BYTEARRAY8[0]: load_bytearray8,
    }


def _check_keys(keys: Sequence[object]) -> None:
    if not all(isinstance(key, str | bytes) for key in keys):
        raise _RefusedError("it has a dictionary whose keys are not texts")
