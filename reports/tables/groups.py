"""Scores by group of people: which gaps were found, and a table for each column of groups."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from features.corpora.listing import GROUP
from features.task import Task
from models.evaluation.groups import SPEAKERS_NEEDED
from reports.numbers.schema import (
    AUDIO_FALL,
    AUDIO_GONE,
    HEADLINES,
    INTACT,
    VIDEO_FALL,
    VIDEO_GONE,
)
from reports.numbers.words import primary_metric, target_titles
from reports.tables.markup import decimals, header, scrollable, stub, td, th

TITLES: Mapping[str, str] = {
    **{measure: HEADLINES[measure] for measure in (INTACT, VIDEO_GONE, AUDIO_GONE)},
    VIDEO_FALL: "Fall without picture",
    AUDIO_FALL: "Fall without sound",
}
"""Measures in the order of their columns."""

Record = Mapping[Hashable, Any]
"""A row of a table."""
Key = tuple[Any, Any, Any]
"""Model, target and measure."""

_WORDS = """<p>{metric} of everybody and of each group, with nothing lost and with each modality
gone, and how far it falls; means over seeds. Intervals (95 %) are of a bootstrap over speakers. The
largest gap of each column and measure is tested by dealing the groups to the speakers anew
(permutation test), and its p is adjusted for all gaps of the model (Holm); groups of fewer than
{needed} speakers are not compared. A gap may come from how groups were labelled or recorded as well
as from the model; one that is not found may be there.</p>"""

_NONE = "<p><b>No gap was found</b> that chance would not make as large, of {count} compared.</p>"


def words_of_groups(gaps: pd.DataFrame, task: Task) -> str:
    """What the tables are, and every gap that was found, as HTML.

    Args:
        gaps: `Results.gaps`.
        task: what is recognised.
    """
    metric = primary_metric(task).title
    words = _WORDS.format(metric=escape(metric), needed=SPEAKERS_NEEDED)
    found = gaps[gaps["significant"] == 1]
    if gaps.empty:
        return words + "<p>No groups have speakers enough to be compared.</p>"
    if found.empty:
        return words + _NONE.format(count=len(gaps))
    lines = "".join(f"<li>{_sentence(gap, task)}</li>" for gap in found.to_dict("records"))
    return f"{words}<p><b>Gaps found</b>, {len(found)} of {len(gaps)}:</p><ul>{lines}</ul>"


def _sentence(gap: Record, task: Task) -> str:
    target = target_titles(task)[gap["target"]]
    where = ", ".join(filter(None, (target, TITLES[gap["measure"]].lower())))
    more = "falls" if gap["measure"] in (VIDEO_FALL, AUDIO_FALL) else "scores"
    return (
        f"<b>{escape(gap['model'])}</b>, {escape(title_of(gap['column']))}, {escape(where)}: "
        f"{escape(gap['higher'])} {more} {decimals(gap['gap'])} more than {escape(gap['lower'])} "
        f"({decimals(gap['low'])} to {decimals(gap['high'])}, adjusted p {gap['p_adjusted']:.2g})"
    )


def title_of(column: str) -> str:
    """What a column tells apart.

    >>> title_of("group_mother_tongue")
    'mother tongue'
    """
    return column.removeprefix(GROUP).replace("_", " ")


def group_tables(
    scores: pd.DataFrame, gaps: pd.DataFrame, models: Sequence[str], task: Task
) -> str:
    """A table for each column of groups; nothing without any.

    Args:
        scores: `Results.groups`.
        gaps: `Results.gaps`.
        models: rows from top to bottom.
        task: its targets.
    """
    everybody = scores[scores["column"] == ""]
    columns = [column for column in scores["column"].unique() if column]
    return "".join(
        f"<h3>By {escape(title_of(column))}</h3>"
        + _table(
            pd.concat([everybody, scores[scores["column"] == column]]),
            gaps[gaps["column"] == column],
            models,
            task,
        )
        for column in columns
    )


def _table(scores: pd.DataFrame, gaps: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    head = "".join(
        [*(th(title, True) for title in TITLES.values()), th("speakers", True), th("items", False)]
    )
    tests = {(gap["model"], gap["target"], gap["measure"]): gap for gap in gaps.to_dict("records")}
    bodies = "".join(
        f"<tbody>{''.join(_rows(part, tests, str(model), task))}</tbody>"
        for model in models
        for part in [scores[scores["model"] == model]]
    )
    return scrollable(f"{header([head])}{bodies}")


def _rows(
    scores: pd.DataFrame, tests: Mapping[Key, Record], model: str, task: Task
) -> Iterator[str]:
    """The rows of one model: everybody, every group, and the largest gap of each target."""
    is_first = True
    for target, title in target_titles(task).items():
        for group, part in scores[scores["target"] == target].groupby("group", sort=False):
            by_measure = {row["measure"]: row for row in part.to_dict("records")}
            cells = "".join(td(_score(by_measure[name]), True) for name in TITLES)
            first = by_measure[INTACT]
            counts = td(f"{first['speakers']}", True) + td(f"{first['items']}", False)
            name = " ".join(filter(None, (title, str(group))))
            yield f"<tr>{stub(model, name, is_first)}{cells}{counts}</tr>"
            is_first = False
        cells = "".join(td(_gap(tests, (model, target, name)), True) for name in TITLES)
        name = " ".join(filter(None, (title, "largest gap")))
        yield f"<tr>{stub(model, name, False)}{cells}{td('', True)}{td('', False)}</tr>"


def _score(row: Record) -> str:
    if pd.isna(row["value"]):
        return "–"
    return f"{decimals(row['value'])}{_interval(row)}"


def _interval(row: Record) -> str:
    return f" <small>{decimals(row['low'])} to {decimals(row['high'])}</small>"


def _gap(tests: Mapping[Key, Record], key: Key) -> str:
    """The size of a gap, between whom, and its adjusted p; bold where it was found."""
    if key not in tests:
        return "–"
    row = tests[key]
    size = decimals(row["gap"])
    size = f"<b>{size}</b>" if row["significant"] else size
    between = f"{escape(row['higher'])} − {escape(row['lower'])}"
    return f"{size} <small>{between}, p {row['p_adjusted']:.2g}</small>"
