"""The sections of the page that hold a run's own tables, each with the words that explain it."""

from collections.abc import Collection, Mapping
from html import escape
from typing import Any

from features.task import Task
from models.ablation.registry import STRATEGIES
from models.evaluation.registry import METRICS, metrics_of
from reports.numbers.elsewhere import on_corpus
from reports.numbers.means import counted
from reports.numbers.protocols import natural_losses, one_modality, protocol_metric, rate_curves
from reports.numbers.results import Results
from reports.numbers.schema import ALL, CONDITION
from reports.numbers.summary import Summary, nested_metrics
from reports.numbers.words import capitalised, labelled_unit, listing, primary_metric
from reports.tables.classes import WORDS as CLASS_WORDS
from reports.tables.classes import class_table
from reports.tables.conditions import (
    conditions_table,
    imputation_table,
    intact_table,
    natural_table,
    one_modality_table,
)
from reports.tables.cost import cost_table, words_of_cost
from reports.tables.groups import group_tables, words_of_groups
from reports.tables.markup import folded
from reports.tables.models import models_table
from reports.tables.ranking import ranking_table
from reports.tables.rates import rates_table
from reports.tables.significance import legend, significance_table
from reports.tables.transfer import (
    ACROSS,
    across_table,
    is_elsewhere,
    transfer_table,
    words_of_transfer,
)
from reports.tables.trust import trust_table, words_of_trust

_RANKING = """<p>Models by their robustness area: {metric} in the mean of {count} conditions, those
of <a href="#condition-by-condition">Condition by condition</a>.{reference}</p>"""

_RANKING_MEANT = """<p>Each condition counts once; p = 0, where nothing is lost, counts once for
each strategy and modality. Intact is p = 0; worst drop is the largest fall from intact in any of
the conditions (less is better); picture gone and sound gone are Clip-Zero at p = 1.{mean} Mean ±
standard deviation over seeds; n counts seeds. The best of each column is bold.</p>"""

_CONDITIONS = """<p>{metric} over all {n:,} {unit} of the {split} split. p is what is lost.</p>"""

_CONDITIONS_MEANT = """<p>Mean ± standard deviation over seeds and trials; n counts these values.
Trials of one seed share a trained network, so n is not a number of independent runs. p is the
probability that a clip (Clip-Zero) or a frame (Frame-Zero, Frame-Repeat) of the modality is
lost{share}. The stronger the colour, the more is kept; all tables have the same shades. The
highest mean of each column{targets} is bold; no significance is claimed. A dash: not evaluated, or
undefined.</p>"""

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


MEANT = "What the columns and marks mean"


def csv_link(file: str) -> str:
    """A link to the file behind a table, beside the page; nothing without one."""
    return f'<p class="csv"><a href="{escape(file)}">{escape(file)}</a></p>' if file else ""


def section(text: str, content: str, file: str = "") -> str:
    """What stands below a heading; nothing without content.

    Args:
        text: before the content, as HTML.
        content: a table or a figure, as HTML.
        file: a CSV of its numbers, relative to the page.
    """
    return f"{text}{content}{csv_link(file)}" if content else ""


