"""Where answers go: a line of JSON each, to standard output or a socket, and a view for people."""

import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.live import Live as Screen
from rich.table import Table

from features.errors import InputError
from features.task import Task
from pipeline.engine.console import console
from pipeline.prediction.people import SOUND_OF, UNKNOWN
from pipeline.streaming.assembling import Answer

Show = Callable[[Answer, float], None]
"""Takes an answer and its lag in seconds."""

PEOPLE = "people"

_BAR = 41


def line_of(answer: Answer, lag: float, task: Task, *, people: int | None = 0) -> str:
    """An answer as a line of JSON.

    Its keys are `time` in seconds, the outputs (null where nothing was received in the whole
    window, or no answer was given), `face` and `sound` (true, false, or null where the model does
    not look), `basis`, `lag` in seconds and `dropped`; where the model looks at faces, `people` in
    view, and once several came, whose the sound is: unknown.

    Args:
        answer: what is said of a frame.
        lag: in seconds.
        task: of the model.
        people: how many have been in view so far; None where features are given in place of faces.
    """
    content = {
        "time": round(answer.time, 4),
        **{name: _rounded(answer.values.get(name)) for name in task.outputs},
        "face": answer.present.get("video"),
        "sound": answer.present.get("audio"),
        "basis": answer.basis,
        "lag": round(lag, 3),
        "dropped": answer.dropped,
        **({PEOPLE: answer.in_view} if "video" in answer.present and people is not None else {}),
        **({SOUND_OF: UNKNOWN} if (people or 0) > 1 and "audio" in answer.present else {}),
    }
    return json.dumps(content)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


@contextmanager
def outlet(to: str | None) -> Iterator[Callable[[str], None]]:
    """Where lines go: standard output, or whoever listens at a host's port.

    Args:
        to: None, or `HOST:PORT`.

    Raises:
        InputError: that is no address, nobody listens there, or they went away.
    """
    if to is None:
        try:
            yield lambda line: print(line, flush=True)
        except BrokenPipeError:  # whoever reads has enough
            sys.stdout = None  # nothing more is flushed into it
        return
    host, _, port = to.rpartition(":")
    if not (port.isdecimal() and int(port) < 1 << 16):
        raise InputError(f"--to is {to}", "write HOST:PORT")
    remedy = "start what listens first, and give HOST:PORT"
    try:
        connection = socket.create_connection((host or "127.0.0.1", int(port)), timeout=5)
    except (OSError, ValueError) as error:
        raise InputError(f"nobody listens at {to} ({error})", remedy) from error
    with connection:
        try:
            yield lambda line: connection.sendall(f"{line}\n".encode())
        except OSError as error:
            raise InputError(f"{to} stopped listening ({error})", remedy) from error


@contextmanager
def view(task: Task, *, shown: bool) -> Iterator[Show]:
    """A view in the terminal, on standard error, that follows the answers."""
    with ExitStack() as stack:
        if not shown:
            yield lambda *_: None
            return
        screen = stack.enter_context(Screen(console=console, refresh_per_second=10))
        yield lambda answer, lag: screen.update(_table(answer, lag, task))


def _table(answer: Answer, lag: float, task: Task) -> Table:
    table = Table(title=f"{answer.time:.1f} s, {lag:.2f} s behind", show_header=False)
    for name in task.outputs:
        value = answer.values.get(name)
        shown = "" if value is None else f"{value:.2f}"
        table.add_row(name, shown, _bar(value, *task.range_of(name)))
    table.add_row("rests on", answer.basis, "dropped" if answer.dropped else "")
    return table


def _bar(value: float | None, low: float, high: float) -> str:
    """A mark between two ends.

    >>> _bar(1.0, -1.0, 1.0).index("|")
    40
    """
    marks = ["·"] * _BAR
    if value is not None:
        marks[round((value - low) / (high - low) * (_BAR - 1))] = "|"
    return "".join(marks)
