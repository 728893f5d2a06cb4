"""Draw the figures of the last run for a paper: of one column or of two, as SVG or PDF."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from features.corpora.listing import RESULTS
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors
from pipeline.params import load_params

WIDTHS = (1, 2)
FORMATS = ("svg", "pdf")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.figures", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the figures")
    parser.add_argument("--columns", type=int, choices=WIDTHS, default=2, help="of the paper")
    parser.add_argument("--format", choices=FORMATS, default="svg")
    options = parser.parse_args(arguments)
    with stage_errors(goes_on=False):
        from reports.figures.papers import save_for_paper

        params = load_params()
        models, seeds = list(params.models), params.train.seeds
        suffix = f".{options.format}"
        for file in save_for_paper(RESULTS, models, seeds, options.out, options.columns, suffix):
            say(f"wrote {file}")


if __name__ == "__main__":
    main()
