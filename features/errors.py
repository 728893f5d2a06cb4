"""The one exception for what a user can fix: a bad file, a wrong setting, a stale store."""


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
