"""What models keep as more and more is lost: a line each, those that matter with their names."""

from collections.abc import Collection, Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from features.task import Task
from reports.figures.style import FAINT, PAGE, SOFT, Shape, Style
from reports.numbers.words import axis_title, strategy_place, strategy_title

HEIGHT = 2.6  # of a panel with its title, in inches, on the page
DODGE = 0.3  # share of the step between two probabilities over which models are spread


def draw_losses(
    conditions: pd.DataFrame,
    modality: str,
    looks: Mapping[str, Style],
    task: Task,
    focus: Collection[str] | None = None,
    shape: Shape = PAGE,
) -> Figure:
    """The primary metric against p: the paper's Figures 3 (audio) and 4 (video).

    A panel per strategy (bursts: per mean length) and target: strategies side by side, targets
    below each other; one line per model with its standard deviation. Names stand at the end of the
    lines. Steps of p are drawn equally wide. The vertical axes of a target are the same for all
    modalities.

    Args:
        conditions: what `means.losses` returned.
        modality: what loses.
        looks: of the models.
        task: its targets and primary metric.
        focus: models in colour, with their names; the others are grey. None for all of them.
        shape: of the figure.
    """
    conditions = conditions[conditions["model"].isin(list(looks))]
    table = conditions[conditions["modality"] == modality]
    kinds = _kinds(table)
    columns = min(shape.panels, len(kinds))
    blocks = [kinds[start : start + columns] for start in range(0, len(kinds), columns)]
    count = len(task.targets) * len(blocks)
    limits = {t: _limits(conditions[conditions["target"] == t]) for t in task.targets}
    named = {m: look for m, look in looks.items() if focus is None or m in focus}
    others = [model for model in looks if model not in named]
    with mpl.rc_context(shape.rc):
        size = (shape.width, 0.5 + HEIGHT * shape.scale * count)
        figure = Figure(figsize=size, layout="constrained")
        rows = iter(figure.subplots(count, columns, squeeze=False))
        for block in blocks:
            for target, row in zip(task.targets, rows, strict=False):
                cells = table[table["target"] == target]
                is_first, is_last = target == task.targets[0], target == task.targets[-1]
                for ax, kind in zip(row, block, strict=False):
                    panel = cells[(cells["strategy"] == kind[0]) & (cells["burst"] == kind[1])]
                    _panel(ax, panel, named, others)
                    ax.set_ylim(limits[target])
                    ax.set_title(strategy_title(*kind) if is_first or columns == 1 else "")
                    ax.set_xlabel("lost, p" if is_last else "")
                    ax.tick_params(labelbottom=is_last, labelleft=ax is row[0])
                    if kind == block[-1]:
                        _name_lines(ax, panel, named, limits[target], shape)
                for ax in row[len(block) :]:
                    ax.set_visible(False)
                row[0].set_ylabel(axis_title(task, target))
    return figure


def _kinds(table: pd.DataFrame) -> list[tuple[str, float]]:
    """Strategies with their mean length of bursts, in the order of their panels."""
    return sorted(
        set(zip(table["strategy"], table["burst"], strict=True)),
        key=lambda kind: (strategy_place(kind[0]), kind[1]),
    )


def _panel(ax: Axes, cell: pd.DataFrame, named: Mapping[str, Style], others: Sequence[str]) -> None:
    steps = np.unique(cell["p"])
    for model in others:
        line = cell[cell["model"] == model].sort_values("p")
        ax.plot(np.searchsorted(steps, line["p"]), line["value"], color=FAINT, lw=1, zorder=1.5)
    offsets = np.linspace(-DODGE / 2, DODGE / 2, len(named)) if len(named) > 1 else [0.0]
    for (model, look), offset in zip(named.items(), offsets, strict=True):
        line = cell[cell["model"] == model].sort_values("p")
        ax.errorbar(
            np.searchsorted(steps, line["p"]) + offset,
            line["value"],
            yerr=line["sd"].fillna(0),
            color=look.colour,
            linestyle=look.dash,
            marker=look.marker,
            elinewidth=0.8,
        )
    ax.axhline(0, color=SOFT, linewidth=0.6)
    ax.set_xticks(
        range(len(steps)),
        [f"{p:g}" for p in steps],
        fontsize=min(mpl.rcParams["font.size"], 90 / max(len(steps), 1)),
    )


def _name_lines(
    ax: Axes,
    cell: pd.DataFrame,
    named: Mapping[str, Style],
    limits: tuple[float, float],
    shape: Shape,
) -> None:
    """The names of models at the right ends of their lines, moved apart where they would touch."""
    steps = np.unique(cell["p"])
    ends = {}
    for model in named:
        line = cell[cell["model"] == model].sort_values("p").dropna(subset="value")
        if len(line):
            ends[model] = float(line["value"].iloc[-1])
    inches = HEIGHT * shape.scale - 0.5  # of the axes
    gap = 1.25 * shape.size / 72 / inches * (limits[1] - limits[0])
    right = len(steps) - 1
    for (model, value), place in zip(ends.items(), spread(list(ends.values()), gap), strict=True):
        look = named[model]
        ax.annotate(
            model,
            xy=(right + DODGE / 2, value),
            xytext=(right + 0.5, place),
            color=look.colour,
            va="center",
            fontsize=shape.size,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": look.colour, "lw": 0.5, "shrinkB": 2},
        )


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Places moved apart as little as it takes for all to be a gap from each other, in their order.

    >>> spread([0.5, 0.0, 0.5], 0.25)
    [0.375, 0.0, 0.625]
    """
    order = np.argsort(places, kind="stable")
    groups: list[list[int]] = []
    for index in order:
        groups.append([int(index)])
        while len(groups) > 1 and _low(places, groups[-1], gap) < _high(places, groups[-2], gap):
            last = groups.pop()
            groups[-1] += last
    moved = [0.0] * len(places)
    for group in groups:
        low = _low(places, group, gap) + gap / 2
        for step, index in enumerate(group):
            moved[index] = low + step * gap
    return moved


def _low(places: Sequence[float], group: Sequence[int], gap: float) -> float:
    """Where a group of neighbours begins that is centred on their mean."""
    return float(np.mean([places[i] for i in group])) - gap * len(group) / 2


def _high(places: Sequence[float], group: Sequence[int], gap: float) -> float:
    return _low(places, group, gap) + gap * len(group)


def _limits(conditions: pd.DataFrame) -> tuple[float, float]:
    """Vertical limits that hold every mean ± sd, and 0."""
    sd = conditions["sd"].fillna(0)
    low = min(0.0, (conditions["value"] - sd).min())
    high = max(0.0, (conditions["value"] + sd).max())
    margin = 0.05 * (high - low) or 0.05
    return low - margin, high + margin
