"""What a run tells the person who watches it: messages and progress bars, on standard error."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as ProgressTask
from rich.text import Text

console = Console(stderr=True)


def say(message: str) -> None:
    """Print a message as it is: names of files are not markup."""
    console.print(message, markup=False, highlight=False, soft_wrap=True)


class _Rate(ProgressColumn):
    """Units per second."""

    def render(self, task: ProgressTask) -> Text:
        speed = task.finished_speed or task.speed
        if not speed and task.elapsed:  # one step was all there was
            speed = task.completed / task.elapsed
        rate = "–" if not speed else f"{speed:.3g}" if speed < 1000 else f"{speed:.0f}"
        return Text(f"{rate} {task.fields['unit']}/s", no_wrap=True)


class Advance(Protocol):
    """Moves a progress bar on."""

    def __call__(self, amount: float, note: str = "") -> None:
        """Move by an amount, and show a note behind the bar."""


@contextmanager
def progress_bar(title: str, *, unit: str, total: float, done: float = 0) -> Iterator[Advance]:
    """Show a bar with rate and time left; yields the function that advances it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=total, completed=round(done), unit=unit, note="")

        def advance(amount: float, note: str = "") -> None:
            progress.update(task, advance=amount, note=note)

        yield advance


def seed_progress(
    name: str, seed: int, title: str, unit: str, total: float
) -> AbstractContextManager[Advance]:
    """The progress bar of a part of a seed."""
    return progress_bar(f"{title} {name}, seed {seed}", unit=unit, total=total)


@contextmanager
def counter(title: str, *, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar from the first call on of the function that it yields.

    That function is told how many units are done, and of how many.
    """
    with ExitStack() as shown:
        advance: Advance | None = None
        reached = 0

        def count(done: int, total: int) -> None:
            nonlocal advance, reached
            if advance is None:
                advance = shown.enter_context(progress_bar(title, unit=unit, total=total))
            advance(done - reached)
            reached = done

        yield count
