"""One sentence on what a run has found, from its numbers and their tests."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from reports.numbers.choice import SPEAKERS_NEEDED
from reports.numbers.named import ALL_NAMED, TITLES, by_robustness, number
from reports.numbers.results import Results
from reports.numbers.schema import INTACT
from reports.numbers.words import counted_noun, listing, overall_target, primary_metric, two

PICTURE_GONE, SOUND_GONE = "Picture gone", "Sound gone"
WITHOUT = {PICTURE_GONE: "without a picture", SOUND_GONE: "without sound"}


def verdict(results: Results, table: pd.DataFrame) -> str:
    """The sentence; two where no model can be recommended.

    The model is chosen on the speakers that choose, the numbers are of those that are reported.

    Args:
        results: the run.
        table: what `named.named_means` returned.
    """
    recommended = _recommended(results)
    model = subject(results, table)
    value, metric = number(table, model, ALL_NAMED), primary_metric(results.task).title
    if math.isnan(value):
        return f"No model was evaluated under all of {counted_noun(len(TITLES), 'condition')}."
    reference = results.reference if results.reference != model else None
    beside = f" ({reference} {two(number(table, reference, ALL_NAMED))})" if reference else ""
    of = f"{metric} {two(value)} in the mean of {counted_noun(len(TITLES), 'condition')}{beside}"
    falls = ", ".join(_fall(table, model, reference, title) for title in WITHOUT)
    rest = f"{falls}; {_intact(results, table, model)}."
    if recommended:
        return f"{model} keeps most under loss: {of}; {rest}"
    return f"{no_model(results.choice)} Highest here is {model}: {of}; {rest}"


def subject(results: Results, table: pd.DataFrame) -> str:
    """The model that the sentence is of: the recommended one, or the highest.

    Args:
        results: the run.
        table: what `named.named_means` returned.
    """
    return _recommended(results) or by_robustness(table, results.models)[0]


def _recommended(results: Results) -> str | None:
    model = results.choice["needs"].get("robust", {}).get("recommended")
    return None if model is None else str(model)


def no_model(choice: dict[str, Any]) -> str:
    """Why no model is recommended as the most robust, in a sentence.

    >>> no_model({"speakers": 0, "needs": {}})
    'No model is recommended: no speakers are kept apart to choose by.'
    """
    count = choice["speakers"]
    if not count:
        return "No model is recommended: no speakers are kept apart to choose by."
    if count < SPEAKERS_NEEDED:
        chosen = f"{counted_noun(count, 'speaker')} cannot tell"
        return f"No model is recommended: {chosen}, {SPEAKERS_NEEDED} are needed."
    robust = choice["needs"]["robust"]
    alike = [name for name in (robust["best"], *robust["level"]) if name is not None]
    chosen = f"{counted_noun(count, 'speaker')} {_alike(alike)}"
    return f"No model is recommended as the most robust: {chosen}."


def _alike(models: Sequence[str]) -> str:
    if len(models) < 2:
        return "have no number of any model"
    return f"cannot tell {listing(models)} apart"


def _fall(table: pd.DataFrame, model: str, reference: str | None, title: str) -> str:
    """What a modality that is gone costs a model, and the reference."""
    intact, gone = number(table, model, "Intact"), number(table, model, title)
    change = round(gone, 2) - round(intact, 2)
    if abs(change) < 0.005:
        words = f"{WITHOUT[title]} it stays at {two(gone)}"
    else:
        way = "falls" if change < 0 else "rises"
        words = f"{WITHOUT[title]} it {way} by {two(abs(change))} to {two(gone)}"
    if reference is None:
        return words
    other = number(table, reference, "Intact"), number(table, reference, title)
    return f"{words} ({reference} to {two(other[1])})"


def _intact(results: Results, table: pd.DataFrame, model: str) -> str:
    """How a model stands to the reference where nothing is lost; the reference, to the best."""
    value = number(table, model, "Intact")
    others = [other for other in results.models if other != model]
    if not others:
        return f"intact it has {two(value)}"
    rival = results.reference
    if rival is None or rival == model:
        rival = max(others, key=lambda other: _least(number(table, other, "Intact")))
    beside = two(number(table, rival, "Intact"))
    found = _tested(results, model, rival)
    if found is None:
        return f"intact it has {two(value)}, {rival} {beside} (not tested)"
    words = {1: "is ahead of", 0: "is level with", -1: "is behind"}[found]
    return f"intact it {words} {rival} ({two(value)} against {beside})"


def _tested(results: Results, model: str, rival: str) -> int | None:
    """What the bootstrap says of two models on intact input: 1 ahead, −1 behind, 0 not told apart.

    None where they were not tested, or the test gave no verdict.
    """
    tests = results.significance
    tests = tests[
        (tests["target"] == overall_target(results.task))
        & (tests["measure"] == INTACT)
        & (tests["test"] == "bootstrap")
        & tests["low"].notna()
    ]
    for sign, one, other in ((1, model, rival), (-1, rival, model)):
        rows = tests[(tests["model"] == one) & (tests["reference"] == other)]
        if len(rows):
            return sign * int(rows["significant"].iloc[0])
    return None


def _least(value: float) -> float:
    return -math.inf if math.isnan(value) else value
