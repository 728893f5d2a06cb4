"""How work that takes long tells how far it is: callables that a command hands in."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Advance(Protocol):
    """Moves on by an amount."""

    def __call__(self, amount: float, note: str = "") -> None:
        """Move by an amount, with a note for people."""


Progress = Callable[[str, str, float], AbstractContextManager[Advance]]
"""Begins a part, given its title, the unit of its amounts and their total."""


@contextmanager
def silent(_title: str, _unit: str, _total: float) -> Iterator[Advance]:
    """Tell nobody.

    >>> with silent("train", "epochs", 3) as advance:
    ...     advance(1)
    """

    def advance(amount: float, note: str = "") -> None:
        pass

    yield advance
