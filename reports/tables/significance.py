"""Which differences from the reference model are more than chance: marks, their legend, a table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from features.task import Task
from reports.numbers.schema import HEADLINES, LEVELS, MEAN
from reports.numbers.words import capitalised, listing, target_titles
from reports.tables.markup import decimals, scrollable, signed, stub, td, th

BELOW = "▾"
Marks = Mapping[str, Mapping[tuple[str, str], str]]
"""HTML that belongs to a number, by headline, model and target."""
Number = tuple[str, str, str, str]
"""Model, rival, target and measure."""
TestRow = dict[str, Any]
"""A row of `Results.significance`."""


@dataclass(frozen=True)
class Explained:
    """A test as the page explains it.

    Attributes:
        mark: what stands behind a number.
        name: of the test.
        words: what it asks, with its source, and what it leaves out.
        p: heading of its p-values.
    """

    mark: str
    name: str
    words: str
    p: str


TEST_WORDS = {
    "t": Explained(
        "*",
        "One-tailed matched-pair t-test over the training seeds",
        "(Goncalves and Busso 2022, section 4.4; Holm's correction over the models, adjusted "
        "p < 0.05), in either direction: is the model better than {reference}, or is it worse, "
        "when both are trained again? It says nothing about other recordings.",
        "p, t-test, adjusted",
    ),
    "bootstrap": Explained(
        "†",
        "Bootstrap over {unit}",
        "({n} of them, resampled for all models and conditions alike; 95 % percentile interval in "
        "brackets; Holm's correction over the models of each number, adjusted p < 0.05): would the "
        "difference from {reference} stand on others like these? It says nothing about training "
        "again or other losses: seeds and trials are held fixed. {alike}",
        "p, bootstrap, adjusted",
    ),
    "fisher_z": Explained(
        "‡",
        "Fisher's z-test of two correlations",
        "(Parthasarathy and Sundaram on multimodal transformers; two-sided, p < 0.01), on the "
        "Pearson correlation of {n} labels of a target. It takes labels as independent. {frames}",
        "p, Fisher's z",
    ),
}
OF_VIDEOS = {
    "unit": "recordings",
    "alike": "Recordings are drawn, not frames, since frames of one are not independent. Nor "
    "are those of one speaker, which this leaves out: the interval is too narrow where speakers "
    "have several.",
    "frames": "Frames of a recording are not, so it overstates what is known by far; rely on the "
    "bootstrap.",
}
OF_SEQUENCES = {
    "unit": "sequences",
    "alike": "Sequences of one speaker are not independent, which this leaves out: the interval is "
    "too narrow where speakers have several.",
    "frames": "Those of one speaker are not quite; rely on the bootstrap.",
}


def marks(significance: pd.DataFrame) -> Marks:
    """What follows a headline number that a test tells from the reference's.

    Args:
        significance: `Results.significance`.
    """
    by_measure: dict[str, dict[tuple[str, str], str]] = {}
    if significance["reference"].nunique() != 1:
        return by_measure  # a mark would not say from whom
    for (model, _, target, measure), rows in _by_number(significance).items():
        telling = [t for t in LEVELS if t in rows and rows[t]["significant"]]
        signs = [
            (BELOW if rows[t]["significant"] < 0 else "") + TEST_WORDS[t].mark for t in telling
        ]
        if signs:
            by_measure.setdefault(measure, {})[model, target] = f" <sup>{''.join(signs)}</sup>"
    return by_measure


def _by_number(significance: pd.DataFrame) -> dict[Number, dict[str, TestRow]]:
    """The row of every test, by model, rival, target and measure."""
    rows: dict[Number, dict[str, TestRow]] = {}
    for row in significance.to_dict("records"):
        key = (row["model"], row["reference"], row["target"], row["measure"])
        rows.setdefault(key, {})[row["test"]] = {str(name): value for name, value in row.items()}
    return rows


def legend(significance: pd.DataFrame, task: Task) -> str:
    """What each mark stands for, and why some comparisons have no verdict.

    Args:
        significance: `Results.significance`.
        task: what was recognised.
    """
    if significance.empty:
        return '<p class="notes">No model was tested against another: no difference is claimed.</p>'
    references = list(dict.fromkeys(significance["reference"]))
    one = len(references) == 1
    reference = f"<b>{escape(references[0])}</b>" if one else "its rival"
    kind = OF_VIDEOS if task.level == "frame" else OF_SEQUENCES
    items = []
    for name in LEVELS:
        rows = significance[significance["test"] == name]
        if rows.empty:
            continue
        test, count = TEST_WORDS[name], rows["n"].max()
        if (rows["note"] != "").all():  # nothing is marked: there is no mark to explain
            items.append(f"<li><b>{test.name.format(**kind)}:</b>{_missing(rows)}</li>")
            continue
        words = {**kind, "reference": reference, "n": "" if math.isnan(count) else f"{count:,.0f}"}
        items.append(
            f"<li><b>{test.mark} {test.name.format(**words)}</b> {test.words.format(**words)}"
            f"{_missing(rows)}</li>"
        )
    single = (
        " Fisher's z is of single targets: ‡ stands beside targets, not their mean."
        if len(task.targets) > 1 and "fisher_z" in set(significance["test"])
        else ""
    )
    compared = (
        f"Every model is compared with {reference}. A mark says which test tells the two apart; "
        f"{BELOW} before it: the model is below."
        if one
        else "Models are compared with their own rivals: the table by test names them."
    )
    return f'<div class="notes"><p>{compared}{single}</p><ul>{"".join(items)}</ul></div>'


def _missing(rows: pd.DataFrame) -> str:
    """Why a test gives no verdict, and for which models if not for all."""
    sentences = []
    for note, noted in rows[rows["note"] != ""].groupby("note", sort=False):
        names = list(dict.fromkeys(noted["model"]))
        of = "" if len(noted) == len(rows) else f" on some numbers of {escape(listing(names))}"
        sentences.append(f" <strong>No verdict{of} ({escape(str(note))}).</strong>")
    return "".join(sentences)


def significance_table(significance: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """Every test: a row per model, target and measure.

    Args:
        significance: `Results.significance`, with rows.
        models: from top to bottom.
        task: its targets.
    """
    tests = [test for test in LEVELS if test in set(significance["test"])]
    numbers_of = ("Against", "Number", "Difference", "95 % interval")
    heading = [*numbers_of, *(TEST_WORDS[test].p for test in tests)]
    head = f'<th scope="col" class="stub">Model</th>{"".join(th(name, True) for name in heading)}'
    names = target_titles(task) | {MEAN: "Mean"}
    numbers = _by_number(significance)
    bodies = []
    for model in models:
        keys = [key for key in numbers if key[0] == model]
        lines = "".join(
            f"<tr>{stub(model, names[key[2]], i == 0)}{_cells(key, numbers[key], tests)}</tr>"
            for i, key in enumerate(keys)
        )
        bodies.append(f"<tbody>{lines}</tbody>" if keys else "")
    body = "".join(bodies)
    return scrollable(f"<thead><tr>{head}</tr></thead>{body}")


def _cells(number: Number, rows: Mapping[str, TestRow], tests: Sequence[str]) -> str:
    """One number of one model: difference, interval, the p of each test."""
    # Fisher's is the difference of correlations, whatever the metric.
    of_metric = [row["difference"] for test, row in rows.items() if test != "fisher_z"]
    differences = [signed(value) for value in of_metric if not math.isnan(value)]
    intervals = [_interval(row) for row in rows.values() if _interval(row)]
    cells = [
        escape(number[1]),
        HEADLINES[number[3]],
        (differences or ["–"])[0],
        (intervals or ["–"])[0],
        *(_p(rows[test]) if test in rows else "–" for test in tests),
    ]
    return "".join(td(cell, True) for cell in cells)


def _p(row: TestRow) -> str:
    p = row["p"] if math.isnan(row["p_adjusted"]) else row["p_adjusted"]
    if math.isnan(p):
        return escape(capitalised(row["note"])) or "–"
    text = "&lt; 0.001" if p < 0.001 else decimals(p)
    return f"<b>{text}</b>" if row["significant"] else text


def _interval(row: TestRow) -> str:
    """The interval of a difference; empty where it has none."""
    low, high = row["low"], row["high"]
    return "" if math.isnan(low) or math.isnan(high) else f"[{decimals(low)}, {decimals(high)}]"
