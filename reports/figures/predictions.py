"""Figures of what a model predicts for one file."""

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from types import MappingProxyType

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from features.files import whole
from reports.figures.style import COLOURS, RC, SOFT, add_legend, add_note
from reports.figures.timeline import missing_handles, rows_over_time, shade
from reports.numbers.words import capitalised

TARGET_COLOURS = COLOURS[:3]


def plot_prediction(
    times: ArrayLike,
    predicted: Mapping[str, ArrayLike],
    face_present: ArrayLike,
    sound_present: ArrayLike,
    *,
    path: Path,
    title: str,
    note: str = "",
    limits: Mapping[str, tuple[float, float]] = MappingProxyType({}),
) -> None:
    """Save a figure of predicted values over time, missing stretches shaded.

    Args:
        times: (F,) start of each frame in seconds.
        predicted: (F,) values of each target, panels from top to bottom; NaN leaves a gap.
        face_present: (F,) bool.
        sound_present: (F,) bool.
        path: where to save; its suffix is the format (.svg, .png or .pdf).
        title: heading, such as the name of the video and the model.
        note: what a reader has to know of the model, see `run_file.caveat`.
        limits: smallest and largest value of each target; −1 and 1 where they are not given.
    """
    shown = {name: limits.get(name, (-1.0, 1.0)) for name in predicted}
    with mpl.rc_context(RC):
        figure, axes = rows_over_time(len(predicted), sharey=len(set(shown.values())) == 1)
        for ax, colour, (name, values) in zip(axes, cycle(TARGET_COLOURS), predicted.items()):
            low, high = shown[name]
            beyond = 0.025 * (high - low)  # a line on the limit is seen whole
            ax.plot(times, values, color=colour)
            ax.axhline((low + high) / 2, color=SOFT, linewidth=0.6)
            shade(ax, times, face_present, sound_present)
            ax.set(ylabel=capitalised(name), ylim=(low - beyond, high + beyond))
        axes[0].set_title(title)
        add_legend(figure, missing_handles())
        _save(figure, path, note)


def plot_people(
    people: Mapping[int, tuple[ArrayLike, Mapping[str, ArrayLike], ArrayLike]],
    faces: Mapping[int, NDArray[np.uint8]],
    sound_present: ArrayLike,
    *,
    path: Path,
    title: str,
    note: str = "",
    limits: tuple[float, float] = (-1.0, 1.0),
) -> None:
    """Save a figure of the values of each of several people, a panel and a small face each.

    Args:
        people: by number, start (F,) of each frame in seconds, values (F,) of each target, and
            whether the face is there (F,).
        faces: (size, size, 3) RGB of those whose face was seen.
        sound_present: (F,) bool.
        path: where to save; its suffix is the format (.svg, .png or .pdf).
        title: heading, such as the name of the video and the model.
        note: what a reader has to know of the model, see `run_file.caveat`.
        limits: smallest and largest value of the targets.
    """
    low, high = limits
    beyond = 0.025 * (high - low)
    with mpl.rc_context(RC):
        figure = Figure(figsize=(10, 1 + 2 * len(people)), layout="constrained")
        ratios = {"width_ratios": [1, 8]}
        panels = figure.subplots(len(people), 2, squeeze=False, gridspec_kw=ratios)
        lines: list[Artist] = []
        for (beside, ax), (number, (times, values, present)) in zip(
            panels, people.items(), strict=True
        ):
            beside.axis("off")
            beside.set_title(f"person {number}", fontsize="medium")
            if number in faces:
                beside.imshow(faces[number])
            lines = [
                ax.plot(times, values[name], color=colour, label=capitalised(name))[0]
                for colour, name in zip(cycle(TARGET_COLOURS), values)
            ]
            ax.axhline((low + high) / 2, color=SOFT, linewidth=0.6)
            shade(ax, times, present, sound_present)
            ax.set(ylim=(low - beyond, high + beyond))
        ends = np.array([ax.get_xlim() for ax in panels[:, 1]])
        for ax in panels[:, 1]:
            ax.set_xlim(ends[:, 0].min(), ends[:, 1].max())
        panels[-1, 1].set_xlabel("time, s")
        panels[0, 1].set_title(title)
        add_legend(figure, [*lines, *missing_handles()])
        _save(figure, path, note)


def plot_classes(shares: Mapping[str, float], *, path: Path, title: str, note: str = "") -> None:
    """Save a bar chart of the probability of each class.

    Args:
        shares: probability of each class in [0, 1], bars from top to bottom.
        path: where to save; its suffix is the format (.svg, .png or .pdf).
        title: heading, such as the name of the video and the model.
        note: what a reader has to know of the model, see `run_file.caveat`.
    """
    with mpl.rc_context(RC):
        figure = Figure(figsize=(7, 1.2 + 0.36 * len(shares)), layout="constrained")
        ax = figure.subplots()
        bars = ax.barh(list(shares), list(shares.values()), color=TARGET_COLOURS[0], height=0.7)
        ax.bar_label(bars, fmt="%.2f", padding=3)
        ax.set(title=title, xlabel="probability", xlim=(0, 1.08))
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
        _save(figure, path, note)


def _save(figure: Figure, path: Path, note: str) -> None:
    add_note(figure, note)
    path.parent.mkdir(parents=True, exist_ok=True)
    dateless = {"Date": None} if path.suffix == ".svg" else None
    with whole(path) as place:
        figure.savefig(place, format=path.suffix[1:], metadata=dateless)
