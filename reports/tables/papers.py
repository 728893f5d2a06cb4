"""The papers' numbers, and those of this run's models of the same kind beside them."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Protocol

import pandas as pd

from models.evaluation.registry import METRICS
from reports.numbers.means import conditions, losses, of_vectors
from reports.numbers.protocols import one_modality
from reports.numbers.results import Results
from reports.numbers.run_file import modalities_seen
from reports.numbers.schema import INTACT
from reports.numbers.summary import Summary
from reports.numbers.words import capitalised, lost_title, strategy_title
from reports.papers.claim import Benchmark, Claim, LossOfClaim
from reports.papers.registry import PaperClaim, claims_of
from reports.tables.conditions import OTHER_TITLES
from reports.tables.markup import decimals, scrollable, spanning, td, th

RunValues = dict[tuple[str, LossOfClaim | None, str], tuple[float, float]]
"""Mean and standard deviation of this run by model, condition and column."""


def papers_tables(results: Results, summary: Summary) -> str:
    """What the papers' texts state, and this run's numbers beside it; nothing for other tasks.

    A model of the run stands beside a number if `Claim.is_of` says so; its value is there if it was
    evaluated under the same condition.
    """
    claims = claims_of(results.task)
    if not claims:
        return ""
    papers = dict.fromkeys(paper for rows in claims.values() for paper, _ in rows)
    corpus = escape(results.run["corpus"]["name"])
    sources = "; ".join(f"{paper.letter}: {paper.title}" for paper in papers)
    text = (
        "<p><strong>The papers' numbers are of another corpus than this run's: not comparable in "
        f"value.</strong> This run is of {corpus}; a model of it stands beside a number where it "
        "is the same network with the same options, sees the same modalities, is trained with the "
        "same strategy, is not told what is missing, keeps no running mean of its weights, and "
        "does not go on with the held-out speakers. Its size may differ (except in what the "
        "paper's models differ by, heads or units), and so may its streams and the rest of its "
        "training. A dash: no such model, or not under that "
        f"condition. {sources}.</p>"
    )
    tables = (claims_table(benchmark, rows, results, summary) for benchmark, rows in claims.items())
    return text + "".join(tables)


def papers_numbers(results: Results, summary: Summary) -> pd.DataFrame:
    """The numbers of `papers_tables`, a row each; `model` is empty for what papers state."""
    rows: list[tuple[Any, ...]] = []
    for benchmark, claims in claims_of(results.task).items():
        values = _run_values(benchmark, results, summary)
        for paper, claim in claims:
            stated = (benchmark.title, paper.title, claim.model, _condition(claim.loss))
            columns = zip(benchmark.columns, claim.values, strict=True)
            rows += [(*stated, "", column, value, math.nan) for column, value in columns]
            for model in _models(claim, results):
                keys = {name: (model, claim.loss, name) for name in benchmark.measured}
                rows += [
                    (*stated, model, name, *values[key])
                    for name, key in keys.items()
                    if key in values
                ]
    names = ["of", "paper", "its_model", "condition", "model", "column", "value", "sd"]
    return pd.DataFrame(rows, columns=names)


class Measured(Protocol):
    """Of whom numbers are, and how every condition came out."""

    @property
    def run(self) -> Mapping[str, Any]:
        """The content of `run.json`."""

    @property
    def models(self) -> Sequence[str]:
        """Names of the models."""

    @property
    def evaluation(self) -> pd.DataFrame:
        """Rows of `Results.evaluation`."""


class Numbers(Protocol):
    """The tables of `Summary` that papers have numbers of."""

    @property
    def intact(self) -> pd.DataFrame:
        """Every metric of intact input."""

    @property
    def headlines(self) -> pd.DataFrame:
        """The headline numbers of the primary metric."""

    @property
    def conditions(self) -> pd.DataFrame:
        """The primary metric under every condition."""


def claims_table(
    benchmark: Benchmark, claims: Sequence[PaperClaim], results: Measured, summary: Numbers
) -> str:
    """What papers state of a benchmark, and what was measured of models of the same kind.

    Args:
        benchmark: what the numbers are of.
        claims: the rows, each with its paper.
        results: of this run.
        summary: means of them.
    """
    values = _run_values(benchmark, results, summary)
    rows = "".join(
        f"<tr><td>{paper.letter}</td>{_stated(claim)}"
        + td(f"<b>{escape(model)}</b>" if model else "–", True)
        + "".join(td(_value(values, model, claim.loss, name), False) for name in benchmark.measured)
        + "</tr>"
        for paper, claim in claims
        for model in _models(claim, results) or [""]
    )
    head = "".join(f"<tr>{row}</tr>" for row in _head(benchmark, results))
    return scrollable(f"<thead>{head}</thead><tbody>{rows}</tbody>")


def _head(benchmark: Benchmark, results: Measured) -> list[str]:
    """The two rows of the head: whose numbers they are, and what."""
    groups = ["words"] * 3 + ["paper"] * len(benchmark.columns)
    groups += ["run"] * (1 + len(benchmark.measured))
    names = {
        "words": "What is stated",
        "paper": f"The paper: {benchmark.title}",
        "run": f"This run, {escape(results.run['corpus']['name'])}",
    }
    titles = [METRICS[n].title if n in list(METRICS) else n for n in benchmark.measured]
    columns = (
        *(f'<th scope="col">{name}</th>' for name in ("Paper", "Its model", "Condition")),
        *(th(name, i == 0) for i, name in enumerate(benchmark.columns)),
        th("Model", True),
        *(th(capitalised(title), False) for title in titles),
    )
    return [spanning([names[group] for group in groups], groups), "".join(columns)]


def _stated(claim: Claim) -> str:
    """The cells of what the paper says."""
    return (
        f'<th scope="row" class="words">{escape(claim.model)}</th>'
        f'<td class="words">{_condition(claim.loss)}</td>'
        + "".join(td(decimals(value), i == 0) for i, value in enumerate(claim.values))
    )


def _models(claim: Claim, results: Measured) -> list[str]:
    """The models of the run that a claim is to be compared with."""
    settings = results.run["models"]
    return [
        model
        for model in results.models
        if claim.is_of(settings[model], modalities_seen(results.run, model))
    ]


def _run_values(benchmark: Benchmark, results: Measured, summary: Numbers) -> RunValues:
    """Mean and standard deviation of this run, as the columns of a table."""
    if benchmark.metric is not None:
        groups = one_modality(results.evaluation, benchmark.metric).groupby("other")
        keyed: RunValues = {}
        for substitute, table in groups:
            keyed |= _keyed(table, table["input"], str(substitute))
        return keyed
    if benchmark.has_metrics:
        keyed = _keyed(summary.intact, summary.intact["metric"])
        for name in benchmark.measured:
            table = of_vectors(results.evaluation)
            lost = losses(conditions(table, name)).assign(metric=name)
            keyed |= _keyed_by_loss(lost, "metric")
        return keyed
    intact = summary.headlines[summary.headlines["headline"] == INTACT]
    return _keyed(intact, intact["target"]) | _keyed_by_loss(
        of_vectors(summary.conditions), "target"
    )


def _keyed_by_loss(table: pd.DataFrame, column: str) -> RunValues:
    keyed: RunValues = {}
    groups: dict[Any, pd.DataFrame] = dict(list(table.groupby(["modality", "strategy", "p"])))
    for loss, rows in groups.items():
        keyed |= _keyed(rows, rows[column], loss)
    return keyed


def _keyed(table: pd.DataFrame, columns: pd.Series, loss: LossOfClaim | None = None) -> RunValues:
    rows = zip(table["model"], columns, table["value"], table["sd"], table["n"], strict=True)
    return {(model, loss, column): (value, sd) for model, column, value, sd, n in rows if n}


def _value(values: RunValues, model: str, loss: LossOfClaim | None, column: str) -> str:
    if (model, loss, column) not in values:
        return "–"
    value, sd = values[model, loss, column]
    return decimals(value) + ("" if pd.isna(sd) else f" <small>± {decimals(sd)}</small>")


def _condition(loss: LossOfClaim | None) -> str:
    if loss is None:
        return "Intact"
    if isinstance(loss, str):
        return OTHER_TITLES[loss]
    modality, strategy, p = loss
    return f"{lost_title(modality)}, {strategy_title(strategy)}, p = {p:g}"
