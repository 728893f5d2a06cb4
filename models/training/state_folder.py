"""Where the states of unfinished trainings are kept; loads no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Checkpoints:
    """Where the states of the parts of one training are kept while it is unfinished.

    Attributes:
        folder: of all trainings.
        key: of this one.
        check: called before a state is written, to refuse one that would lie under a wrong key.
        say: told in a sentence what a user should know.
    """

    folder: Path
    key: str
    check: Callable[[], None] = lambda: None
    say: Callable[[str], None] = lambda _: None

    def path(self, part: str) -> Path:
        """The file of a part: a teacher, the training itself, the refit."""
        return self.folder / f"{self.key}.{part}.state"

    def forget(self) -> None:
        """Delete the states of all parts: what comes of them is kept elsewhere."""
        for path in self.folder.glob(f"{self.key}.*.state*"):
            path.unlink(missing_ok=True)
