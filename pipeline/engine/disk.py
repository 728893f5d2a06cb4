"""Whether an error says that the disk is full, whichever library says it."""

from collections.abc import Iterator

from pipeline.engine.entries.locks import FULL

_WORDS = (
    "No space left on device",  # safetensors, Arrow
    "Disk quota exceeded",
    "os error 28",
    "PytorchStreamWriter failed writing",
    "unexpected pos",  # torch, as it closes what it could not write
)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or one that led to it, says that nothing more can be written.

    >>> is_disk_full(OSError(28, "No space left on device"))
    True
    >>> is_disk_full(RuntimeError("unexpected pos 64 vs 0"))
    True
    >>> is_disk_full(ValueError("a wrong value"))
    False
    """
    return any(_says_so(each) for each in _chain(error))


def _says_so(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    text = str(error)
    if isinstance(error, OSError) and " requested and " in text:  # NumPy: 4 requested and 0 written
        return True
    return any(words in text for words in _WORDS)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it came of."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__
