"""Whether work would wait for a GPU, seen without one: what is read back, what is left behind.

Two modes watch every operation of torch. `ReadBacks` lets it compute with real tensors, and notes
where the processor asks for a number: what it gets at once from its own memory it would have to
wait for. `OnDevice` lets it compute without numbers, on torch's `meta` device, which stands for the
GPU: asking for a number is an error there, and so is a tensor that was left on the processor.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from typing_extensions import override

from tests.helpers.project import ROOT

META = torch.device("meta")

ASKING = (
    *("_local_scalar_dense", "nonzero", "nonzero_numpy", "masked_select", "_unique2", "unique_dim"),
    *("equal", "bincount", "is_nonzero"),
)
"""Operators whose result, or its shape, depends on numbers on the device."""

READING = (
    *(Tensor.cpu, Tensor.numpy, Tensor.tolist, Tensor.item, Tensor.__array__),
    *(Tensor.__bool__, Tensor.__int__, Tensor.__float__, Tensor.__index__),
)
"""What copies numbers to the processor, and is no operator where they are there already."""

PACKAGES = tuple(str(ROOT / name) for name in ("features", "models"))


class WaitsError(AssertionError):
    """Work on a device would wait for it, or mixes it with the processor."""


def place() -> str | None:
    """The innermost function of ours that is at work, `module:function`; None for work of tests."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(PACKAGES):
            module = Path(code.co_filename).relative_to(ROOT).with_suffix("")
            return f"{'.'.join(module.parts)}:{code.co_qualname.replace('<locals>.', '')}"
        frame = frame.f_back
    return None


def _asks(function: Any, args: Sequence[Any]) -> bool:
    """Whether the processor has to know what is on the device before it can go on."""
    name = function.overloadpacket.__name__
    if name in ("index", "index_put", "index_put_", "_index_put_impl_"):
        return any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
    return name in ASKING or (name == "repeat_interleave" and "Tensor" in function._overloadname)


class ReadBacks(TorchDispatchMode):
    """Notes where numbers are asked for.

    Attributes:
        places: of ours, `module:function`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.places: set[str | None] = set()

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if _asks(func, args):
            self.places.add(place())
        return func(*args, **(kwargs or {}))


class _Copies(TorchFunctionMode):
    """Tells of calls that copy to the processor, which are no operators there."""

    def __init__(self, tell: Callable[[str | None], None]) -> None:
        super().__init__()
        self._tell = tell

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in READING:
            self._tell(place())
        return func(*args, **(kwargs or {}))


@contextmanager
def read_backs() -> Iterator[set[str]]:
    """Places of ours in which numbers are read back, while real tensors compute."""
    mode, places = ReadBacks(), set[str]()
    with mode, _Copies(mode.places.add):
        yield places
    places.update(place for place in mode.places if place is not None)


class OnDevice(TorchDispatchMode):
    """Refuses work on `meta` that would wait for a GPU, or that a GPU would refuse.

    Attributes:
        copies: places of ours in which tensors of the processor are copied to the device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.copies: set[str | None] = set()

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        is_on = [tensor.device == META for tensor in tensors]
        if any(is_on):
            if _asks(func, args):
                raise WaitsError(f"{place()} asks for numbers on the device ({func})")
            left = [t for t, on in zip(tensors, is_on, strict=True) if not on and t.ndim]
            if left and func.overloadpacket.__name__ == "copy_":
                self.copies.add(place())
            elif left:
                raise WaitsError(f"{place()} mixes tensors of both ({func})")
        result = func(*args, **kwargs)
        if tensors and not any(is_on) and isinstance(result, Tensor) and result.device == META:
            self.copies.add(place())
        return result
