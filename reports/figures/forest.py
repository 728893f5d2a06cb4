"""Differences from the reference with their intervals: a forest plot."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from features.task import Task
from reports.figures.panels import draw_panels
from reports.figures.style import PAGE, SOFT, Shape, Style
from reports.numbers.schema import HEADLINES, MEAN, MEASURES
from reports.numbers.words import overall_target, primary_metric

ORDER = (MEAN, *(measure for measure in MEASURES if measure != MEAN))


def forest_rows(significance: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The differences of all targets together that have an interval, by pair and measure.

    Args:
        significance: `Results.significance`.
        task: its targets.
    """
    rows = significance[
        (significance["target"] == overall_target(task)) & (significance["test"] == "bootstrap")
    ].dropna(subset=["difference", "low", "high"])
    one = rows["reference"].nunique() == 1
    names = rows["model"] if one else rows["model"] + " − " + rows["reference"]
    return rows.assign(pair=names)


def draw_forest(
    rows: pd.DataFrame, looks: Mapping[str, Style], task: Task, shape: Shape = PAGE
) -> Figure:
    """A panel per number, a row per model: its difference from the reference, 95 % interval.

    A dot is filled where the adjusted test tells the two apart.

    Args:
        rows: what `forest_rows` returned.
        looks: of the models.
        task: its primary metric.
        shape: of the figure.
    """
    measures = [measure for measure in ORDER if measure in set(rows["measure"])]
    pairs = list(dict.fromkeys(rows["pair"]))
    references = list(dict.fromkeys(rows["reference"]))
    against = references[0] if len(references) == 1 else "its rival"
    with mpl.rc_context(shape.rc):
        figure, axes = draw_panels(
            [HEADLINES[measure] for measure in measures],
            0.3 + 0.24 * len(pairs),
            shape,
            xlabel=f"{primary_metric(task).title}, less that of {against}",
            most=2 if shape.width < PAGE.width else 4,
        )
        for ax, measure in zip(axes, measures, strict=True):
            shown = rows[rows["measure"] == measure]
            for row in shown.to_dict("records"):
                colour = looks[str(row["model"])].colour
                place = pairs.index(row["pair"])
                ax.plot([row["low"], row["high"]], [place, place], color=colour, lw=1.6)
                face = colour if row["significant"] else "white"
                ax.plot(row["difference"], place, "o", color=colour, mfc=face, ms=6, mew=1.4)
            ax.axvline(0, color=SOFT, linewidth=0.8)
            ax.grid(axis="y", visible=False)
        axes[0].set_yticks(np.arange(len(pairs)), pairs)
        axes[0].set_ylim(len(pairs) - 0.5, -0.5)
        for ax in axes:
            ax.locator_params(axis="x", nbins=4)
            ax.set_xlabel("")
        figure.supxlabel(
            f"{primary_metric(task).title}, less that of {against}",
            fontsize=mpl.rcParams["font.size"],
        )
    return figure
