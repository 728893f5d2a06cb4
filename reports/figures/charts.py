"""The figures of a run, drawn with matplotlib; the same bytes on every build."""

from collections.abc import Mapping, Sequence
from typing import Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from features.task import Task
from reports.figures.style import RC, Style, add_legend, model_handles
from reports.numbers.words import (
    axis_title,
    primary_metric,
    strategy_place,
    strategy_title,
    target_titles,
)

DODGE = 0.3  # share of the step between two probabilities over which models are spread
PANELS = 3  # side by side at most


def draw_losses(
    conditions: pd.DataFrame, modality: str, looks: Mapping[str, Style], task: Task
) -> Figure:
    """The primary metric against p: the paper's Figures 3 (audio) and 4 (video).

    A panel per strategy (bursts: per mean length) and target: strategies side by side, three at
    most, targets below each other; one line per model with its standard deviation. Steps of p are
    drawn equally wide. The vertical axes of a target are the same for all modalities.

    Args:
        conditions: what `means.losses` returned.
        modality: what loses.
        looks: of the models that are shown.
        task: its targets and primary metric.
    """
    conditions = conditions[conditions["model"].isin(list(looks))]
    table = conditions[conditions["modality"] == modality]
    kinds = _kinds(table)
    columns = min(PANELS, len(kinds))
    blocks = [kinds[start : start + columns] for start in range(0, len(kinds), columns)]
    count = len(task.targets) * len(blocks)
    limits = {t: _limits(conditions[conditions["target"] == t]) for t in task.targets}
    with mpl.rc_context(RC):
        figure = Figure(figsize=(10, 1 + 2.6 * count), layout="constrained")
        rows = iter(figure.subplots(count, columns, squeeze=False))
        for block in blocks:
            for target, row in zip(task.targets, rows, strict=False):
                cells = table[table["target"] == target]
                _row_of_losses(row, block, cells, looks, limits[target])
                is_first, is_last = target == task.targets[0], target == task.targets[-1]
                for ax, kind in zip(row, block, strict=False):
                    ax.set_title(strategy_title(*kind) if is_first else "")
                    ax.set_xlabel("lost, p" if is_last else "")
                    ax.tick_params(labelbottom=is_last, labelleft=ax is row[0])
                row[0].set_ylabel(axis_title(task, target))
        add_legend(figure, model_handles(looks))
    return figure


def _kinds(table: pd.DataFrame) -> list[tuple[str, float]]:
    """Strategies with their mean length of bursts, in the order of their panels."""
    return sorted(
        set(zip(table["strategy"], table["burst"], strict=True)),
        key=lambda kind: (strategy_place(kind[0]), kind[1]),
    )


def _row_of_losses(
    row: Sequence[Axes],
    kinds: Sequence[tuple[str, float]],
    cells: pd.DataFrame,
    looks: Mapping[str, Style],
    limits: tuple[float, float],
) -> None:
    """The panels of one target side by side, a kind each; those left over are hidden."""
    for ax, (strategy, burst) in zip(row, kinds, strict=False):
        is_kind = (cells["strategy"] == strategy) & (cells["burst"] == burst)
        _panel_of_losses(ax, cells[is_kind], looks)
        ax.set_ylim(limits)
    for ax in row[len(kinds) :]:
        ax.set_visible(False)


def _panel_of_losses(ax: Axes, cell: pd.DataFrame, looks: Mapping[str, Style]) -> None:
    steps = np.unique(cell["p"])
    offsets = np.linspace(-DODGE / 2, DODGE / 2, len(looks)) if len(looks) > 1 else [0.0]
    for (model, look), offset in zip(looks.items(), offsets, strict=True):
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
    ax.axhline(0, color="#666666", linewidth=0.6)
    ax.set_xticks(
        range(len(steps)),
        [f"{p:g}" for p in steps],
        fontsize=min(9, 90 / max(len(steps), 1)),
    )


def _limits(conditions: pd.DataFrame) -> tuple[float, float]:
    """Vertical limits that hold every mean ± sd, and 0."""
    sd = conditions["sd"].fillna(0)
    low = min(0.0, (conditions["value"] - sd).min())
    high = max(0.0, (conditions["value"] + sd).max())
    margin = 0.05 * (high - low) or 0.05
    return low - margin, high + margin


def draw_learning_curves(training: pd.DataFrame, looks: Mapping[str, Style], task: Task) -> Figure:
    """The held-out primary metric (mean of the targets) by epoch, for a regression also 1 − loss.

    One panel per model, one line per seed; a ring marks the epoch that was kept. The training loss
    is drawn where it is 1 − CCC, so that both are of one kind.

    Args:
        training: rows of `Results.training`.
        looks: of the models.
        task: its kind and primary metric.
    """
    has_loss = task.kind == "regression"
    with mpl.rc_context(RC):
        figure, axes = _panels(list(looks), 2.2, xlabel="epoch", ylabel=primary_metric(task).title)
        for ax, (model, look) in zip(axes, looks.items(), strict=True):
            for _, history in training[training["model"] == model].groupby("seed"):
                epoch = history["epoch"]
                if has_loss:
                    ax.plot(epoch, 1 - history["train_loss"], color=look.colour, lw=0.8, ls=":")
                ax.plot(epoch, history["heldout"], color=look.colour, lw=1.2)
                kept = history[history["best"] == 1]
                ax.plot(kept["epoch"], kept["heldout"], "o", color=look.colour, mfc="white")
        axes[0].xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        line = Line2D([], [], color="#444444", lw=1.2, label="held out")
        dots = Line2D([], [], color="#444444", lw=0.8, ls=":", label="training, 1 − loss")
        ring = Line2D([], [], color="#444444", ls="", marker="o", mfc="white", label="epoch kept")
        add_legend(figure, [line, dots, ring] if has_loss else [line, ring])
    return figure


