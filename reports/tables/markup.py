"""What tables are made of, as HTML."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

import pandas as pd

Measure = tuple[float, float, int]  # mean, standard deviation, count


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers.

    Attributes:
        measures: by model and target.
        starts: whether it begins a group of columns.
        lower_is_better: which way they are to be compared.
        heat: smallest and largest value of the shades; None for none.
        marks: HTML that follows a number, by model and target.
    """

    measures: Mapping[tuple[str, str], Measure]
    starts: bool
    lower_is_better: bool = False
    heat: tuple[float, float] | None = None
    marks: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def cell(self, model: str, target: str) -> str:
        """Mean ± sd of a model, the best mean of the column bold; a dash for none."""
        if (model, target) not in self.measures:
            return td("–", self.starts)
        mean, sd, _ = self.measures[model, target]
        rivals = [value for (_, t), (value, _, _) in self.measures.items() if t == target]
        winner = min(rivals) if self.lower_is_better else max(rivals)
        is_best = len(rivals) > 1 and round(mean, 3) == round(winner, 3)
        text = f"<b>{decimals(mean)}</b>" if is_best else decimals(mean)
        spread = "" if math.isnan(sd) else f" <small>± {decimals(sd)}</small>"
        heat = "" if self.heat is None else shade(mean, *self.heat)
        return td(text + spread + self.marks.get((model, target), ""), self.starts, heat)

    @property
    def counts(self) -> str:
        """The n of the numbers, or their range."""
        counts = sorted({n for _, _, n in self.measures.values()})
        return "–".join(str(n) for n in dict.fromkeys([*counts[:1], *counts[-1:]]))


def measures_of(table: pd.DataFrame) -> dict[tuple[str, str], Measure]:
    """The defined measures of one column, by model and target."""
    defined = table.dropna(subset="value")[["model", "target", "value", "sd", "n"]]
    return {
        (model, target): (value, sd, n)
        for model, target, value, sd, n in defined.itertuples(index=False, name=None)
    }


def model_table(
    columns: Sequence[NumberColumn],
    models: Sequence[str],
    targets: Mapping[str, str],
    head: Sequence[str],
) -> str:
    """A table of mean ± sd by model and target, the best of each column bold, n below.

    Args:
        columns: from left to right.
        models: rows from top to bottom.
        targets: the rows of each model, with their names.
        head: the cells of each header row, without the corner.
    """
    body = "".join(
        "<tbody>"
        + "".join(
            f"<tr>{stub(model, name, i == 0)}{''.join(c.cell(model, t) for c in columns)}</tr>"
            for i, (t, name) in enumerate(targets.items())
        )
        + "</tbody>"
        for model in models
    )
    foot = "".join(td(column.counts, column.starts) for column in columns)
    foot = f'<tr><th scope="row" class="stub">n</th>{foot}</tr>'
    return scrollable(f"{header(head)}{body}<tfoot>{foot}</tfoot>")


def header(head: Sequence[str]) -> str:
    """The rows of a head, with the corner above the models."""
    corner = f'<th scope="col" rowspan="{len(head)}" class="stub">Model</th>'
    first, *rest = head
    rows = f"<tr>{corner}{first}</tr>" + "".join(f"<tr>{row}</tr>" for row in rest)
    return f"<thead>{rows}</thead>"


def signed(value: float) -> str:
    """Three decimals with a sign.

    >>> signed(-0.0001)
    '+0.000'
    """
    return ("" if round(value, 3) < 0 else "+") + decimals(value)


def decimals(value: float) -> str:
    """Three decimals and a true minus sign.

    >>> decimals(-0.06)
    '−0.060'
    """
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "−")  # + 0.0: no negative zero


def stub(model: str, target: str, is_first: bool) -> str:
    """The header of a row; only the first one of a model shows its name."""
    look = "name" if is_first else "name unseen"
    name = escape(model).replace("_", "_<wbr>")
    return (
        f'<th scope="row" class="stub"><div><span class="{look}">{name}</span> '
        f"<span>{escape(target)}</span></div></th>"
    )


def spanning(labels: Sequence[str], groups: Sequence[Hashable]) -> str:
    """Header cells, one for each run of equal groups."""
    runs = [list(run) for _, run in groupby(zip(labels, groups, strict=True), lambda pair: pair[1])]
    return "".join(
        f'<th scope="colgroup" colspan="{len(run)}" class="start"><span>{run[0][0]}</span></th>'
        for run in runs
    )


def th(text: str, starts: bool) -> str:
    """The header cell of a column."""
    return f'<th scope="col"{_start(starts)}>{text}</th>'


def td(text: str, starts: bool, heat: str = "") -> str:
    """A cell; its heat is what `shade` returned."""
    return f"<td{_start(starts)}{heat}>{text}</td>"


def shade(value: float, low: float, high: float) -> str:
    """The attribute that shades a cell: nothing at the low end, full at the high one.

    >>> shade(0.25, 0.0, 0.5)
    ' style="--heat:50%"'
    """
    share = min(max((value - low) / ((high - low) or 1), 0), 1)
    return f' style="--heat:{100 * share:.0f}%"'


def shades_of(values: pd.Series) -> tuple[float, float]:
    """The ends of the shades of a table: 0, or the lowest value below it, and the highest.

    >>> shades_of(pd.Series([0.2, 0.5]))
    (0.0, 0.5)
    """
    return min(0.0, float(values.min())), float(values.max())


def _start(starts: bool) -> str:
    """The look of a column that begins a group."""
    return ' class="start"' if starts else ""


def folded(title: str, content: str, *, is_open: bool = False) -> str:
    """Content that is folded away behind its words.

    >>> folded("n", "<p>3</p>")
    '<details><summary>n</summary><p>3</p></details>'
    """
    look = " open" if is_open else ""
    return f"<details{look}><summary>{escape(title)}</summary>{content}</details>"


def scrollable(table: str, label: str = "Table", look: str = "") -> str:
    """A table in a box of its own that scrolls sideways, by keyboard too.

    Args:
        table: what is in it, as HTML.
        label: what a screen reader calls it.
        look: a class of the table.
    """
    of = f' class="{look}"' if look else ""
    return (
        f'<div class="scroll" role="group" aria-label="{escape(label)}, scrolls sideways" '
        f'tabindex="0"><table{of}>{table}</table></div>'
    )
