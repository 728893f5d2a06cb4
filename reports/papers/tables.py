"""The papers' numbers, and those of this run's models of the same kind beside them."""

from html import escape
from typing import Any

import pandas as pd

from reports.figures.style import MODALITY_NAMES, strategy_name
from reports.numbers.protocols import one_modality
from reports.numbers.results import Results
from reports.numbers.summary import INTACT, Summary, conditions, losses
from reports.numbers.task import METRICS, capitalised
from reports.papers.claim import Claim, Claims, Loss
from reports.papers.claims import EMOTIONS, PAPERS, claims_of
from reports.tables.conditions import GONE_NAMES
from reports.tables.markup import number, scrollable, spanning, td, th


def papers_tables(results: Results, summary: Summary) -> str:
    """What the papers' texts state, and this run's numbers beside it; nothing for other tasks.

    A model of the run stands beside a number if `Claim.is_of` says so; its value is there if it was
    evaluated under the same condition.
    """
    claims = claims_of(results.task)
    if not claims:
        return ""
    letters = dict.fromkeys(claim.paper for one in claims for claim in one.rows)
    corpus = escape(results.run["corpus"]["name"])
    sources = "; ".join(f"{letter}: {PAPERS[letter]}" for letter in letters)
    text = (
        "<p><strong>The papers' numbers are of another corpus than this run's: not comparable in "
        f"value.</strong> This run is of {corpus}; a model of it stands beside a number where it "
        "is the same network with the same options, sees the same modalities, is trained with the "
        "same strategy, is not told what is missing, keeps no running mean of its weights, and "
        "does not go on with the held-out speakers. Its size may differ (but for what the paper's "
        "models differ by, heads or units), and so may its features and the rest of its training. "
        "A dash: no such model, or not under that "
        f"condition. {sources}.</p>"
    )
    return text + "".join(_table(one, results, summary) for one in claims)


def _table(claims: Claims, results: Results, summary: Summary) -> str:
    own = _own_values(claims, results, summary)
    words = ("Paper", "Its model", "Condition")
    groups = ["words"] * 3 + ["paper"] * len(claims.columns) + ["own"] * (1 + len(claims.own))
    names = {
        "words": "",
        "paper": f"The paper: {claims.measured}",
        "own": f"This run, {escape(results.run['corpus']['name'])}",
    }
    head = [
        spanning([names[group] for group in groups], groups),
        "".join(f'<th scope="col">{name}</th>' for name in words)
        + "".join(th(name, i == 0) for i, name in enumerate(claims.columns))
        + th("Model", True)
        + "".join(
            th(METRICS[name].heading if name in METRICS else capitalised(name), False)
            for name in claims.own
        ),
    ]
    rows = "".join(
        f'<tr><td>{claim.paper}</td><th scope="row">{escape(claim.model)}</th>'
        f'<td class="words">{_condition(claim.loss)}</td>'
        + "".join(td(number(value), i == 0) for i, value in enumerate(claim.values))
        + td(f"<b>{escape(model)}</b>" if model else "–", True)
        + "".join(td(_value(own, model, claim.loss, name), False) for name in claims.own)
        + "</tr>"
        for claim in claims.rows
        for model in _models(claim, results) or [""]
    )
    return scrollable(
        f"<thead>{''.join(f'<tr>{h}</tr>' for h in head)}</thead><tbody>{rows}</tbody>"
    )


def _models(claim: Claim, results: Results) -> list[str]:
    """The models of the run that a claim is to be compared with."""
    settings = results.run["models"]
    return [model for model in results.models if claim.is_of(settings[model])]


Own = dict[tuple[str, Loss | None, str], tuple[float, float]]  # model, condition, column


def _own_values(claims: Claims, results: Results, summary: Summary) -> Own:
    """Mean and standard deviation of this run, as the columns of a table."""
    if claims.metric is not None:
        single = one_modality(results.evaluation, claims.metric).groupby("gone")
        return {k: v for gone, t in single for k, v in _keyed(t, t["input"], str(gone)).items()}
    if claims is EMOTIONS:
        keyed = _keyed(summary.intact, summary.intact["metric"])
        for name in claims.own:
            lost = losses(conditions(results.evaluation, name)).assign(metric=name)
            keyed |= _keyed_by_loss(lost, "metric")
        return keyed
    intact = summary.headlines[summary.headlines["headline"] == INTACT]
    return _keyed(intact, intact["target"]) | _keyed_by_loss(summary.conditions, "target")


def _keyed_by_loss(table: pd.DataFrame, column: str) -> Own:
    keyed: Own = {}
    groups: dict[Any, pd.DataFrame] = dict(list(table.groupby(["modality", "strategy", "p"])))
    for loss, rows in groups.items():
        keyed |= _keyed(rows, rows[column], loss)
    return keyed


def _keyed(table: pd.DataFrame, columns: pd.Series, loss: Loss | None = None) -> Own:
    rows = zip(table["model"], columns, table["value"], table["sd"], table["n"], strict=True)
    return {(model, loss, column): (value, sd) for model, column, value, sd, n in rows if n}


def _value(own: Own, model: str, loss: Loss | None, column: str) -> str:
    if (model, loss, column) not in own:
        return "–"
    value, sd = own[model, loss, column]
    return number(value) + ("" if pd.isna(sd) else f" <small>± {number(sd)}</small>")


def _condition(loss: Loss | None) -> str:
    if loss is None:
        return "Intact"
    if isinstance(loss, str):
        return GONE_NAMES[loss]
    modality, strategy, p = loss
    return f"{MODALITY_NAMES[modality]}, {strategy_name(strategy, 0)}, p = {p:g}"
