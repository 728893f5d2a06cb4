"""The looks that all figures share, and how figures are saved."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

SVG_LIMIT = 300_000  # bytes; a heavier figure is saved as PNG
LEGEND_WIDTH = 135  # characters across a figure
RC: dict[Any, Any] = {
    "svg.hashsalt": "lacuna",  # with no date, the same bytes on every build
    "font.size": 9,
    "text.parse_math": False,  # names are shown as they are, dollar signs too
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "savefig.dpi": 150,
}

# Okabe and Ito's colour-blind-safe palette without black (kept for annotations) and yellow
# (too light on white).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
Dash = Literal["-", "--", "-.", ":"]
DASHES: tuple[Dash, ...] = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@dataclass(frozen=True)
class Style:
    """How one model is drawn."""

    colour: str
    dash: Dash
    marker: str


def styles(models: Sequence[str]) -> dict[str, Style]:
    """A look per model by its position; colours repeat after six models, with another dash."""
    return {
        model: Style(
            COLOURS[i % len(COLOURS)],
            DASHES[i // len(COLOURS) % len(DASHES)],
            MARKERS[i % len(MARKERS)],
        )
        for i, model in enumerate(models)
    }


def save_figure(figure: Figure, path: Path, note: str = "") -> Path:
    """Save a figure as `<path>.svg`, or as `<path>.png` where the SVG would be heavy.

    Args:
        figure: what to save.
        path: file name without a suffix.
        note: what `add_note` writes.

    Returns:
        The file that was written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    nameless: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    svg = io.BytesIO()
    with mpl.rc_context(RC):
        add_note(figure, note)
        figure.savefig(svg, format="svg", metadata=nameless)
        if svg.tell() <= SVG_LIMIT:
            path.with_suffix(".svg").write_bytes(svg.getvalue())
            return path.with_suffix(".svg")
        figure.savefig(path.with_suffix(".png"))
    return path.with_suffix(".png")


def model_handles(looks: Mapping[str, Style], *, markers: bool = True) -> list[Line2D]:
    """Legend entries, one a model."""
    return [
        Line2D(
            [],
            [],
            color=look.colour,
            linestyle=look.dash,
            marker=look.marker if markers else "",
            label=model,
        )
        for model, look in looks.items()
    ]


def add_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """One legend for the whole figure, above its panels."""
    widest = max(len(str(handle.get_label())) for handle in handles) + 8  # 8: the line and gaps
    rows = -(-len(handles) // max(1, LEGEND_WIDTH // widest))
    columns = -(-len(handles) // rows)
    figure.legend(handles=list(handles), loc="outside upper left", ncols=columns, handlelength=2.6)


def add_note(figure: Figure, note: str) -> None:
    """A small grey line at the bottom right, below all panels; nothing for an empty note."""
    if note:
        figure.supxlabel(note, x=0.995, ha="right", fontsize=7, color="#666666")
