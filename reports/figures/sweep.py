"""What a model keeps when it was trained with more or less loss than it is tested with."""

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.style import RC
from reports.numbers.words import NOUNS, capitalised

LIGHT, DARK = 0.15, 0.85
"""Ends of the colour scale that are used: its own are too light on white, and too dark to tell."""


def draw_sweep(table: pd.DataFrame, axis: str) -> Figure:
    """Lines over the p of the test, one for each p of training, in a panel per lost modality.

    Args:
        table: what `reports.numbers.sweep.reported` returned.
        axis: name of the measure.
    """
    modalities, trained = table["modality"].unique(), sorted(table["trained"].unique())
    scale = mpl.colormaps["viridis_r"]
    step = (DARK - LIGHT) / max(1, len(trained) - 1)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(1.2 + 4.4 * len(modalities), 3.6), layout="constrained")
        panels = figure.subplots(1, len(modalities), sharey=True, squeeze=False)[0]
        for ax, modality in zip(panels, modalities, strict=True):
            cell = table[table["modality"] == modality]
            for place, p in enumerate(trained):
                line = cell[cell["trained"] == p].sort_values("tested")
                _draw_line(ax, line, scale(LIGHT + place * step), f"trained with p = {p:g}")
            ax.set(
                title=f"{capitalised(NOUNS[modality])} lost",
                xlabel="probability of loss, tested",
                xticks=sorted(cell["tested"].unique()),
            )
            ax.tick_params(axis="x", rotation=45)
        panels[0].set_ylabel(axis)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=min(5, len(labels)))
    return figure


def _draw_line(ax: Axes, line: pd.DataFrame, colour: tuple[float, ...], label: str) -> None:
    tested, value = line["tested"], line["value"]
    ax.plot(tested, value, marker="o", color=colour, label=label)
    if (line["n"] > 1).all():
        spread = line["sd"]
        ax.fill_between(tested, value - spread, value + spread, color=colour, alpha=0.15, lw=0)
