"""How a sentence names some of many items."""

from collections.abc import Iterable

NAMED = 5
"""As many it names at most."""


def some_of(names: Iterable[str]) -> str:
    """The first names, with an ellipsis where there are more."""
    listed = list(names)
    return ", ".join(listed[:NAMED]) + (", …" if len(listed) > NAMED else "")
