"""The sections of the page that hold a run's own tables, each with the words that explain it."""

from html import escape

from reports.numbers.protocols import natural, one_modality, protocol_metric
from reports.numbers.results import Results
from reports.numbers.summary import CONDITION, Summary, counted
from reports.numbers.task import METRICS, Task, capitalised, listing
from reports.tables.conditions import (
    conditions_table,
    headline_table,
    imputation_table,
    intact_table,
    natural_table,
    one_modality_table,
)
from reports.tables.ranking import ranking_table
from reports.tables.significance import legend, marks, significance_table

_RANKING = """<p>Models by their robustness area: {metric}{mean} over the {count}
conditions of the table below, each of which counts once; p = 0, where nothing is lost, counts once
for each strategy and modality. Intact is p = 0; worst drop is the
largest fall from intact in any of the conditions (less is better); picture gone and sound gone are
Clip-Zero at p = 1. Mean ± standard deviation over seeds; n counts seeds. The best of each column
is bold.</p>"""

_CONDITIONS = """<p>{metric} over all {n:,} {unit} of
the {split} split, mean ± standard deviation over seeds and trials; n counts these values. Trials of
one seed share a trained network, so n is not a number of independent runs. p is what is lost: the
probability that a clip (Clip-Zero) or a frame (Frame-Zero, Frame-Repeat) of the modality is taken
away{share}. The highest mean of each column{targets} is bold; no significance is claimed. A dash:
not evaluated, or undefined.</p>"""

_HEADLINES = """<p>The numbers of the ranking for each target{mean}. Mean ± standard deviation
over seeds; n counts seeds. Marks as explained below the ranking.</p>"""

_METRICS = """<p>{meanings}. Mean ± standard deviation over seeds; n counts seeds. The
best mean of each column{targets} is bold: {directions}.</p>"""

_ONE_MODALITY = """<p>{metric}{mean} with both modalities (AV), only sound (A), only picture (V),
and their mean (M), as in Chumachenko et al. (2022): the other modality is absent (Clip-Zero at
p = 1) or replaced by standard normal noise. Mean ± standard deviation over seeds; n counts
seeds.</p>"""

_NATURAL = """<p>Nothing is taken away: the labels are scored apart by what was missing in the
recording itself. {metric}, mean ± standard deviation over seeds; n counts seeds, and each heading
the labels. Subsets differ in their labels, so columns are not to be compared with each other.
</p>"""

_IMPUTATION = """<p>What an evaluation-time imputation does, without any training: lost frames
stay lost, or the last or the nearest frame received stands in for them. {metric}, mean ± standard
deviation over seeds and trials. These columns are no part of the robustness area, but for the
first of each condition.</p>"""

_SHARE = {
    "subclip": "Subclip: the share of frames lost in one run",
    "burst": "Bursts: the share of frames lost in bursts of that mean length",
    "noise": "Noise: the probability that a clip is replaced by noise",
    "blank_face": "Blank face: the probability that a frame arrives without its face",
}


def section(heading: str, text: str, content: str) -> str:
    """A section of the page; nothing without content."""
    return f"<section><h2>{escape(heading)}</h2>{text}{content}</section>" * bool(content)


def sections(results: Results, summary: Summary) -> list[str]:
    """The tables of a run, the ranking first; those that it has nothing for are empty.

    Args:
        results: the run.
        summary: of the run.
    """
    models, task = results.models, results.task
    metric = capitalised(task.primary.meaning)
    ranked = ranking_table(summary, task, results.significance, results.reference)
    accuracy = protocol_metric(task)
    single = one_modality(results.evaluation, accuracy)
    apart = natural(results.evaluation, task.metrics[0])
    return [
        section("Ranking", _ranking(summary, task), ranked + legend(results.significance, task)),
        section(
            "Models × conditions",
            _conditions(results, summary),
            "" if summary.conditions.empty else conditions_table(summary.conditions, models, task),
        ),
        section(
            "By target",
            _HEADLINES.format(mean="; the row Mean is the mean of the targets"),
            headline_table(summary.headlines, models, task, marks(results.significance)),
        )
        * (len(task.targets) > 1),
        section(
            "Every metric, intact input", _metrics(task), intact_table(summary.intact, models, task)
        ),
        section(
            "One modality alone",
            _ONE_MODALITY.format(
                metric=capitalised(METRICS[accuracy].meaning), mean=_mean_of_targets(task)
            ),
            "" if single.empty else one_modality_table(single, models, task, accuracy),
        ),
        section(
            "What was missing in the recordings",
            _NATURAL.format(metric=metric),
            "" if apart.empty else natural_table(apart, models, task),
        ),
        section(
            "Filling lost frames in",
            _IMPUTATION.format(metric=metric),
            "" if summary.imputed.empty else imputation_table(summary.imputed, models, task),
        ),
    ]


def significance_section(results: Results) -> str:
    """Every test of the run, folded away; nothing where there was none."""
    if results.significance.empty:
        return ""
    table = significance_table(results.significance, results.models, results.task)
    return f"<section><details><summary>Every test</summary>{table}</details></section>"


def _ranking(summary: Summary, task: Task) -> str:
    count = len(counted(summary.conditions[CONDITION]))
    return _RANKING.format(metric=task.primary.name, count=count, mean=_mean_of_targets(task))


def _mean_of_targets(task: Task) -> str:
    return f", mean of {escape(listing(task.targets))}," if len(task.targets) > 1 else ""


def _conditions(results: Results, summary: Summary) -> str:
    task = results.task
    strategies = set(summary.conditions["strategy"])
    share = "".join(f"; {words}" for name, words in _SHARE.items() if name in strategies)
    evaluation = results.evaluation
    return _CONDITIONS.format(
        metric=capitalised(task.primary.meaning),
        n=evaluation.loc[evaluation["subset"] == "all", "n"].max(),
        unit=task.unit,
        split=escape(results.run["split"]),
        targets=" and target" * (len(task.targets) > 1),
        share=share,
    )


def _metrics(task: Task) -> str:
    """What the metrics are, and which way each is better."""
    lower = [METRICS[name].name for name in task.metrics if METRICS[name].lower_is_better]
    return _METRICS.format(
        meanings=capitalised(listing([METRICS[name].meaning for name in task.metrics])),
        targets=" and target" * (len(task.targets) > 1),
        directions=f"the lowest {' and '.join(lower)}, the highest of the others",
    )
