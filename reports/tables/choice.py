"""Which models are recommended, in a list."""

from collections.abc import Mapping
from html import escape
from typing import Any

from reports.numbers.choice import NEEDS, SPEAKERS_NEEDED
from reports.numbers.words import capitalised, counted_noun, listing


def recommendations(choice: Mapping[str, Any]) -> str:
    """A line for each need, or why no model is recommended.

    Args:
        choice: what `choice.choose` returned.

    >>> recommendations({"speakers": 0, "needs": {}, "seeds": {}})
    '<p>No model is recommended: no speakers are kept apart to choose by.</p>'
    """
    count = choice["speakers"]
    if not count:
        return "<p>No model is recommended: no speakers are kept apart to choose by.</p>"
    if count < SPEAKERS_NEEDED:
        return (
            f"<p>No model is recommended: {counted_noun(count, 'speaker')} cannot tell, "
            f"{SPEAKERS_NEEDED} are needed.</p>"
        )
    lines = "".join(
        f"<li>{capitalised(NEEDS[need])}: {_answer(said)}</li>"
        for need, said in choice["needs"].items()
    )
    return (
        f"<p>Chosen by {counted_noun(count, 'speaker')} that no result here is of.</p>"
        f"<ul>{lines}</ul>"
    )


def _answer(said: Mapping[str, Any]) -> str:
    if said["recommended"] is not None:
        return f"<b>{escape(said['recommended'])}</b>."
    alike = [name for name in (said["best"], *said["level"]) if name is not None]
    return f"none is recommended, {escape(listing(alike))} cannot be told apart."
