"""The figures of a run with their words: alternative text and captions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.evaluation.registry import metrics_of
from reports.figures import charts
from reports.figures.forest import draw_forest, forest_rows
from reports.figures.losses import draw_losses
from reports.figures.style import Style, styles
from reports.figures.timeline import draw_traces
from reports.figures.trust import draw_risks
from reports.numbers.items import confusion_matrices, mean_predictions, mean_speakers
from reports.numbers.means import of_vectors
from reports.numbers.results import Results
from reports.numbers.run_file import trained_here
from reports.numbers.schema import LOSERS
from reports.numbers.summary import Summary
from reports.numbers.words import NOUNS, capitalised, counted_noun, listing, primary_metric
from reports.papers.parthasarathy2020 import AFF_WILD2, FIGURES

Looks = Mapping[str, Style]
MISSING = "grey where no face was found, hatched where there was no sound"


@dataclass(frozen=True)
class Drawing:
    """A figure that can be drawn in several shapes, with its words.

    Attributes:
        name: of its file.
        draw: gives the figure in a shape.
        alt: what is to be seen, for who cannot see it.
        caption: how to read it.
    """

    name: str
    draw: Callable[..., Figure]
    alt: str
    caption: str


def drawings(results: Results, summary: Summary) -> dict[str, list[Drawing]]:
    """Every figure of a run.

    Args:
        results: the run.
        summary: of the run.

    Returns:
        The figures by the heading that they stand under: `<modality>_lost`, `forest`, `speakers`,
        `learning_curves`, `risks` and, by the task, `recordings` and `traces`, or `confusion`,
        or `scatter_<number>`. Those without numbers are not there.
    """
    curves = _curves(summary.conditions)
    losers = [modality for modality in LOSERS if modality in set(curves["modality"])]
    every = styles(results.models)
    focus = {model: every[model] for model in summary.focus}
    trained = {model: every[model] for model in trained_here(results.run, results.models)}
    drawn = {
        "When a modality is lost": [
            _losses(modality, curves, results, summary, every) for modality in losers
        ],
        "What the tests say": _forest(results, every),
        "By speaker": _speakers(results, every),
        "Learning curves": [_learning_curves(results, trained)] if trained else [],
    }
    if results.task.level == "frame":
        drawn["By recording"] = [_recordings(summary.videos, results, every)]
        drawn["Over time"] = _traces(summary.traces, results, focus)
    elif results.task.kind == "classification":
        drawn["Which class is taken for which"] = [_confusion(results)]
    else:
        drawn["Predicted against annotated"] = [
            _scatter(number, target, results, every)
            for number, target in enumerate(results.task.targets, start=1)
        ]
    if (results.trust["measure"] == "risk").any():
        drawn["When a model may abstain"] = [_risks(results, summary, every)]
    return {heading: figures for heading, figures in drawn.items() if figures}


def _curves(conditions: pd.DataFrame) -> pd.DataFrame:
    """The conditions of which there are several p, so that there is something to draw."""
    conditions = of_vectors(conditions)
    return conditions[
        conditions.groupby(["modality", "strategy", "burst"])["p"].transform("nunique") > 1
    ]


def _losses(
    modality: str, conditions: pd.DataFrame, results: Results, summary: Summary, looks: Looks
) -> Drawing:
    task, metric = results.task, primary_metric(results.task).title
    noun = NOUNS[modality]
    if AFF_WILD2.is_of(task) and modality in FIGURES:
        title = f"The paper's Figure {FIGURES[modality]}, redrawn for this run: {noun} lost."
        order = "from left to right (the paper goes from 1 to 0)"
    else:
        title, order = f"{capitalised(metric)} with {noun} lost.", "from left to right"
    apart = ", each losing independently" if modality == "both" else ""
    panels = "strategy and target" if len(task.targets) > 1 else "strategy"
    n = int(conditions["n"].max())
    return Drawing(
        f"{modality}_lost",
        partial(draw_losses, conditions, modality, looks, task, summary.focus),
        alt=f"Line charts of {metric} against the share of {noun} that is lost"
        f"{apart}, a panel per {panels}, a line for each of {', '.join(looks)}. The tables by "
        "condition have every number.",
        caption=f"{title} Mean over seeds and trials (n up to {n}), bars ± 1 standard deviation"
        f"{apart}. p is what is lost; it increases {order} in steps of equal width, not to scale. "
        f"The vertical scales are those of the other modality's figure.{_greyed(results, summary)}",
    )


def _greyed(results: Results, summary: Summary) -> str:
    """Which models are grey where not all of them are in colour."""
    grey = [model for model in results.models if model not in summary.focus]
    if not grey:
        return ""
    which = f": {listing(grey)}" if len(grey) <= 4 else ""
    return (
        " In colour: models recommended, the reference, and the highest in the mean of the "
        f"conditions of every evaluation; grey: {counted_noun(len(grey), 'other')}{which}."
    )


def _forest(results: Results, looks: Looks) -> list[Drawing]:
    rows = forest_rows(results.significance, results.task)
    if rows.empty:
        return []
    metric, n = primary_metric(results.task).title, f"{rows['n'].max():,.0f}"
    unit = "recordings" if results.task.level == "frame" else "sequences"
    against = results.reference or "its rival"
    return [
        Drawing(
            "forest",
            partial(draw_forest, rows, looks, results.task),
            alt=f"Forest plot: the difference of every model's {metric} from that of {against} "
            "with its 95 % interval, a panel per number. The table of every test has the numbers.",
            caption=f"Difference from {against} with its 95 % interval, of a bootstrap over {n} "
            f"{unit}; filled where the test, adjusted for the number of models, tells the two "
            "apart. Right of 0 is better.",
        )
    ]


def _risks(results: Results, summary: Summary, looks: Looks) -> Drawing:
    is_classes = results.task.kind == "classification"
    error = "share of wrong classes" if is_classes else "root mean square error"
    sure = "the largest calibrated probability" if is_classes else "the width of the interval"
    n = results.trust["n"].max()
    return Drawing(
        "risks",
        partial(draw_risks, results.trust, looks, results.task, summary.focus),
        alt=f"Line charts of the {error} against the share of answers that are given, a line for "
        f"each of {', '.join(looks)}.",
        caption=f"Risk against coverage: the {error} where the model abstains from the answers "
        f"that it is least sure of, ranked by {sure}. Every recording counts with both modalities "
        f"and with each alone. Mean over {counted_noun(len(results.seeds), 'seed')}, n = {n:,} "
        f"labels. A line that does not fall cannot tell its errors.{_greyed(results, summary)}",
    )


def _learning_curves(results: Results, looks: Looks) -> Drawing:
    task = results.task
    metric = primary_metric(task).title
    has_loss = task.kind == "regression"
    mean = f", mean of {listing(task.targets)}" if len(task.targets) > 1 else ""
    by_validation = results.run.get("heldout") == "validation"
    heldout = "validation split" if by_validation else "held-out part of the training split"
    curves = "Held-out and training" if has_loss else "Held-out"
    dots = "Dotted: 1 − training loss. " if has_loss else ""
    low, high = charts.learning_limits(results.training, has_loss=has_loss)
    ends = results.training["heldout"].agg(["min", "max"])
    cut = (
        " What is far beyond all others is cut." if ends["min"] < low or ends["max"] > high else ""
    )
    return Drawing(
        "learning_curves",
        partial(charts.draw_learning_curves, results.training, looks, task),
        alt=f"{curves} {metric} by epoch, a panel for each of {', '.join(looks)}, a line per seed.",
        caption=f"A panel per model, a line for each of "
        f"{counted_noun(len(results.seeds), 'seed')}. Solid: {metric} on the {heldout}{mean}. "
        f"{dots}Ring: the epoch that was kept.{cut}",
    )


def _recordings(videos: pd.DataFrame, results: Results, looks: Looks) -> Drawing:
    count = videos["item"].nunique()
    metric = primary_metric(results.task).title
    return Drawing(
        "recordings",
        partial(
            charts.draw_dots,
            videos,
            looks,
            results.task,
            quantity=f"{metric} within the recording",
        ),
        alt=f"Dots of {metric} within each of {count} recordings for "
        f"{listing(results.task.targets)}, a row for each of {_names(results)}.",
        caption=f"A dot is one of {count} recordings (mean over "
        f"{counted_noun(len(results.seeds), 'seed')}, intact input), the bar their "
        f"median. {metric} within a recording does not see differences between recordings, so it "
        f"is another quantity than {metric} over all frames. A recording where it is undefined is "
        "left out.",
    )


def _speakers(results: Results, looks: Looks) -> list[Drawing]:
    """Of speakers who have several items; where each has one, that is what the items show."""
    task, items = results.task, results.videos["item"].nunique()
    if not 1 < (count := results.videos["speaker"].nunique()) < items:
        return []
    unit, quantity = "sequences", "mean absolute error"
    if task.level == "frame":
        unit, quantity = "recordings", f"mean {primary_metric(task).title} within a recording"
    elif task.kind == "classification":
        quantity = "share of sequences that is right"
    table = mean_speakers(results.videos, task, metrics_of(task)[0])
    return [
        Drawing(
            "speakers",
            partial(charts.draw_dots, table, looks, task, quantity=quantity),
            alt=f"Dots of the {quantity} of each of {count} speakers, a row for each of "
            f"{_names(results)}.",
            caption=f"A dot is one of {count} speakers: the {quantity} over the speaker's "
            f"{unit} (of {items}; mean over {counted_noun(len(results.seeds), 'seed')}, intact "
            "input); the bar is the speakers' median.",
        )
    ]


def _traces(traces: Mapping[str, pd.DataFrame], results: Results, looks: Looks) -> list[Drawing]:
    if not traces:
        return []
    spans = [
        f"{item} ({table['time'].min():.0f} to {table['time'].max():.0f} s)"
        for item, table in traces.items()
    ]
    names = listing(list(looks))
    return [
        Drawing(
            "traces",
            partial(draw_traces, traces, looks, results.task),
            alt=f"{capitalised(listing(results.task.targets))} of {listing(list(traces))} over "
            f"time, annotated and as predicted by {names}; {MISSING}.",
            caption=f"{listing(spans)}, n = {len(traces)} recordings, those in which face and "
            f"sound come and go the most. Seed {results.seeds[0]}, intact input, {names}: "
            f"{MISSING}.",
        )
    ]


def _confusion(results: Results) -> Drawing:
    classes = results.task.outputs
    matrices = confusion_matrices(results.videos, results.models, classes)
    recalls = "; ".join(f"{m}: {_recall(counts, classes)}" for m, counts in matrices.items())
    return Drawing(
        "confusion",
        partial(charts.draw_confusion, matrices, classes),
        alt=f"Confusion matrices of {listing(classes)}, a panel per model. Share of each class "
        f"that is recognised: {recalls}.",
        caption="A panel per model, intact input. A row holds the sequences annotated with one "
        "class, a column those predicted to be of one class; numbers count them, summed over "
        "seeds, and the darker a cell, the larger its share of the row.",
    )


def _recall(counts: NDArray[np.int64], classes: Sequence[str]) -> str:
    """The share of every class that was recognised, in words; of those that there are."""
    rows = zip(classes, counts.diagonal(), counts.sum(axis=1), strict=True)
    return ", ".join(f"{name} {right / total:.2f}" for name, right, total in rows if total)


def _scatter(number: int, target: str, results: Results, looks: Looks) -> Drawing:
    predictions = mean_predictions(results.videos[results.videos["target"] == target])
    count = predictions["item"].nunique()
    return Drawing(
        f"scatter_{number}",
        partial(charts.draw_scatter, predictions, looks, target),
        alt=f"Scatter plots of predicted against annotated {target} of {count} sequences, a panel "
        f"for each of {_names(results)}.",
        caption=f"{capitalised(target)}: a panel per model, a dot for each of {count} sequences "
        "(mean over seeds, intact input). On the line, predicted and annotated are equal.",
    )


def _names(results: Results) -> str:
    return ", ".join(results.models)
