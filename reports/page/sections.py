"""The sections of the page that hold a run's own tables, each with the words that explain it."""

from collections.abc import Collection, Mapping
from html import escape
from typing import Any

from features.task import Task
from models.ablation.registry import STRATEGIES
from models.evaluation.registry import METRICS, metrics_of
from reports.numbers.means import counted
from reports.numbers.protocols import natural_losses, one_modality, protocol_metric, rate_curves
from reports.numbers.results import Results
from reports.numbers.schema import ALL, CONDITION
from reports.numbers.summary import Summary
from reports.numbers.words import capitalised, labelled_unit, listing, primary_metric
from reports.tables.choice import recommendations
from reports.tables.conditions import (
    conditions_table,
    headline_table,
    imputation_table,
    intact_table,
    natural_table,
    one_modality_table,
)
from reports.tables.cost import cost_table, words_of_cost
from reports.tables.groups import group_tables, words_of_groups
from reports.tables.models import models_table
from reports.tables.ranking import ranking_table
from reports.tables.rates import rates_table
from reports.tables.significance import legend, marks, significance_table
from reports.tables.transfer import is_elsewhere, transfer_table, words_of_transfer
from reports.tables.trust import trust_table, words_of_trust

_RANKING = """<p>Models by their robustness area: {metric}{mean} over the {count}
conditions of the table below, each of which counts once; p = 0, where nothing is lost, counts once
for each strategy and modality. Intact is p = 0; worst drop is the
largest fall from intact in any of the conditions (less is better); picture gone and sound gone are
Clip-Zero at p = 1. Mean ± standard deviation over seeds; n counts seeds. The best of each column
is bold.</p>"""

_CONDITIONS = """<p>{metric} over all {n:,} {unit} of
the {split} split, mean ± standard deviation over seeds and trials; n counts these values. Trials of
one seed share a trained network, so n is not a number of independent runs. p is what is lost: the
probability that a clip (Clip-Zero) or a frame (Frame-Zero, Frame-Repeat) of the modality is
lost{share}. The highest mean of each column{targets} is bold; no significance is claimed. A dash:
not evaluated, or undefined.</p>"""

_HEADLINES = """<p>The numbers of the ranking for each target{mean}. Mean ± standard deviation
over seeds; n counts seeds. Marks as explained below the ranking.</p>"""

_METRICS = """<p>{meanings}. Mean ± standard deviation over seeds; n counts seeds. The
best mean of each column{targets} is bold: {directions}.</p>"""

_ONE_MODALITY = """<p>{metric}{mean} with both modalities (AV), only sound (A), only picture (V),
and their mean (M), as in Chumachenko et al. (2022): the other modality is gone (Clip-Zero at
p = 1) or replaced by standard normal noise. Mean ± standard deviation over seeds; n counts
seeds.</p>"""

_NATURAL = """<p>Nothing is taken away: the labels are scored apart by what was missing in the
recording itself. {metric}, mean ± standard deviation over seeds; n counts seeds, and each heading
the labels. Subsets differ in their labels, so columns are not to be compared with each other.
</p>"""

_IMPUTATION = """<p>What an evaluation-time imputation does, without any training: lost frames
stay lost, or the last or the nearest frame received stands in for them. {metric}, mean ± standard
deviation over seeds and trials. These columns are not part of the robustness area, except for the
first of each condition.</p>"""


_MODELS = """<p>Parameters are all numbers that were learnt, those that training alone needs
too{minutes}. Where a model has a paper's preset, the list says in what it differs from the paper;
sizes and training settings of its own stand in the settings below.</p>"""

_RATES = """<p>Both modalities lose, at every rate from nothing to all. AUILC is the area under the
curve of the metric over the rate (rule of trapezoids, rates 0 to 1); the mean is over the rates
below 1.</p>"""


def section(heading: str, text: str, content: str) -> str:
    """A section of the page; nothing without content."""
    return f"<section><h2>{escape(heading)}</h2>{text}{content}</section>" if content else ""


