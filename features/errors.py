"""The one exception for what a user can fix: a bad file, a wrong setting, a stale store."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(Exception):
    """Something outside the code is wrong, and the user can fix it.

    Args:
        reason: what is wrong, one sentence without a full stop.
        remedy: what to do about it, one sentence without a full stop.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A question for the known name that an unknown one is most like; empty where none is.

    >>> did_you_mean("vallence", ["valence", "arousal"])
    'did you mean valence?'
    >>> did_you_mean("trust", ["valence", "arousal"])
    ''
    """
    return "".join(f"did you mean {near}?" for near in get_close_matches(name, list(names), n=1))
