"""Models × conditions as a picture: the darker a field, the more is kept."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from reports.figures.style import COLOURS, INK, Shape

KEPT = LinearSegmentedColormap.from_list("kept", ["#ffffff", COLOURS[0]])


def draw_heat(
    table: pd.DataFrame, models: Sequence[str], titles: Sequence[str], metric: str, shape: Shape
) -> Figure:
    """A row per model, a column per condition, with two decimals.

    Args:
        table: `value` by `model` and `title`.
        models: rows from top to bottom.
        titles: of the conditions, columns from left to right.
        metric: that is shown.
        shape: of the figure.
    """
    values = table.pivot(index="model", columns="title", values="value")
    grid = values.reindex(index=list(models), columns=list(titles)).to_numpy()
    low, high = min(0.0, np.nanmin(grid)), np.nanmax(grid)
    with mpl.rc_context(shape.rc):
        figure = Figure(figsize=(shape.width, 1.1 + 0.24 * len(models)), layout="constrained")
        ax = figure.subplots()
        mesh = ax.pcolormesh(grid, cmap=KEPT, vmin=low, vmax=high, edgecolor="white", linewidth=1)
        for row, column in np.ndindex(grid.shape):
            value = grid[row, column]
            dark = np.isfinite(value) and (value - low) / ((high - low) or 1) > 0.6
            ax.text(
                column + 0.5,
                row + 0.5,
                "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−"),
                ha="center",
                va="center",
                color="white" if dark else INK,
            )
        rotated = 90 if shape.panels == 1 else 20
        ax.set_xticks(np.arange(len(titles)) + 0.5, titles, rotation=rotated, ha="left")
        ax.set_yticks(np.arange(len(models)) + 0.5, models)
        ax.set_ylim(len(models), 0)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        figure.colorbar(mesh, ax=ax, label=metric, shrink=0.8)
    return figure
