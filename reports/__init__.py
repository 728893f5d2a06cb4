"""How results are drawn: from the stages' result files to metrics, plots, figures and one page.

Reads result files only.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from reports.figures.illustrations import illustrate
from reports.numbers import exports
from reports.numbers.results import load
from reports.numbers.summary import metrics, summarise
from reports.page.page import page

__all__ = ["build"]


def build(folder: Path, models: Sequence[str], seeds: Sequence[int]) -> None:
    """Write `metrics.json`, `metrics/`, `plots/`, `figures/` and `index.html` beside the results.

    The three folders are emptied first. The same results give the same bytes.

    Args:
        folder: where the stages wrote their result files.
        models: names of the models; only their files are read, and they keep this order.
        seeds: the seeds that each of them was trained with.

    Raises:
        InputError: a result file is missing, malformed or of another run.
    """
    results = load(folder, models, seeds)
    summary = summarise(results)
    for name in ("metrics", "plots", "figures"):
        shutil.rmtree(folder / name, ignore_errors=True)
    exports.write_metrics(folder, metrics(summary, results.models, results.task))
    exports.write_plots(folder / "plots", results.training, summary)
    html = page(results, summary, illustrate(folder / "figures", results, summary))
    (folder / "index.html").write_text(html, encoding="utf-8")
