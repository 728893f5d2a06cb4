"""How results are drawn: from the stages' result files to metrics, plots, figures and one page.

Reads result files only, and imports no other package of Lacuna.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from reports import exports, summary
from reports.illustrations import illustrate
from reports.page import page
from reports.results import ResultsError, load

__all__ = ["ResultsError", "build"]


def build(folder: Path, models: Sequence[str], seeds: Sequence[int]) -> None:
    """Write `metrics.json`, `metrics/`, `plots/`, `figures/` and `index.html` beside the results.

    The three folders are emptied first. The same results give the same bytes.

    Args:
        folder: where the stages wrote their result files.
        models: names of the models; only their files are read, and they keep this order.
        seeds: the seeds that each of them was trained with.

    Raises:
        ResultsError: a result file is missing, malformed or of another run.
    """
    results = load(folder, models, seeds)
    conditions = summary.conditions(results.evaluation)
    headlines = summary.headline(results.evaluation)
    videos = summary.mean_videos(results.videos)
    traces = summary.shown_traces(results.traces)
    for name in ("metrics", "plots", "figures"):
        shutil.rmtree(folder / name, ignore_errors=True)
    exports.write_metrics(folder, summary.metrics(headlines))
    exports.write_plots(folder / "plots", results.training, conditions, videos, traces)
    illustrations = illustrate(folder / "figures", results, conditions, videos, traces)
    html = page(results, conditions, headlines, illustrations)
    (folder / "index.html").write_text(html, encoding="utf-8")