def draw_videos(table: pd.DataFrame, looks: Mapping[str, Style], task: Task) -> Figure:
    """The primary metric of every video: a dot a video, a bar at the median, a row per model.

    Args:
        table: what `items.mean_videos` returned.
        looks: of the models, from top to bottom.
        task: its targets and primary metric.
    """
    with mpl.rc_context(RC):
        xlabel = f"{primary_metric(task).title} within the video"
        height = 0.4 + 0.36 * len(looks)
        figure, axes = _panels(list(target_titles(task).values()), height, xlabel=xlabel)
        for ax, target in zip(axes, task.targets, strict=True):
            for place, (model, look) in enumerate(looks.items()):
                value = table.loc[(table["model"] == model) & (table["target"] == target), "value"]
                ax.plot(
                    value,
                    np.full(len(value), place),
                    look.marker,
                    color=look.colour,
                    alpha=0.6,
                    mew=0,
                    ms=6,
                )
                if len(value):
                    ax.plot(value.median(), place, "|", color="black", ms=14, mew=1.5)
            ax.axvline(0, color="#666666", linewidth=0.6)
            ax.grid(axis="y", visible=False)
        axes[0].set_yticks(range(len(looks)), list(looks))
        axes[0].set_ylim(len(looks) - 0.5, -0.5)
    return figure


def draw_confusion(matrices: Mapping[str, NDArray[np.int64]], classes: Sequence[str]) -> Figure:
    """Confusion matrices, a panel per model: counts, shaded by their share of the row.

    Args:
        matrices: what `items.confusion_matrices` returned.
        classes: names of rows (annotated) and columns (predicted).
    """
    places = range(len(classes))
    with mpl.rc_context(RC):
        figure, axes = _panels(
            list(matrices), 3.5, xlabel="predicted", ylabel="annotated", aspect="equal"
        )
        for ax, counts in zip(axes, matrices.values(), strict=True):
            shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
            mesh = ax.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1)
            for row, column in np.ndindex(counts.shape):
                ax.text(
                    column + 0.5,
                    row + 0.5,
                    str(counts[row, column]),
                    ha="center",
                    va="center",
                    fontsize=min(8, 64 / len(classes)),
                    color="white" if shares[row, column] > 0.7 else "black",
                )
            ax.grid(visible=False)
        axes[0].set_xticks([place + 0.5 for place in places], classes)
        axes[0].set_yticks([place + 0.5 for place in places], classes)
        axes[0].set_ylim(len(classes), 0)
        for ax in axes:
            ax.tick_params(axis="x", rotation=90, length=0)
            ax.tick_params(axis="y", length=0)
        label = "share of the annotated class"
        figure.colorbar(mesh, ax=axes, label=label, location="top", shrink=0.4, aspect=40)
    return figure


def draw_scatter(predictions: pd.DataFrame, looks: Mapping[str, Style], target: str) -> Figure:
    """Predicted against annotated values of one target, a panel per model, a dot per sequence.

    Args:
        predictions: what `items.mean_predictions` returned, of one target.
        looks: of the models.
        target: what is predicted.
    """
    values = predictions[["annotated", "predicted"]].to_numpy()
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.05
    ends = (low - margin, high + margin)
    with mpl.rc_context(RC):
        figure, axes = _panels(
            list(looks),
            3.1,
            xlabel=f"annotated {target}",
            ylabel=f"predicted {target}",
            aspect="equal",
        )
        for ax, (model, look) in zip(axes, looks.items(), strict=True):
            dots = predictions[predictions["model"] == model]
            ax.plot(ends, ends, color="#666666", linewidth=0.6)
            ax.plot(
                dots["annotated"],
                dots["predicted"],
                look.marker,
                color=look.colour,
                alpha=0.6,
                mew=0,
            )
        axes[0].set(xlim=ends, ylim=ends)
    return figure


def _panels(
    titles: Sequence[str],
    height: float,
    *,
    xlabel: str,
    ylabel: str = "",
    aspect: Literal["auto", "equal"] = "auto",
) -> tuple[Figure, list[Axes]]:
    """A figure of panels with the same axes, three side by side at most.

    Args:
        titles: of the panels, in rows.
        height: of a panel in inches.
        xlabel: below the lowest panel of each column.
        ylabel: left of each row.
        aspect: `equal` for a unit as wide as it is high.
    """
    columns = min(PANELS, len(titles))
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(10, 0.8 + height * rows), layout="constrained")
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