def tables_of(
    results: Results, summary: Summary, latency: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """What stands below the headings of a run's tables; nothing where there are no numbers.

    Args:
        results: the run.
        summary: of the run.
        latency: what was measured of models, by name.
    """
    return {
        "Ranking": _ranking(results, summary),
        "What the tests say": _tests(results),
        "Condition by condition": _conditions(results, summary),
        "Filling lost frames in": _imputation(results, summary),
        "Over all rates of loss": _rates(results),
        "One modality alone": _one_modality(results),
        "What was missing in the recordings": _natural(results),
        "By group": _groups(results),
        "Which class is taken for which": _classes(results),
        "Across corpora": _transfer(results, summary),
        "Trust in a number": _trust(results),
        "What a model costs": _cost(results, summary, latency),
        "What the models are": _models(results),
        "Other metrics, intact input": _metrics(results, summary),
    }


def _ranking(results: Results, summary: Summary) -> str:
    task, significance = results.task, results.significance
    against = f" Marks are of tests against <b>{escape(str(results.reference))}</b>, the reference."
    text = _RANKING.format(
        metric=primary_metric(task).title,
        count=len(counted(summary.conditions[CONDITION])),
        reference=against if results.reference else "",
    )
    mean = " The first row of a model is the mean of the targets." if len(task.targets) > 1 else ""
    meant = folded(MEANT, _RANKING_MEANT.format(mean=mean) + legend(significance, task))
    elsewhere = [model for model in results.models if is_elsewhere(results.run, model)]
    table = ranking_table(summary, task, significance, elsewhere)
    return section(text, table + meant, "tables/ranking.csv")


def _tests(results: Results) -> str:
    """Every test of the run, folded away; nothing where there was none."""
    if results.significance.empty:
        return ""
    table = significance_table(results.significance, results.models, results.task)
    return section("", folded("Every test", table), "significance.csv")


def _cost(results: Results, summary: Summary, latency: Mapping[str, Mapping[str, Any]]) -> str:
    table = cost_table(summary, results.cost, latency, results.task)
    return section(words_of_cost(results.cost, latency), table, "tables/cost.csv")


def _conditions(results: Results, summary: Summary) -> str:
    if summary.conditions.empty:
        return ""
    task, evaluation = results.task, results.evaluation
    text = _CONDITIONS.format(
        metric=capitalised(primary_metric(task).meaning),
        n=evaluation.loc[evaluation["subset"] == ALL, "n"].max(),
        unit=labelled_unit(task),
        split=escape(results.run["split"]),
    )
    meant = _CONDITIONS_MEANT.format(
        targets=_and_target(task), share=_meanings_of_p(set(summary.conditions["strategy"]))
    )
    table = conditions_table(summary.conditions, results.models, task)
    return section(text, folded(MEANT, meant) + table, "tables/conditions.csv")


def _meanings_of_p(strategies: Collection[str]) -> str:
    """What p means for strategies where it is not the probability of losing a clip or a frame."""
    rows = [row for name, row in STRATEGIES.items() if name in strategies and row.p_means]
    return "".join(f"; {row.title}: {row.p_means}" for row in rows)


def _groups(results: Results) -> str:
    table = group_tables(results.groups, results.gaps, results.models, results.task)
    return section(words_of_groups(results.gaps, results.task), table, "groups.csv")


def _classes(results: Results) -> str:
    task = results.task
    if task.kind != "classification" or task.level != "sequence":
        return ""
    return section(CLASS_WORDS, class_table(results, task.outputs), "tables/predictions.csv")


def _transfer(results: Results, summary: Summary) -> str:
    here = transfer_table(summary, results.run, results.task)
    metrics = nested_metrics(summary, results.models, results.task)
    known = [*on_corpus(results.run, metrics), *results.elsewhere]
    return section(words_of_transfer(results.run), here, "tables/ranking.csv") + section(
        ACROSS, across_table(known, results.task)
    )


def _metrics(results: Results, summary: Summary) -> str:
    """What the other metrics are, and which way each is better."""
    task = results.task
    rows = [METRICS[name] for name in metrics_of(task)[1:]]
    lower = [row.title for row in rows if row.lower_is_better]
    text = _METRICS.format(
        meanings=capitalised(listing([row.meaning for row in rows])),
        targets=_and_target(task),
        directions=f"the lowest {' and '.join(lower)}, the highest of the others"
        if lower
        else "the highest",
    )
    table = intact_table(summary.intact, results.models, task)
    return section(text, table, "tables/intact.csv")


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
    return section(text, table, "tables/one_modality.csv")


def _natural(results: Results) -> str:
    task = results.task
    values = natural_losses(results.evaluation, metrics_of(task)[0])
    if values.empty:
        return ""
    text = _NATURAL.format(metric=capitalised(primary_metric(task).meaning))
    table = natural_table(values, results.models, task)
    return section(text, table, "tables/natural.csv")


def _trust(results: Results) -> str:
    table = trust_table(results.trust, results.models, results.task)
    words = words_of_trust(results.trust, results.task)
    return section("", words + table, "tables/trust.csv")


def _imputation(results: Results, summary: Summary) -> str:
    if summary.imputed.empty:
        return ""
    text = _IMPUTATION.format(metric=capitalised(primary_metric(results.task).meaning))
    table = imputation_table(summary.imputed, results.models, results.task)
    return section(text, table, "tables/filled.csv")


def _rates(results: Results) -> str:
    curves = rate_curves(results.evaluation, metrics_of(results.task)[0])
    if curves.empty:
        return ""
    table = rates_table(curves, results.models, results.task)
    return section(_RATES, table, "tables/rates.csv")


def _models(results: Results) -> str:
    described = results.run["models"]
    timed = any("minutes" in model for model in described.values())
    minutes = "; minutes are the mean training of a seed on the machine of this run"
    text = _MODELS.format(minutes=minutes if timed else "")
    models = [model for model in results.models if model in described]
    return section(text, models_table(results.run, models), "run.json")


def _mean_of_targets(task: Task) -> str:
    return f", mean of {escape(listing(task.targets))}," if len(task.targets) > 1 else ""


def _and_target(task: Task) -> str:
    return " and target" if len(task.targets) > 1 else ""
