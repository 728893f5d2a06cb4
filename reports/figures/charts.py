"""The figures of a run, drawn with matplotlib; the same bytes on every build."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from features.task import Task
from reports.figures.panels import draw_panels
from reports.figures.style import INK, PAGE, SOFT, Shape, Style, add_legend
from reports.numbers.words import primary_metric, target_titles

OUTLYING = 1.0  # ranges of the middle 96 % of values by which a curve may be beyond them


def draw_learning_curves(
    training: pd.DataFrame, looks: Mapping[str, Style], task: Task, shape: Shape = PAGE
) -> Figure:
    """The held-out primary metric (mean of the targets) by epoch, for a regression also 1 − loss.

    One panel per model, one line per seed; a ring marks the epoch that was kept. The training loss
    is drawn where it is 1 − CCC, so that both are of one kind.

    Args:
        training: rows of `Results.training`.
        looks: of the models.
        task: its kind and primary metric.
        shape: of the figure.
    """
    has_loss = task.kind == "regression"
    with mpl.rc_context(shape.rc):
        figure, axes = draw_panels(
            list(looks), 2.2 * shape.scale, shape, xlabel="epoch", ylabel=primary_metric(task).title
        )
        for ax, (model, look) in zip(axes, looks.items(), strict=True):
            for _, history in training[training["model"] == model].groupby("seed"):
                epoch = history["epoch"]
                if has_loss:
                    ax.plot(epoch, 1 - history["train_loss"], color=look.colour, lw=0.8, ls=":")
                ax.plot(epoch, history["heldout"], color=look.colour, lw=1.2)
                kept = history[history["best"] == 1]
                ax.plot(kept["epoch"], kept["heldout"], "o", color=look.colour, mfc="white")
        axes[0].set_ylim(learning_limits(training, has_loss=has_loss))
        axes[0].xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        line = Line2D([], [], color=SOFT, lw=1.2, label="held out")
        dots = Line2D([], [], color=SOFT, lw=0.8, ls=":", label="training, 1 − loss")
        ring = Line2D([], [], color=SOFT, ls="", marker="o", mfc="white", label="epoch kept")
        add_legend(figure, [line, dots, ring] if has_loss else [line, ring])
    return figure


def learning_limits(training: pd.DataFrame, *, has_loss: bool) -> tuple[float, float]:
    """Vertical limits of what is learnt, which a single wild epoch does not set.

    Values may be beyond the middle 96 % by as much as these span; what is further out is cut.

    Args:
        training: rows of `Results.training`.
        has_loss: whether 1 − loss is drawn too.
    """
    curves = [training["heldout"], *([1 - training["train_loss"]] if has_loss else [])]
    values = pd.concat(curves).dropna()
    if values.empty:
        return 0.0, 1.0
    low, high = values.quantile([0.02, 0.98])
    beyond = OUTLYING * (high - low)
    low, high = max(values.min(), low - beyond), min(values.max(), high + beyond)
    margin = 0.05 * (high - low) or 0.05
    return float(low - margin), float(high + margin)


def draw_dots(
    table: pd.DataFrame,
    looks: Mapping[str, Style],
    task: Task,
    shape: Shape = PAGE,
    *,
    quantity: str,
) -> Figure:
    """A value of every video or speaker: a dot each, a bar at the median, a row per model.

    Args:
        table: what `items.mean_videos` or `items.mean_speakers` returned.
        looks: of the models, from top to bottom.
        task: its targets.
        shape: of the figure.
        quantity: what the values are.
    """
    with mpl.rc_context(shape.rc):
        titles = list(target_titles(task).values())
        figure, axes = draw_panels(titles, 0.4 + 0.36 * len(looks), shape, xlabel=quantity)
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
                    ax.plot(value.median(), place, "|", color=INK, ms=14, mew=1.5)
            ax.axvline(0, color=SOFT, linewidth=0.6)
            ax.grid(axis="y", visible=False)
        axes[0].set_yticks(range(len(looks)), list(looks))
        axes[0].set_ylim(len(looks) - 0.5, -0.5)
    return figure


def draw_confusion(
    matrices: Mapping[str, NDArray[np.int64]], classes: Sequence[str], shape: Shape = PAGE
) -> Figure:
    """Confusion matrices, a panel per model: counts, shaded by their share of the row.

    Args:
        matrices: what `items.confusion_matrices` returned.
        classes: names of rows (annotated) and columns (predicted).
        shape: of the figure.
    """
    places = range(len(classes))
    with mpl.rc_context(shape.rc):
        figure, axes = draw_panels(
            list(matrices),
            3.5 * shape.scale,
            shape,
            xlabel="predicted",
            ylabel="annotated",
            aspect="equal",
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


def draw_scatter(
    predictions: pd.DataFrame, looks: Mapping[str, Style], target: str, shape: Shape = PAGE
) -> Figure:
    """Predicted against annotated values of one target, a panel per model, a dot per sequence.

    Args:
        predictions: what `items.mean_predictions` returned, of one target.
        looks: of the models.
        target: what is predicted.
        shape: of the figure.
    """
    values = predictions[["annotated", "predicted"]].to_numpy()
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.05
    ends = (low - margin, high + margin)
    with mpl.rc_context(shape.rc):
        figure, axes = draw_panels(
            list(looks),
            3.1 * shape.scale,
            shape,
            xlabel=f"annotated {target}",
            ylabel=f"predicted {target}",
            aspect="equal",
        )
        for ax, (model, look) in zip(axes, looks.items(), strict=True):
            dots = predictions[predictions["model"] == model]
            ax.plot(ends, ends, color=SOFT, linewidth=0.6)
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
