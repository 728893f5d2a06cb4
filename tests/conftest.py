"""Which process runs a test, and a table of minutes per area behind the results."""

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath

import pytest

DEPTH = 3
"""Parts of a path that are an area: tests/models/networks."""


def area_of(node: str) -> str:
    """The folder of a test, at most so deep."""
    return "/".join(PurePath(node.split("::", maxsplit=1)[0]).parent.parts[:DEPTH])


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a file's tests to one process, and all those of the finished demo: it is run once."""
    for item in items:
        shares = "finished" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("finished" if shares else str(item.path)))


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
