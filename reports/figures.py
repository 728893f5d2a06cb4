"""The figures of a run, drawn with matplotlib; the same bytes on every build."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from reports.results import STRATEGIES, TARGETS
from reports.style import (
    RC,
    STRATEGY_NAMES,
    TARGET_NAMES,
    Style,
    add_legend,
    add_note,
    model_handles,
    styles,
)

DODGE = 0.3  # share of the step between two probabilities over which models are spread


def ablation(conditions: pd.DataFrame, modality: str, models: Sequence[str]) -> Figure:
    """CCC against the probability of ablation: the paper's Figures 3 (audio) and 4 (video).

    Strategies are columns, targets are rows; one line per model with its standard deviation. Steps
    of p are drawn equally wide. The vertical axes are the same for both modalities.

    Args:
        conditions: what `summary.conditions` returned.
        modality: the ablated one.
        models: in the order of their styles.
    """
    table = conditions[conditions["modality"] == modality]
    strategies = [s for s in STRATEGIES if s in set(table["strategy"])]
    with mpl.rc_context(RC):
        figure = Figure(figsize=(10, 6.2), layout="constrained")
        axes = figure.subplots(2, len(strategies), sharey="row", sharex="col", squeeze=False)
        for row, target in zip(axes, TARGETS, strict=True):
            for ax, strategy in zip(row, strategies, strict=True):
                cell = table[(table["strategy"] == strategy) & (table["target"] == target)]
                _ablation_panel(ax, cell, styles(models))
            row[0].set_ylabel(f"{TARGET_NAMES[target]}, CCC")
            row[0].set_ylim(_limits(conditions[conditions["target"] == target]))
        for ax, strategy in zip(axes[0], strategies, strict=True):
            ax.set_title(STRATEGY_NAMES[strategy])
        for ax in axes[-1]:
            ax.set_xlabel("probability of ablation, p")
        add_legend(figure, model_handles(models))
    return figure


def _ablation_panel(ax: Axes, cell: pd.DataFrame, looks: dict[str, Style]) -> None:
    steps = np.unique(cell["p"])
    offsets = np.linspace(-DODGE / 2, DODGE / 2, len(looks)) if len(looks) > 1 else [0.0]
    for (model, look), offset in zip(looks.items(), offsets, strict=True):
        line = cell[cell["model"] == model].sort_values("p")
        ax.errorbar(
            np.searchsorted(steps, line["p"]) + offset,
            line["ccc"],
            yerr=line["sd"].fillna(0),
            color=look.colour,
            linestyle=look.dash,
            marker=look.marker,
            elinewidth=0.8,
        )
    ax.axhline(0, color="#666666", linewidth=0.6)
    ax.set_xticks(range(len(steps)), [f"{p:g}" for p in steps])


def _limits(conditions: pd.DataFrame) -> tuple[float, float]:
    """Vertical limits that hold every mean ± sd, and 0."""
    sd = conditions["sd"].fillna(0)
    low = min(0.0, (conditions["ccc"] - sd).min())
    high = max(0.0, (conditions["ccc"] + sd).max())
    margin = 0.05 * (high - low) or 0.05
    return low - margin, high + margin


def learning_curves(training: pd.DataFrame, models: Sequence[str]) -> Figure:
    """Held-out CCC (mean of the targets) and 1 − training loss by epoch.

    One panel per model, one line per seed; a ring marks the epoch that was kept.

    Args:
        training: rows of `Results.training`.
        models: in the order of their styles.
    """
    columns = min(3, len(models))
    rows = -(-len(models) // columns)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(10, 0.8 + 2.2 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for ax, (model, look) in zip(axes.flat, styles(models).items(), strict=False):
            for _, history in training[training["model"] == model].groupby("seed"):
                epoch = history["epoch"]
                ax.plot(epoch, 1 - history["train_loss"], color=look.colour, lw=0.8, ls=":")
                ax.plot(epoch, history["heldout_ccc"], color=look.colour, lw=1.2)
                kept = history[history["best"] == 1]
                ax.plot(kept["epoch"], kept["heldout_ccc"], "o", color=look.colour, mfc="white")
            ax.set_title(model)
            ax.xaxis.get_major_locator().set_params(integer=True)
        for ax in axes.flat[len(models) :]:
            ax.set_visible(False)
        for column in range(columns):
            lowest = axes[(len(models) - 1 - column) // columns][column]
            lowest.set_xlabel("epoch")
            lowest.tick_params(labelbottom=True)
        for ax in axes[:, 0]:
            ax.set_ylabel("CCC")
        handles = [
            Line2D([], [], color="#444444", lw=1.2, label="held out"),
            Line2D([], [], color="#444444", lw=0.8, ls=":", label="training, 1 − loss"),
            Line2D([], [], color="#444444", ls="", marker="o", mfc="white", label="epoch kept"),
        ]
        add_legend(figure, handles)
    return figure


def videos(table: pd.DataFrame, models: Sequence[str]) -> Figure:
    """CCC of every video: a dot a video, a bar at the median, a row per model.

    Args:
        table: what `summary.mean_videos` returned.
        models: in the order of their styles, from top to bottom.
    """
    with mpl.rc_context(RC):
        figure = Figure(figsize=(10, 1.2 + 0.36 * len(models)), layout="constrained")
        axes = figure.subplots(1, 2, sharex=True, sharey=True)
        for ax, target in zip(axes, TARGETS, strict=True):
            for place, (model, look) in enumerate(styles(models).items()):
                ccc = table.loc[(table["model"] == model) & (table["target"] == target), "ccc"]
                ax.plot(
                    ccc,
                    np.full(len(ccc), place),
                    look.marker,
                    color=look.colour,
                    alpha=0.6,
                    mew=0,
                    ms=6,
                )
                if len(ccc):
                    ax.plot(ccc.median(), place, "|", color="black", ms=14, mew=1.5)
            ax.axvline(0, color="#666666", linewidth=0.6)
            ax.set_title(TARGET_NAMES[target])
            ax.set_xlabel("CCC within the video")
            ax.grid(axis="y", visible=False)
        axes[0].set_yticks(range(len(models)), list(models))
        axes[0].set_ylim(len(models) - 0.5, -0.5)
    return figure


def trace(table: pd.DataFrame, models: Sequence[str]) -> Figure:
    """Predicted and annotated values of one item over time, missing stretches shaded.

    Args:
        table: rows of `Results.traces` of one item.
        models: in the order of their styles.
    """
    with mpl.rc_context(RC):
        figure = Figure(figsize=(10, 5), layout="constrained")
        axes = figure.subplots(2, 1, sharex=True)
        for ax, target in zip(axes, TARGETS, strict=True):
            of_target = table[table["target"] == target]
            for model, look in styles(models).items():
                line = of_target[of_target["model"] == model]
                ax.plot(line["time"], line["predicted"], look.dash, color=look.colour, lw=1.1)
            first = of_target[of_target["model"] == of_target["model"].iloc[0]]
            ax.plot(first["time"], first["annotated"], color="black", lw=2)
            _shade(ax, *(first[c] for c in ("time", "face_present", "sound_present")))
            ax.set_ylabel(TARGET_NAMES[target])
        axes[-1].set_xlabel("time, s")
        annotated = Line2D([], [], color="black", lw=2, label="annotated")
        add_legend(figure, [annotated, *model_handles(models, markers=False), *_missing_handles()])
    return figure


def plot_prediction(
    times: ArrayLike,
    valence: ArrayLike,
    arousal: ArrayLike,
    face_present: ArrayLike,
    sound_present: ArrayLike,
    *,
    path: Path,
    title: str,
    note: str = "",
) -> None:
    """Save a figure of predicted valence and arousal over time, missing stretches shaded.

    Args:
        times: (F,) start of each frame in seconds.
        valence: (F,) predicted, in [−1, 1].
        arousal: (F,) predicted, in [−1, 1].
        face_present: (F,) bool.
        sound_present: (F,) bool.
        path: where to save; its suffix is the format (.svg, .png or .pdf).
        title: heading, such as the name of the video and the model.
        note: what a reader has to know of the model, see `results.caveat`.
    """
    with mpl.rc_context(RC):
        figure = Figure(figsize=(10, 5), layout="constrained")
        axes = figure.subplots(2, 1, sharex=True, sharey=True)
        for ax, name, values, colour in zip(
            axes, ("Valence", "Arousal"), (valence, arousal), ("#0072B2", "#D55E00"), strict=True
        ):
            ax.plot(times, values, color=colour)
            ax.axhline(0, color="#666666", linewidth=0.6)
            _shade(ax, times, face_present, sound_present)
            ax.set(ylabel=name, ylim=(-1.05, 1.05))
        axes[-1].set_xlabel("time, s")
        axes[0].set_title(title)
        add_legend(figure, _missing_handles())
        add_note(figure, note)
        path.parent.mkdir(parents=True, exist_ok=True)
        dateless = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(path, metadata=dateless)


def stretches(times: ArrayLike, present: ArrayLike) -> NDArray[np.float64]:
    """Runs of missing frames.

    Args:
        times: (F,) start of each frame in seconds; a frame lasts until the next one starts, the
            last one for the median of the others.
        present: (F,) bool or 0 and 1.

    Returns:
        (n, 2) start and end of every run in seconds.
    """
    start = np.asarray(times, dtype=np.float64)
    missing = ~np.asarray(present, dtype=bool)
    step = np.median(np.diff(start)) if start.size > 1 else 0.0
    edges = np.append(start, start[-1:] + step)
    turns = np.flatnonzero(np.diff(missing, prepend=False, append=False))
    return edges[turns].reshape(-1, 2)


FACE_MISSING: dict[str, Any] = {"facecolor": "#d9d9d9", "edgecolor": "none"}
SOUND_MISSING: dict[str, Any] = {"facecolor": "none", "edgecolor": "#8a8a8a", "hatch": "////"}


def _shade(ax: Axes, times: ArrayLike, face_present: ArrayLike, sound_present: ArrayLike) -> None:
    """Grey where there is no face, hatched where there is no sound; both can be at once."""
    for present, look in ((face_present, FACE_MISSING), (sound_present, SOUND_MISSING)):
        for start, end in stretches(times, present):
            ax.axvspan(start, end, zorder=0.5, linewidth=0, **look)
    ax.grid(axis="x", visible=False)
    ax.margins(x=0)


def _missing_handles() -> list[Patch]:
    return [Patch(label="no face", **FACE_MISSING), Patch(label="no sound", **SOUND_MISSING)]
