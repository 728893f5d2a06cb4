"""The looks that all figures share, and how figures are saved."""

import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

SVG_LIMIT = 300_000  # bytes; a heavier figure is saved as PNG
LEGEND_WIDTH = 13.5  # characters across an inch of a figure
INK, SOFT, FAINT, GRID = "#1c1f23", "#5c6570", "#b4b9bf", "#e4e4e4"
"""Of letters, of axes and notes, of what stays in the background, of lines behind it."""
RC: dict[Any, Any] = {
    "svg.hashsalt": "lacuna",  # with no date, the same bytes on every build
    "svg.fonttype": "none",  # letters stay letters
    "pdf.fonttype": 42,  # likewise
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # names are shown as they are, dollar signs too
    "axes.titlesize": "large",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "savefig.dpi": 150,
}

Dash = Literal["-", "--", "-.", ":"]
DASHES: tuple[Dash, ...] = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DARK: Mapping[str, str] = {
    "#0068a8": "#5ab4f0",  # blue
    "#b84a00": "#ff9a5a",  # orange
    "#00795a": "#3fcf9f",  # green
    "#7b4fb5": "#b79cf0",  # purple
    "#b0397c": "#f28bc4",  # pink
    "#7a5c00": "#d9b44a",  # olive
    "#007c89": "#4fd0dc",  # teal
    "#c22f3d": "#ff8a94",  # red
    INK: "#e6e7e8",
    SOFT: "#a5acb5",
    FAINT: "#5b626a",
    GRID: "#30353a",
}
"""The colours of figures, each with the one that stands for it on a dark ground. Those of models
come first: 4.5 to 1 on white, as the others on black, so that a label can have them."""
COLOURS = tuple(DARK)[:8]
KNOWN = (
    "lacuna",
    "baseline",
    "clip_zero",
    "frame_zero",
    "frame_repeat",
    "video_only",
    "audio_only",
)
"""Names with a look of their own, in the order of COLOURS; other names find theirs themselves."""


@dataclass(frozen=True)
class Shape:
    """How large a figure is.

    Attributes:
        width: in inches.
        panels: side by side at most.
        size: of letters, in points.
    """

    width: float
    panels: int
    size: float

    @property
    def rc(self) -> dict[Any, Any]:
        """What matplotlib is to be told."""
        return {**RC, "font.size": self.size}

    @property
    def scale(self) -> float:
        """How wide a panel is, against one of the page."""
        return 0.3 * self.width / self.panels


PAGE = Shape(10.0, 3, 9.0)
"""Of the page."""


@dataclass(frozen=True)
class Style:
    """How one model is drawn."""

    colour: str
    dash: Dash
    marker: str


def styles(models: Collection[str]) -> dict[str, Style]:
    """A look per model by its name, wherever it stands; no two of up to 32 models look alike.

    Names beyond KNOWN begin at a place of their own (a checksum), and move on where it is taken, in
    the order of the alphabet.

    >>> styles(["mine", "baseline"])["baseline"] == styles(["baseline", "lacuna"])["baseline"]
    True
    """
    places = {name: place for place, name in enumerate(KNOWN) if name in models}
    slots = len(COLOURS) * len(DASHES)
    for name in sorted(set(models) - set(KNOWN)):
        start = crc32(name.encode()) % slots
        free = (start + step for step in range(slots))
        taken = set(places.values())
        places[name] = next((p % slots for p in free if p % slots not in taken), start)
    return {
        model: Style(
            COLOURS[places[model] % len(COLOURS)],
            DASHES[places[model] // len(COLOURS)],
            MARKERS[places[model] % len(MARKERS)],
        )
        for model in models
    }


def save_figure(figure: Figure, path: Path, note: str = "", suffix: str = ".svg") -> Path:
    """Save a figure as `<path><suffix>`, or as `<path>.png` where the SVG would be heavy.

    Args:
        figure: what to save.
        path: file name without a suffix.
        note: what `add_note` writes.
        suffix: .svg or .pdf.

    Returns:
        The file that was written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    nameless = ("Date", "Creator", "Format", "Type") if suffix == ".svg" else ("CreationDate",)
    drawn = io.BytesIO()
    with mpl.rc_context(RC):
        add_note(figure, note)
        figure.savefig(drawn, format=suffix[1:], metadata=dict.fromkeys(nameless))
        content = drawn.getvalue() if suffix != ".svg" else _short(drawn.getvalue())
        if suffix != ".svg" or len(content) <= SVG_LIMIT:
            path.with_suffix(suffix).write_bytes(content)
            return path.with_suffix(suffix)
        figure.savefig(path.with_suffix(".png"))
    return path.with_suffix(".png")


def _short(svg: bytes) -> bytes:
    """The same drawing with places to a hundredth of a point, and without indents."""
    placed = re.sub(
        rb' (d|x|y|x1|y1|x2|y2|points|transform)="[^"]*"',
        lambda found: re.sub(rb"-?\d+\.\d+", _rounded, found[0].replace(b" \n", b" ")),
        svg,
    )
    # Matplotlib names parts by hashes of places, whose last bits the solver of layouts leaves open.
    names = dict.fromkeys(re.findall(rb'id="([a-z][0-9a-f]{10})"', placed))
    for number, name in enumerate(names):
        placed = placed.replace(name, b"%c%d" % (name[:1], number))
    return re.sub(rb"\n +", b"\n", placed)


def _rounded(found: "re.Match[bytes]") -> bytes:
    """A number to two decimals, without those that are zero."""
    return b"%g" % (round(float(found[0]), 2) + 0.0)


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
    across = figure.get_figwidth() * LEGEND_WIDTH * RC["font.size"] / mpl.rcParams["font.size"]
    rows = -(-len(handles) // max(1, int(across) // widest))
    columns = -(-len(handles) // rows)
    figure.legend(handles=list(handles), loc="outside upper left", ncols=columns, handlelength=2.6)


def add_note(figure: Figure, note: str) -> None:
    """A small grey line at the bottom right with a strip of its own; nothing for an empty note."""
    if not note:
        return
    strip = 0.16 / figure.get_figheight()  # inches
    layout = figure.get_layout_engine()
    if isinstance(layout, ConstrainedLayoutEngine):
        layout.set(rect=(0, strip, 1, 1 - strip))
    figure.text(0.995, strip / 4, note, ha="right", va="bottom", fontsize=7, color=SOFT)
