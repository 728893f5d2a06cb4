"""The figures of the page in the shapes of a paper's columns."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from reports.figures.heat import draw_heat
from reports.figures.illustrations import drawings
from reports.figures.style import Shape, save_figure
from reports.numbers.named import TITLES, by_robustness
from reports.numbers.results import load_results
from reports.numbers.summary import summarise
from reports.numbers.words import primary_metric

COLUMNS: Mapping[int, Shape] = {1: Shape(3.5, 1, 7.0), 2: Shape(7.16, 3, 7.0)}
"""Shapes by the columns that a figure is wide, as the IEEE sets them."""


def save_for_paper(
    results_folder: Path,
    models: Sequence[str],
    seeds: Sequence[int],
    out: Path,
    columns: int,
    suffix: str,
) -> list[Path]:
    """Draw every figure of a run, and models × conditions as one more.

    Args:
        results_folder: holds the result files.
        models: names of the models.
        seeds: that each was trained with.
        out: gets `heat` and the figures of the page.
        columns: 1 or 2.
        suffix: .svg or .pdf.

    Returns:
        The files that were written.

    Raises:
        InputError: a result file is missing, malformed or of another run.
    """
    results, shape = load_results(results_folder, models, seeds), COLUMNS[columns]
    summary = summarise(results)
    draw = {d.name: d.draw for figures in drawings(results, summary).values() for d in figures}
    if not summary.named.empty:
        order = by_robustness(summary.named, results.models)
        metric = primary_metric(results.task).title
        draw["heat"] = partial(draw_heat, summary.named, order, list(TITLES), metric)
    return [
        save_figure(figure(shape), out / name, results.note, suffix)
        for name, figure in sorted(draw.items())
    ]
