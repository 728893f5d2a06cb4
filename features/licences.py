"""What binds whoever runs a part that others wrote or trained."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Licence:
    """The licence of a part.

    Attributes:
        text: its name, and what it asks for.
        commercial: whether the part may be used commercially; None where that is not known here.
    """

    text: str
    commercial: bool | None

    def as_json(self) -> dict[str, Any]:
        """For files that name the licences of a chain."""
        return {"licence": self.text, "commercial": self.commercial}


OURS = Licence("Lacuna's own (MIT)", commercial=True)
USERS = Licence("that of the files or features which the user supplies", commercial=None)
