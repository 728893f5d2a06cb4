"""Values over time, with the stretches shaded in which face or sound is missing."""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from features.task import Task
from reports.figures.style import INK, PAGE, Shape, Style, add_legend, model_handles
from reports.numbers.words import target_titles

FACE_MISSING: dict[str, Any] = {"facecolor": "#d9d9d9", "edgecolor": "none"}
SOUND_MISSING: dict[str, Any] = {"facecolor": "none", "edgecolor": "#8a8a8a", "hatch": "////"}


def draw_traces(
    traces: Mapping[str, pd.DataFrame], looks: Mapping[str, Style], task: Task, shape: Shape = PAGE
) -> Figure:
    """Predicted and annotated values of some items over time, missing stretches shaded.

    Small multiples: a row per target and a column per item where several panels fit side by side,
    else a panel below the other.

    Args:
        traces: rows of `Results.traces` by item.
        looks: of the models that are shown.
        task: its targets.
        shape: of the figure.
    """
    columns = min(shape.panels, len(traces))
    blocks = -(-len(traces) // columns)
    titles = target_titles(task)
    with mpl.rc_context(shape.rc):
        count = blocks * len(titles)
        size = (shape.width, 0.8 + 1.9 * shape.scale * count)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(count, columns, squeeze=False, sharey=True)
        for ax in grid.flat:
            ax.set_visible(False)
        for number, (item, table) in enumerate(traces.items()):
            block, column = divmod(number, columns)
            panels = grid[block * len(titles) : (block + 1) * len(titles), column]
            panels[0].set_title(item)
            panels[-1].set_xlabel("time, s")
            for ax, (target, title) in zip(panels, titles.items(), strict=True):
                ax.set_visible(True)
                ax.set_ylabel(title if column == 0 else "")
                ax.tick_params(labelbottom=ax is panels[-1])
                _trace(ax, table[table["target"] == target], looks)
        annotated = Line2D([], [], color=INK, lw=2, label="annotated")
        add_legend(figure, [annotated, *model_handles(looks, markers=False), *missing_handles()])
    return figure


def _trace(ax: Axes, table: pd.DataFrame, looks: Mapping[str, Style]) -> None:
    for model, look in looks.items():
        line = table[table["model"] == model]
        ax.plot(line["time"], line["predicted"], look.dash, color=look.colour, lw=1.1)
    first = table[table["model"] == table["model"].iloc[0]]
    ax.plot(first["time"], first["annotated"], color=INK, lw=1.6)
    shade(ax, *(first[c] for c in ("time", "face_present", "sound_present")))


def rows_over_time(count: int, *, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure of panels below each other that share their time axis."""
    figure = Figure(figsize=(10, 1 + 2 * count), layout="constrained")
    axes = figure.subplots(count, 1, sharex=True, sharey=sharey, squeeze=False)[:, 0].tolist()
    axes[-1].set_xlabel("time, s")
    return figure, axes


def stretches(times: ArrayLike, present: ArrayLike) -> NDArray[np.float64]:
    """Runs of missing frames.

    Args:
        times: (F,) start of each frame in seconds; a frame lasts until the next one starts, the
            last one for the median of the others.
        present: (F,) bool or 0 and 1.

    Returns:
        (n, 2) start and end of every run in seconds.

    >>> stretches([0.0, 1.0, 2.0, 3.0], [1, 0, 0, 1]).tolist()
    [[1.0, 3.0]]
    """
    start = np.asarray(times, dtype=np.float64)
    missing = ~np.asarray(present, dtype=bool)
    step = np.median(np.diff(start)) if start.size > 1 else 0.0
    edges = np.append(start, start[-1:] + step)
    turns = np.flatnonzero(np.diff(missing, prepend=False, append=False))
    return edges[turns].reshape(-1, 2)


def shade(ax: Axes, times: ArrayLike, face_present: ArrayLike, sound_present: ArrayLike) -> None:
    """Grey where there is no face, hatched where there is no sound; both can be at once."""
    for present, look in ((face_present, FACE_MISSING), (sound_present, SOUND_MISSING)):
        for start, end in stretches(times, present):
            ax.axvspan(start, end, zorder=0.5, linewidth=0, **look)
    ax.grid(axis="x", visible=False)
    ax.margins(x=0)


def missing_handles() -> list[Patch]:
    """Legend entries of what `shade` draws."""
    return [Patch(label="no face", **FACE_MISSING), Patch(label="no sound", **SOUND_MISSING)]
