"""The small page of a prediction: one file, offline, without scripts."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from reports.page.document import document

BASES = {
    "both": "face and sound",
    "audio": "sound alone",
    "video": "the face alone",
    "none": "neither: from what came before and after in the same clip",
}
"""What an answer rests on, by the values of the column `basis`."""

LIMITS = (
    "The values say how a face and a voice would be rated by people who see and hear them. They "
    "are no reading of what a person feels."
)


def prediction_page(
    *,
    title: str,
    figure: bytes | None,
    missing: Mapping[str, Sequence[tuple[float, float]]],
    basis: Mapping[str, float],
    answers: Mapping[str, float],
    notes: Sequence[str],
    caveats: Sequence[str],
    files: Sequence[str],
) -> str:
    """The page as HTML.

    Args:
        title: file, model and seed.
        figure: PNG of the values; None where there is none.
        missing: stretches from one second to another by what is missing in them.
        basis: share of the frames by what their answer rests on.
        answers: of a model of sequences, its values by output.
        notes: sentences on what was found.
        caveats: sentences on what the model is worth.
        files: names of the files beside the page, which it links to.
    """
    sections = [
        _section("Answer", _table(("output", "value"), _values(answers))),
        _section("Over time", "" if figure is None else _picture(figure, title)),
        _section("What was found", _list(notes)),
        _section("What is missing", _missing(missing)),
        _section("What the values rest on", _table(("basis", "meaning", "frames"), _shares(basis))),
        _section("What to trust", _list([*caveats, LIMITS])),
        _section("Files", _links(files)),
    ]
    heading = f"<header><h1>{escape(title)}</h1></header>"
    return document(escape(title), "\n".join([heading, *sections]))


def _section(heading: str, content: str) -> str:
    """A section; nothing where it would be empty."""
    return f"<section><h2>{heading}</h2>{content}</section>" if content else ""


def _list(sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


def _links(files: Sequence[str]) -> str:
    items = "".join(f'<li><a href="{quote(name)}">{escape(name)}</a></li>' for name in files)
    return f"<ul>{items}</ul>" if items else ""


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; nothing without a row."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _values(answers: Mapping[str, float]) -> list[tuple[str, str]]:
    return [(name, f"{value:.2f}") for name, value in answers.items()]


def _shares(basis: Mapping[str, float]) -> list[tuple[str, str, str]]:
    return [(b, BASES[b], f"{basis[b]:.0%}") for b in BASES if basis.get(b)]


def _missing(missing: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    rows = [
        (what, f"{start:.1f}", f"{end:.1f}", f"{end - start:.1f}")
        for what, stretches in missing.items()
        for start, end in stretches
    ]
    table = _table(("what", "from, s", "to, s", "seconds"), rows)
    return table if table or not missing else "<p>Nothing.</p>"


def _picture(png: bytes, title: str) -> str:
    data = base64.b64encode(png).decode()
    return (
        '<figure><div class="scroll card" role="group" aria-label="Figure, scrolls sideways" '
        f'tabindex="0"><img alt="{escape(title)}" src="data:image/png;base64,{data}"></div>'
        "</figure>"
    )
