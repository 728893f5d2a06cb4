"""Kinds of figures that the papers have, each drawn from a table."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.figures.style import COLOURS, DASHES, INK, RC, SOFT, add_legend, model_handles, styles


def draw_boxes(table: pd.DataFrame, models: Sequence[str], axis: str) -> Figure:
    """A box a model: median, quartiles, the farthest values within 1.5 of their distance, outliers.

    Args:
        table: `value` by `model`, a row a split or seed.
        models: from left to right.
        axis: name of the value.
    """
    values = [table.loc[table["model"] == m, "value"].dropna().to_numpy() for m in models]
    with mpl.rc_context(RC):
        figure = Figure(figsize=(1.5 + 1.3 * len(models), 3.4), layout="constrained")
        ax = figure.subplots()
        ax.boxplot(
            values,
            tick_labels=list(models),
            showmeans=True,
            meanprops={"marker": "o", "markerfacecolor": COLOURS[0], "markeredgewidth": 0},
            medianprops={"color": INK, "linewidth": 1.5},
            flierprops={"marker": "+", "markeredgecolor": COLOURS[3]},
        )
        ax.set_ylabel(axis)
        ax.grid(axis="x", visible=False)
    return figure


def draw_bars(table: pd.DataFrame, axis: str, lines: Mapping[str, float] | None = None) -> Figure:
    """Groups of bars beside each other, with their standard deviations.

    Args:
        table: `value` and `sd` by `group` and `series`, in their order.
        axis: name of the value.
        lines: heights of horizontal lines, by name.
    """
    groups, series = (list(dict.fromkeys(table[name])) for name in ("group", "series"))
    width = 0.8 / len(series)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(1.5 + 0.45 * len(groups) * len(series), 3.4), layout="constrained")
        ax = figure.subplots()
        handles: list[Any] = []
        for place, name in enumerate(series):
            cell = table[table["series"] == name].set_index("group").reindex(groups)
            x = np.arange(len(groups)) + (place - (len(series) - 1) / 2) * width
            colour = COLOURS[place % len(COLOURS)]
            spread = cell["sd"].fillna(0)
            handles.append(ax.bar(x, cell["value"], width, yerr=spread, color=colour, label=name))
        for place, (name, height) in enumerate((lines or {}).items()):
            dash = DASHES[place % len(DASHES)]
            handles.append(ax.axhline(height, label=name, color=SOFT, linestyle=dash))
        ax.set_xticks(range(len(groups)), groups)
        ax.set_ylabel(axis)
        ax.grid(axis="x", visible=False)
        add_legend(figure, handles)
    return figure


def draw_available(
    table: pd.DataFrame, axis: str, bounds: Mapping[str, Mapping[str, float]] | None = None
) -> Figure:
    """Lines over the share of the frames that are available, a panel beside the other.

    Args:
        table: `value` by `panel`, `model` and `available`, a share.
        axis: name of the value.
        bounds: by panel heights of horizontal lines, by name.
    """
    panels = list(dict.fromkeys(table["panel"]))
    looks = styles(list(dict.fromkeys(table["model"])))
    names = dict.fromkeys(name for heights in (bounds or {}).values() for name in heights)
    dashes = dict(zip(names, DASHES, strict=False))
    with mpl.rc_context(RC):
        size = (1.2 + 4.4 * len(panels), 3.6)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        handles: dict[str, Any] = {
            str(handle.get_label()): handle for handle in model_handles(looks)
        }
        for ax, panel in zip(axes, panels, strict=True):
            for model, look in looks.items():
                cell = table[(table["panel"] == panel) & (table["model"] == model)]
                cell = cell.sort_values("available")
                ax.plot(
                    100 * cell["available"],
                    cell["value"],
                    color=look.colour,
                    linestyle=look.dash,
                    marker=look.marker,
                )
            for name, height in (bounds or {}).get(panel, {}).items():
                dash = dashes[name]
                handles[name] = ax.axhline(height, label=name, color=SOFT, linestyle=dash)
            ax.set(title=panel, xlabel="frames available, %")
        axes[0].set_ylabel(axis)
        add_legend(figure, list(handles.values()))
    return figure
