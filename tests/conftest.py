"""Which process runs a test, and a table of minutes per area behind the results."""

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import pytest

DEPTH = 3
"""Parts of a path that are an area: tests/models/networks."""


def area_of(node: str) -> str:
    """The folder of a test, at most so deep."""
    return "/".join(PurePath(node.split("::", maxsplit=1)[0]).parent.parts[:DEPTH])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a file's tests to one process, and all files of the finished demo: it is run once."""
    from xdist.scheduler import LoadFileScheduling

    files = (config.rootpath / "tests/pipeline").glob("test_*.py")
    of_finished = {file.name for file in files if "finished: Project" in file.read_text()}

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "finished" if PurePath(file).name in of_finished else file

    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say how many minutes of work each area took, all processes together."""
    yield
    seconds: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[area_of(report.nodeid)] += report.duration
                tests[area_of(report.nodeid)] += report.when == "call"
    if sum(seconds.values()) < 60:
        return
    terminalreporter.section("minutes per area")
    for area, spent in seconds.most_common():
        terminalreporter.write_line(f"{spent / 60:6.1f} min  {tests[area]:5d} tests  {area}")
