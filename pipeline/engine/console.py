"""What a run tells the person who watches it: messages and one display, on standard error."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipeline.engine.reports import Advance, Report

console = Console(stderr=True)

REFRESH_SECONDS = 0.5
LINE_SECONDS = 60
"""How often a line is written where there is no terminal."""
SHOWN = 4
"""So many running jobs are named at the most."""


class _Place:
    """Which stage of a pipeline this process is; empty outside of one."""

    words = ""


def name_stage(words: str) -> None:
    """Have displays say which stage of a pipeline this process is: `stage 9 of 20`."""
    _Place.words = words


def say(message: str) -> None:
    """Print a message as it is: names of files are not markup."""
    console.print(message, markup=False, highlight=False, soft_wrap=True)


def rate(amount: float, seconds: float, unit: str) -> str:
    """An amount over a time, in the unit of time in which it is a number to read.

    >>> rate(105, 2.0, "frames"), rate(6, 120.0, "epochs"), rate(1, 7200.0, "epochs")
    ('52.5 frames/s', '3 epochs/min', '0.5 epochs/h')
    """
    per_second = amount / max(seconds, 1e-9)
    for factor, name in ((1, "s"), (60, "min"), (3600, "h")):
        value = per_second * factor
        if value >= 1 or name == "h":
            break
    return f"{value:.0f} {unit}/{name}" if value >= 1000 else f"{value:.3g} {unit}/{name}"


def clock(seconds: float) -> str:
    """A time as hours, minutes and seconds.

    >>> clock(65.2), clock(3725)
    ('1:05', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Display:
    """What is done, at which rate, how long it takes still, and what is running.

    On a terminal a bar that is drawn again; elsewhere a line every minute, and one at the end.

    Args:
        title: of the work.
        unit: of its amounts.
        now: a clock, in seconds.
    """

    def __init__(self, title: str, *, unit: str, now: Callable[[], float] = time.monotonic) -> None:
        self._title = f"{title} ({_Place.words})" if _Place.words else title
        self._unit, self._now = unit, now
        self._total = self._done = self._before = 0.0
        self._note = ""
        self._running: dict[str, tuple[float, Callable[[], Report]]] = {}
        self._guard = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._begun = now()

    def __enter__(self) -> "Display":
        self._begun = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            if not console.is_terminal:
                say(self.line())

    def total(self, amount: float) -> None:
        """More is to be done."""
        with self._guard:
            self._total += amount

    def began(self, name: str, read: Callable[[], Report], size: float) -> None:
        """A job runs; `read` tells how far it is."""
        with self._guard:
            self._running[name] = (size, read)
        self._show()

    def stopped(self, name: str) -> None:
        """A job runs no more and is not done."""
        with self._guard:
            self._running.pop(name, None)

    def ended(self, name: str, size: float) -> None:
        """A job is done; one that had not begun was done before."""
        with self._guard:
            if self._running.pop(name, None) is None:
                self._before += size
            else:
                self._done += size

    def advance(self, amount: float, note: str = "") -> None:
        """Work is done that is no job's."""
        with self._guard:
            self._done += amount
            self._note = note
        self._show()

    def _show(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        if not console.is_terminal:
            while not self._over.wait(LINE_SECONDS):
                say(self.line())
            return
        with Live(self._drawn(), console=console, auto_refresh=False) as live:
            while not self._over.wait(REFRESH_SECONDS):
                live.update(self._drawn(), refresh=True)
            live.update(self._drawn(), refresh=True)

    def _state(self) -> tuple[float, list[str]]:
        """What was done since the beginning, shares of what is running too, and its names."""
        with self._guard:
            running, done, note = dict(self._running), self._done, self._note
        names = [note] if note else []
        for name, (size, read) in running.items():
            report = read()
            done += size * report.share
            names.append(f"{name}: {report.note}" if report.note else name)
        if len(names) > SHOWN:
            names = [*names[:SHOWN], f"and {len(names) - SHOWN} more"]
        return done, names

    def line(self) -> str:
        """The display in one line."""
        done, names = self._state()
        whole = f"{self._before + done:.0f} of {self._total:.0f} {self._unit}"
        return "; ".join([f"{self._title}: {whole}, {', '.join(self._times(done))}", *names])

    def _times(self, done: float) -> list[str]:
        elapsed = self._now() - self._begun
        parts = [rate(done, elapsed, self._unit)] if done else []
        left = self._total - self._before - done
        if left > 1e-6 and done:
            return [*parts, f"{clock(elapsed * left / done)} left"]
        return [*parts, clock(elapsed)]

    def _drawn(self) -> Table:
        done, names = self._state()
        table = Table.grid(padding=(0, 1))
        bar = ProgressBar(max(self._total, 1e-9), self._before + done, width=16)
        amounts = f"{self._before + done:.0f}/{self._total:.0f}"
        table.add_row(self._title, bar, amounts, *self._times(done))
        rows = Table.grid()
        rows.add_row(table)
        for name in names:
            rows.add_row(Text(f"  {name}", style="dim", no_wrap=True, overflow="ellipsis"))
        return rows


@contextmanager
def progress_bar(title: str, *, unit: str, total: float, done: float = 0) -> Iterator[Advance]:
    """Show work that is no job; yields the function that moves the display on."""
    with Display(title, unit=unit) as display:
        display.total(total)
        display.ended("", done)
        yield display.advance


@contextmanager
def counter(title: str, *, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show a display from the first call on of the function that it yields.

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
