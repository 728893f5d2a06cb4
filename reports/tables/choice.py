"""Which model to take for which need, and what it costs."""

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from reports.numbers.choice import NEEDS, SPEAKERS_NEEDED
from reports.numbers.named import ALL_NAMED, by_robustness, number
from reports.numbers.results import Results
from reports.numbers.summary import Summary
from reports.numbers.words import counted_noun, listing, two

SHORT: Mapping[str, str] = {
    "robust": "Most robust",
    "intact": "Best intact",
    "smallest": "Smallest",
}
"""Needs as they head their answers."""


def recommendations(choice: Mapping[str, Any], costs: Mapping[str, str]) -> str:
    """The model for each need with what it costs, as HTML; nothing where too few speakers choose.

    Args:
        choice: what `choice.choose` returned.
        costs: what `costs_of` returned.

    >>> recommendations({"speakers": 0, "needs": {}, "seeds": {}}, {})
    ''
    """
    if choice["speakers"] < SPEAKERS_NEEDED:
        return ""
    entries = "".join(
        f'<div><dt title="{escape(NEEDS[need])}">{SHORT[need]}</dt>'
        f"<dd>{_answer(said)}<span>{escape(costs.get(need, ''))}</span></dd></div>"
        for need, said in choice["needs"].items()
    )
    count = counted_noun(choice["speakers"], "speaker")
    by = f"Chosen by {count} whom no number here is of."
    return f'<dl class="needs">{entries}</dl><p class="by">{by}</p>'


def _answer(said: Mapping[str, Any]) -> str:
    if said["recommended"] is not None:
        return f"<b>{escape(said['recommended'])}</b>"
    alike = [name for name in (said["best"], *said["level"]) if name is not None]
    return f"none: {escape(listing(alike))} cannot be told apart"


def costs_of(results: Results, summary: Summary) -> dict[str, str]:
    """What the recommended model of each need reaches and costs, in words, by need.

    Numbers are of the reported speakers, like all others.
    """
    costs = {}
    for need, said in results.choice["needs"].items():
        if (model := said["recommended"]) is None:
            continue
        title, of = ("Intact", "intact") if need == "intact" else (ALL_NAMED, "in the mean")
        other = ALL_NAMED if need == "intact" else "Intact"
        size = results.run["models"][model]["parameters"]
        parts = [
            f"{two(number(summary.named, model, title))} {of}",
            _behind(results, summary, model, other),
            f"{size:,} parameters",
        ]
        costs[need] = "; ".join(filter(None, parts))
    return costs


def _behind(results: Results, summary: Summary, model: str, title: str) -> str:
    """How far a model is behind the highest where it was not chosen for it."""
    ordered = by_robustness(summary.named, results.models)
    best = max(ordered, key=lambda name: _known(number(summary.named, name, title)))
    behind = number(summary.named, best, title) - number(summary.named, model, title)
    if best == model or not round(behind, 2) > 0:
        return ""
    of = "intact" if title == "Intact" else "in the mean"
    return f"{two(behind)} below {best} {of}"


def _known(value: float) -> float:
    return -math.inf if math.isnan(value) else value
