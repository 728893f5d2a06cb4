"""How a sentence names some of many items."""

from collections.abc import Iterable

NAMED = 5
"""How many it names at most."""


def some_of(names: Iterable[str]) -> str:
    """The first names, with an ellipsis where there are more.

    >>> some_of("abcdef")
    'a, b, c, d, e, …'
    """
    listed = list(names)
    return ", ".join(listed[:NAMED]) + (", …" if len(listed) > NAMED else "")
