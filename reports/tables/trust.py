"""How far outputs can be trusted: calibration of classes, intervals of other tasks."""

from collections.abc import Mapping, Sequence

import pandas as pd

from features.task import Task
from models.evaluation.calibration import BINS, COVERAGE, SPEAKERS_NEEDED
from reports.numbers.words import capitalised, strategy_title, target_titles
from reports.tables.markup import decimals, header, scrollable, spanning, stub, td, th

BASES: Mapping[str, str] = {
    "both": "both",
    "audio": "sound alone",
    "video": "picture alone",
    "none": "neither",
}
"""What an answer rests on, and how it is called."""
OF_TARGETS: Mapping[str, str] = {
    "radius": "half width",
    "covered": "covered",
    "covered_least": "least",
}
OF_CLASSES: Mapping[str, str] = {
    "ece": "ECE",
    "ece_scaled": "scaled",
    "brier": "Brier",
    "brier_scaled": "scaled",
    "temperature": "T",
}
"""Measures in the order of their columns, and their titles."""

CONDITION = ["basis", "modality", "strategy", "p", "burst"]

_INTERVALS = """<p>Around every output there is an interval of one half width for each of what an
answer can rest on. Half widths come from {speakers} speakers who are neither learnt from nor
reported on, so that a new speaker’s label lies inside with a probability of {coverage:.0%}
(conformal prediction; the unit is the speaker). Covered is the mean over the reported speakers of
the share of their labels that it holds, least that of the speaker with the fewest. The labels are
of whole recordings in which the rest is gone. Means over seeds.</p>"""

_CLASSES = """<p>Expected calibration error (ECE, {bins} bins) and Brier score of the probabilities
as they are, and after temperature scaling; of both less is better. Temperatures come from
{speakers} speakers who are neither learnt from nor reported on, one for each of what an answer can
rest on; where single clips or bursts are lost it is that of intact recordings. Means over
seeds.</p>"""

_NONE = """<p>No temperatures and no intervals: there are no speakers apart to learn them from
(<code>corpus.split.validation</code>).</p>"""

_FEW = """<p>There are too few speakers, {speakers}, to learn temperatures or intervals from;
{needed} are needed.</p>"""


def words_of_trust(trust: pd.DataFrame, task: Task) -> str:
    """What the table says, or why it says little, as HTML.

    Args:
        trust: `Results.trust`.
        task: what is recognised.
    """
    speakers = int(trust["speakers"].max())
    if speakers == 0:
        return _NONE
    if speakers < SPEAKERS_NEEDED:
        return _FEW.format(speakers=speakers, needed=SPEAKERS_NEEDED)
    text = _CLASSES if task.kind == "classification" else _INTERVALS
    return text.format(speakers=speakers, coverage=COVERAGE, bins=BINS)


def trust_table(trust: pd.DataFrame, models: Sequence[str], task: Task) -> str:
    """A row per model and target, columns by what answers rest on; nothing without numbers.

    Args:
        trust: `Results.trust`; values of seeds are averaged.
        models: rows from top to bottom.
        task: its targets.
    """
    measures = OF_CLASSES if task.kind == "classification" else OF_TARGETS
    known = trust[trust["measure"].isin(list(measures))].dropna(subset="value")
    if known.empty:
        return ""
    groups = known[CONDITION].drop_duplicates()
    # A model of one modality has no answers that rest on both: columns follow the bases.
    order = [*BASES]
    groups = groups.sort_values(["p", "burst"], kind="stable").sort_values(
        "basis", key=lambda column: column.map(order.index), kind="stable"
    )
    columns = [
        (tuple(group), measure)
        for group in groups.itertuples(index=False, name=None)
        for measure in measures
        if _has(known, group, measure)
    ]
    means = known.groupby([*CONDITION, "measure", "model", "target"], sort=False)["value"].mean()
    head = [
        spanning([_title(group) for group, _ in columns], [group for group, _ in columns]),
        "".join(th(measures[m], _begins(columns, i)) for i, (_, m) in enumerate(columns)),
    ]
    body = "".join(
        f"<tr>{stub(model, title, i == 0)}"
        + "".join(
            td(_number(means.get((*group, m, model, target))), _begins(columns, place))
            for place, (group, m) in enumerate(columns)
        )
        + "</tr>"
        for model in models
        for i, (target, title) in enumerate(target_titles(task).items())
    )
    return scrollable(f"{header(head)}<tbody>{body}</tbody>")


def _has(known: pd.DataFrame, group: Sequence[object], measure: str) -> bool:
    same = (known[CONDITION] == list(group)).all(axis=1)
    return bool((same & (known["measure"] == measure)).any())


def _begins(columns: Sequence[tuple[object, str]], place: int) -> bool:
    return place == 0 or columns[place - 1][0] != columns[place][0]


def _title(group: Sequence[object]) -> str:
    """What answers rest on, and what was lost where recordings have lost a part."""
    basis, modality, strategy, p, burst = group
    if 0 < float(str(p)) < 1:
        lost = {"audio": "sound", "video": "picture"}.get(str(modality), str(modality))
        return f"{strategy_title(str(strategy), float(str(burst)))} of {lost}, p = {p:g}"
    return capitalised(BASES[str(basis)])


def _number(value: float | None) -> str:
    return "–" if value is None else decimals(value)
