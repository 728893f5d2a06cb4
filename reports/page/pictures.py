"""Figures within a page: their file in the text, light and dark, with their words."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from reports.figures.illustrations import Drawing
from reports.figures.style import DARK, PAGE, save_figure

MEDIA_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
GROUNDS: Mapping[str, str] = {"#ffffff": "#16181b", "#d9d9d9": "#3a3f45"}
"""Of figures and of what they shade, and what stands for it on a dark page."""


@dataclass(frozen=True)
class Illustration:
    """A figure file with its words.

    Attributes:
        file: SVG or PNG.
        alt: what is to be seen, for who cannot see it.
        caption: how to read it.
        inches: its width; None for all that the page has.
    """

    file: Path
    alt: str
    caption: str
    inches: float | None = None


def save_drawings(
    folder: Path, drawn: Mapping[str, Sequence[Drawing]], note: str
) -> dict[str, list[Illustration]]:
    """Draw every figure for the page and save it as SVG, or as PNG where that would be heavy.

    Args:
        folder: gets the files.
        drawn: by heading.
        note: what a reader of a single file has to know of the run.
    """
    return {
        heading: [
            Illustration(save_figure(d.draw(PAGE), folder / d.name, note), d.alt, d.caption)
            for d in figures
        ]
        for heading, figures in drawn.items()
    }


def picture(drawn: Illustration) -> str:
    """A figure with its caption, as HTML."""
    content, suffix = drawn.file.read_bytes(), drawn.file.suffix
    if suffix == ".svg":
        content = _for_both_grounds(content.decode()).encode()
    data = base64.b64encode(content).decode("ascii")
    rems = f"{6.5 * drawn.inches:.1f}rem" if drawn.inches else ""
    size = f' style="max-width:{rems};min-width:min(44rem,{rems})"' if rems else ""
    look = "scroll" if suffix == ".svg" else "scroll card"
    return (
        f'<figure><div class="{look}" role="group" aria-label="Figure, scrolls sideways" '
        f'tabindex="0"><img{size} alt="{escape(drawn.alt)}" '
        f'src="data:{MEDIA_TYPES[suffix]};base64,{data}"></div>'
        f"<figcaption>{escape(drawn.caption)}</figcaption></figure>"
    )


def _for_both_grounds(svg: str) -> str:
    """The drawing with other colours where the reader wants a dark page."""
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{dark}!important}}'
        for light, dark in {**DARK, **GROUNDS}.items()
        for kind in ("fill", "stroke")
        if f"{kind}: {light}" in svg
    )
    start = svg.index(">", svg.index("<svg")) + 1
    style = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"
    return f"{svg[:start]}{style}{svg[start:]}"
