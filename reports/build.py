"""Everything that is drawn of a run, beside its result files."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from reports.figures.illustrations import drawings
from reports.numbers.exports import write_metrics, write_plots, write_tables
from reports.numbers.results import load_results
from reports.numbers.summary import nested_metrics, summarise
from reports.page.page import page_of
from reports.page.pictures import save_drawings
from reports.tables.papers import papers_numbers

FOLDERS = ("metrics", "plots", "figures", "tables")


def build_report(
    folder: Path,
    models: Sequence[str],
    seeds: Sequence[int],
    latency: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> None:
    """Write `metrics.json`, `index.html` and the folders of FOLDERS beside the results.

    The folders are emptied first. The same results give the same bytes.

    Args:
        folder: where the stages wrote their result files.
        models: names of the models; only their files are read, and they keep this order.
        seeds: the seeds that each of them was trained with.
        latency: what was measured of models on this machine, by name, as `pipeline.latency` writes
            it; it stands on the page alone.

    Raises:
        InputError: a result file is missing, malformed or of another run.
    """
    results = load_results(folder, models, seeds)
    summary = summarise(results)
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    write_metrics(folder, nested_metrics(summary, results.models, results.task))
    write_plots(folder / "plots", results.training, summary)
    write_tables(folder / "tables", results, summary, papers_numbers(results, summary))
    drawn = save_drawings(folder / "figures", drawings(results, summary), results.note)
    html = page_of(results, summary, drawn, latency)
    (folder / "index.html").write_text(html, encoding="utf-8")
