"""Measure how far the code is from what it rests on: one table, also written to `latest.md`."""

import argparse
import datetime
import math
import os
import tempfile
from pathlib import Path

import torch

from tests.benchmarks import (
    faces,
    fc6,
    gpu,
    growth,
    jobs,
    memory,
    people,
    recognition,
    sound,
    stages,
    stores,
)
from tests.benchmarks.inputs import Inputs
from tests.benchmarks.timing import Row

LATEST = Path(__file__).with_name("latest.md")

BENCHMARKS = {
    "decode": faces.decode,
    "sound": sound.decode,
    "faces": faces.faces,
    "detectors": faces.detectors,
    "steps": faces.steps,
    "people": people.people,
    "fc6": fc6.fc6,
    "lld": sound.lld,
    "store": stores.store,
    "chain": stages.chain,
    "increment": stages.increment,
    "training": recognition.training,
    "evaluation": recognition.evaluation,
    "context": recognition.context,
    "waiting": recognition.waiting,
    "jobs": jobs.side_by_side,
    "seeds": jobs.seeds,
    "many": jobs.growth,
    "gpu": gpu.gpu,
}

LONG = {"memory": memory.memory, "growth": growth.growth, "killed": jobs.killed}
"""What takes minutes: part of the table with --all."""

PAGE = """\
# Benchmarks

{date}, {cpu}, {cores} cores, PyTorch {torch}. Written by `python -m tests.benchmarks`.
The rows of the detectors `ssd` and `yunet` need LACUNA_TEST_MODELS (the folder of their files),
those of the edited film LACUNA_TEST_CLIPS, and those of peak memory and of growth `--all`.

The ratio is that of the two speeds (or sizes) of a line, taken in turns within one run after a
warm-up: the median, then the smallest and the largest of the repeats. Against bare work, 1 is the
limit. Speeds depend on the machine and on what else it does; ratios do so much less.

{table}
Operations are counted as the docstrings of `flops.py` say. Training, evaluation and context have
the paper's dimensions (d 512, fc6 4096, context 3900) and random features.
"""


def main() -> None:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", choices=BENCHMARKS | LONG, help="run this one and write no file")
    which.add_argument("--all", action="store_true", help="run the long ones too")
    asked = parser.parse_args()
    chosen = BENCHMARKS | LONG if asked.all or asked.only else BENCHMARKS
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        inputs = Inputs(Path(folder))
        for name in [asked.only] if asked.only else chosen:
            rows += chosen[name](inputs)
    print(table(rows))
    if not asked.only:
        page = PAGE.format(
            date=datetime.date.today(),
            cpu=_cpu_model(),
            cores=os.cpu_count(),
            torch=torch.__version__.split("+")[0],
            table=table(rows),
        )
        LATEST.write_text(page, encoding="utf-8")


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| measured | against | speed | of the reference | ratio |", "|---|---|--:|--:|--:|"]
    for row in rows:
        if math.isnan(row.ratio):
            lines.append(f"| {row.what} | {row.against} | not measured | | |")
            continue
        speeds = f"{_short(row.measured)} {row.unit} | {_short(row.reference)} {row.unit}"
        ratio = f"**{row.ratio:.2f}** ({row.low:.2f} … {row.high:.2f})"
        lines.append(f"| {row.what} | {row.against} | {speeds} | {ratio} |")
    return "\n".join(lines) + "\n"


def _short(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _cpu_model() -> str:
    """The processor's name where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


if __name__ == "__main__":
    main()
