"""How well single classes are recognised."""

from collections.abc import Sequence
from html import escape

import numpy as np

from reports.numbers.items import confusion_matrices
from reports.numbers.results import Results
from reports.tables.markup import decimals, header, scrollable, shade, stub, td, th

WORDS = """<p>F1 score of each class, intact input, of the sequences of all seeds together; n counts
them by their annotation.</p>"""


def class_table(results: Results, classes: Sequence[str]) -> str:
    """A row per model, a column per class: its F1.

    Args:
        results: of a classification of sequences.
        classes: columns from left to right.
    """
    matrices = confusion_matrices(results.videos, results.models, classes)
    rows = ""
    for model, counts in matrices.items():
        right, both = counts.diagonal(), counts.sum(0) + counts.sum(1)
        f1 = np.where(both > 0, 2 * right / np.maximum(both, 1), np.nan)
        cells = "".join(_cell(value) for value in f1)
        rows += f"<tr>{stub(model, '', True)}{cells}</tr>"
    annotated = next(iter(matrices.values())).sum(1)
    foot = "".join(td(f"{count:,}", False) for count in annotated)
    head = "".join(th(escape(name), False) for name in classes)
    return scrollable(
        f"{header([head])}<tbody>{rows}</tbody>"
        f'<tfoot><tr><th scope="row" class="stub">n</th>{foot}</tr></tfoot>'
    )


def _cell(value: float) -> str:
    return td("–", False) if np.isnan(value) else td(decimals(value), False, shade(value, 0, 1))
