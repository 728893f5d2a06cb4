"""Campaigns of kills, flipped bits, damaged media and odd files: `python -m tests.campaigns NAME`.

The counts are printed as a table; the exit status is 1 where something is found.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.campaigns.flips import flips
from tests.campaigns.fuzz import fuzz
from tests.campaigns.kills import extraction, kills
from tests.campaigns.recipes import recipes
from tests.campaigns.tally import Tally

CAMPAIGNS: dict[str, tuple[Callable[[int, np.random.Generator, Path], Tally], int]] = {
    "kills": (kills, 60),
    "extraction": (extraction, 50),
    "flips": (flips, 100),
    "fuzz": (fuzz, 200),
    "recipes": (recipes, 1000),
}
"""What runs, and how many attempts by default."""


def run(name: str, count: int | None, seed: int, folder: Path) -> Tally:
    """Run a campaign in an empty folder."""
    campaign, usual = CAMPAIGNS[name]
    return campaign(usual if count is None else count, np.random.default_rng(seed), folder)


def main() -> None:
    """Run a campaign."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns", description=__doc__)
    parser.add_argument("name", choices=CAMPAIGNS)
    parser.add_argument("--count", type=int, help="attempts (flips: of each of two kinds)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="an empty folder for the files")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        tally = run(asked.name, asked.count, asked.seed, folder)
    print(tally.table())
    sys.exit(1 if tally.found else 0)


if __name__ == "__main__":
    main()
