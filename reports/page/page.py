"""The page: one HTML file with everything in it, readable offline and without scripts."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from reports.numbers.results import Results
from reports.numbers.summary import Summary
from reports.page.document import document
from reports.page.first_screen import first_screen
from reports.page.pictures import Illustration, picture
from reports.page.sections import section, tables_of
from reports.tables.papers import papers_tables

_TITLE = "What losing sound and picture costs"
ORDER = (
    "When a modality is lost",
    "Ranking",
    "Condition by condition",
    "What the tests say",
    "By speaker",
    "By group",
    "By recording",
    "Over time",
    "Which class is taken for which",
    "Predicted against annotated",
    "One modality alone",
    "What was missing in the recordings",
    "Filling lost frames in",
    "Over all rates of loss",
    "Across corpora",
    "Trust in a number",
    "When a model may abstain",
    "What a model costs",
    "What the models are",
    "Learning curves",
    "Other metrics, intact input",
    "The papers' numbers",
    "Settings of this run",
)
"""The headings of the page, from top to bottom."""


def page_of(
    results: Results,
    summary: Summary,
    illustrations: Mapping[str, Sequence[Illustration]],
    latency: Mapping[str, Mapping[str, Any]],
) -> str:
    """The whole page as HTML.

    Args:
        results: the run.
        summary: of the run.
        illustrations: figures by heading.
        latency: what was measured of models, by name.
    """
    tables = {
        **tables_of(results, summary, latency),
        "The papers' numbers": section("", papers_tables(results, summary), "tables/papers.csv"),
        "Settings of this run": _settings(results.run),
    }
    contents = {}
    for heading in ORDER:
        figures = "".join(picture(drawn) for drawn in illustrations.get(heading, ()))
        if content := figures + tables.get(heading, ""):
            contents[heading] = content
    nav = f'<nav aria-label="Contents"><h2>Contents</h2><ol>{links_to(contents)}</ol></nav>'
    return document(_TITLE, "\n".join([first_screen(results, summary), nav, headed(contents)]))


def links_to(contents: Iterable[str]) -> str:
    """The entries of the contents, of headings."""
    return "".join(f'<li><a href="#{anchor(h)}">{escape(h)}</a></li>' for h in contents)


def headed(contents: Mapping[str, str]) -> str:
    """Sections of HTML by their headings."""
    return "\n".join(
        f'<section id="{anchor(heading)}"><h2>{escape(heading)}</h2>{content}</section>'
        for heading, content in contents.items()
    )


def anchor(heading: str) -> str:
    """The name of a section in addresses.

    >>> anchor("The papers' numbers")
    'the-papers-numbers'
    """
    letters = "".join(c if c.isalnum() else "-" if c == " " else "" for c in heading.lower())
    return letters.strip("-")


def _settings(run: Mapping[str, Any]) -> str:
    """Everything that `run.json` says, folded away."""
    rows = "".join(
        f'<tr><th scope="row">{escape(key)}</th><td class="words">{escape(str(value))}</td></tr>'
        for key, value in _flat(run)
    )
    table = (
        '<div class="scroll" role="group" aria-label="Settings" tabindex="0"><table>'
        f"{rows}</table></div>"
    )
    return section("", f"<details><summary>All of run.json</summary>{table}</details>", "run.json")


def _flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested settings as (dotted.key, value), in their order."""
    pairs: list[tuple[str, Any]] = []
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            pairs += _flat(inner, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", inner))
    return pairs
