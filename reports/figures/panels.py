"""Panels side by side and below each other, with the same axes."""

from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.style import Shape


def draw_panels(
    titles: Sequence[str],
    height: float,
    shape: Shape,
    *,
    xlabel: str,
    ylabel: str = "",
    aspect: Literal["auto", "equal"] = "auto",
    most: int | None = None,
) -> tuple[Figure, list[Axes]]:
    """A figure of panels with the same axes.

    Args:
        titles: of the panels, in rows.
        height: of a panel in inches, on the page.
        shape: of the figure.
        xlabel: below the lowest panel of each column.
        ylabel: left of each row.
        aspect: `equal` for a unit as wide as it is high.
        most: panels side by side where there is room for several; None for as many as usual.
    """
    side_by_side = shape.panels if most is None or shape.panels == 1 else most
    columns = min(side_by_side, len(titles))
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(shape.width, 0.8 + height * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax, title in zip(grid.flat, titles, strict=False):
        ax.set_title(title)
        ax.set_aspect(aspect)
    for ax in grid.flat[len(titles) :]:
        ax.set_visible(False)
    for column in range(columns):
        lowest = grid[(len(titles) - 1 - column) // columns][column]
        lowest.set_xlabel(xlabel)
        lowest.tick_params(labelbottom=True)
    for ax in grid[:, 0]:
        ax.set_ylabel(ylabel)
    return figure, list(grid.flat[: len(titles)])