def tables_of(
    results: Results, summary: Summary, latency: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """The sections that hold a run's tables, the ranking first; those without numbers are empty.

    Args:
        results: the run.
        summary: of the run.
        latency: what was measured of models, by name.
    """
    return [
        section("Which model to take", "", recommendations(results.choice)),
        _ranking(results, summary),
        _cost(results, summary, latency),
        _conditions(results, summary),
        _by_target(results, summary),
        _groups(results),
        _transfer(results, summary),
        _metrics(results, summary),
        _one_modality(results),
        _natural(results),
        _trust(results),
        _imputation(results, summary),
        _rates(results),
        _models(results),
    ]


def _ranking(results: Results, summary: Summary) -> str:
    task, significance = results.task, results.significance
    text = _RANKING.format(
        metric=primary_metric(task).title,
        count=len(counted(summary.conditions[CONDITION])),
        mean=_mean_of_targets(task),
    )
    elsewhere = [model for model in results.models if is_elsewhere(results.run, model)]
    table = ranking_table(summary, task, significance, results.reference, elsewhere)
    return section("Ranking", text, table + legend(significance, task))


def _cost(results: Results, summary: Summary, latency: Mapping[str, Mapping[str, Any]]) -> str:
    table = cost_table(summary, results.cost, latency, results.task)
    return section("What a model costs", words_of_cost(results.cost, latency), table)


def _conditions(results: Results, summary: Summary) -> str:
    if summary.conditions.empty:
        return ""
    task, evaluation = results.task, results.evaluation
    text = _CONDITIONS.format(
        metric=capitalised(primary_metric(task).meaning),
        n=evaluation.loc[evaluation["subset"] == ALL, "n"].max(),
        unit=labelled_unit(task),
        split=escape(results.run["split"]),
        targets=_and_target(task),
        share=_meanings_of_p(set(summary.conditions["strategy"])),
    )
    table = conditions_table(summary.conditions, results.models, task)
    return section("Models × conditions", text, table)


def _meanings_of_p(strategies: Collection[str]) -> str:
    """What p means for strategies where it is not the probability of losing a clip or a frame."""
    rows = [row for name, row in STRATEGIES.items() if name in strategies and row.p_means]
    return "".join(f"; {row.title}: {row.p_means}" for row in rows)


def _by_target(results: Results, summary: Summary) -> str:
    task = results.task
    if len(task.targets) == 1:
        return ""
    text = _HEADLINES.format(mean="; the row Mean is the mean of the targets")
    marked = marks(results.significance)
    return section(
        "By target", text, headline_table(summary.headlines, results.models, task, marked)
    )


def _groups(results: Results) -> str:
    table = group_tables(results.groups, results.gaps, results.models, results.task)
    return section("By group", words_of_groups(results.gaps, results.task), table)


def _transfer(results: Results, summary: Summary) -> str:
    table = transfer_table(summary, results.run, results.task)
    return section("Across corpora", words_of_transfer(results.run), table)


def _metrics(results: Results, summary: Summary) -> str:
    """What the metrics are, and which way each is better."""
    task = results.task
    rows = [METRICS[name] for name in metrics_of(task)]
    lower = [row.title for row in rows if row.lower_is_better]
    text = _METRICS.format(
        meanings=capitalised(listing([row.meaning for row in rows])),
        targets=_and_target(task),
        directions=f"the lowest {' and '.join(lower)}, the highest of the others",
    )
    table = intact_table(summary.intact, results.models, task)
    return section("Every metric, intact input", text, table)


def _one_modality(results: Results) -> str:
    task = results.task
    metric = protocol_metric(task)
    values = one_modality(results.evaluation, metric)
    if values.empty:
        return ""
    text = _ONE_MODALITY.format(
        metric=capitalised(METRICS[metric].meaning), mean=_mean_of_targets(task)
    )
    table = one_modality_table(values, results.models, task, metric)
    return section("One modality alone", text, table)


def _natural(results: Results) -> str:
    task = results.task
    values = natural_losses(results.evaluation, metrics_of(task)[0])
    if values.empty:
        return ""
    text = _NATURAL.format(metric=capitalised(primary_metric(task).meaning))
    table = natural_table(values, results.models, task)
    return section("What was missing in the recordings", text, table)


def _trust(results: Results) -> str:
    table = trust_table(results.trust, results.models, results.task)
    words = words_of_trust(results.trust, results.task)
    return section("Trust in a number", "", words + table)


def _imputation(results: Results, summary: Summary) -> str:
    if summary.imputed.empty:
        return ""
    text = _IMPUTATION.format(metric=capitalised(primary_metric(results.task).meaning))
    table = imputation_table(summary.imputed, results.models, results.task)
    return section("Filling lost frames in", text, table)


def _rates(results: Results) -> str:
    curves = rate_curves(results.evaluation, metrics_of(results.task)[0])
    if curves.empty:
        return ""
    table = rates_table(curves, results.models, results.task)
    return section("Over all rates of loss", _RATES, table)


def _models(results: Results) -> str:
    described = results.run["models"]
    timed = any("minutes" in model for model in described.values())
    minutes = "; minutes are the mean training of a seed on the machine of this run"
    text = _MODELS.format(minutes=minutes if timed else "")
    models = [model for model in results.models if model in described]
    return section("What the models are", text, models_table(results.run, models))


def significance_section(results: Results) -> str:
    """Every test of the run, folded away; nothing where there was none."""
    if results.significance.empty:
        return ""
    table = significance_table(results.significance, results.models, results.task)
    return f"<section><details><summary>Every test</summary>{table}</details></section>"


def _mean_of_targets(task: Task) -> str:
    return f", mean of {escape(listing(task.targets))}," if len(task.targets) > 1 else ""


def _and_target(task: Task) -> str:
    return " and target" if len(task.targets) > 1 else ""
