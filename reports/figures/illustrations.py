"""The figures of the page with their words: alternative text and captions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.figures import charts
from reports.figures.style import Style, save_figure, styles
from reports.figures.timeline import draw_trace
from reports.figures.trust import draw_risks
from reports.numbers.items import confusion_matrices, mean_predictions
from reports.numbers.means import of_vectors
from reports.numbers.results import Results
from reports.numbers.run_file import trained_here
from reports.numbers.schema import LOSERS
from reports.numbers.summary import Summary
from reports.numbers.words import NOUNS, capitalised, listing, primary_metric, target_titles
from reports.papers.parthasarathy2020 import AFF_WILD2, FIGURES

Looks = Mapping[str, Style]
MISSING = "grey where no face was found, hatched where there was no sound"


@dataclass(frozen=True)
class Illustration:
    """A figure file with its words.

    Attributes:
        file: SVG or PNG.
        alt: what is to be seen, for who cannot see it.
        caption: how to read it.
    """

    file: Path
    alt: str
    caption: str


def illustrate(folder: Path, results: Results, summary: Summary) -> dict[str, list[Illustration]]:
    """Draw and save every figure of a run.

    Args:
        folder: gets `<modality>_lost`, `learning_curves`, `risks` and, by the task, `videos` and
            `trace_<number>`, or `confusion`, or `scatter_<number>`, as SVG or PNG.
        results: the run.
        summary: of the run.

    Returns:
        The figures by heading, in the order of the page.
    """
    curves = _curves(summary.conditions)
    losers = [modality for modality in LOSERS if modality in set(curves["modality"])]
    every = styles([*summary.shown, *(m for m in results.models if m not in summary.shown)])
    shown = {model: every[model] for model in summary.shown}
    every = {model: every[model] for model in results.models}
    trained = {model: every[model] for model in trained_here(results.run, results.models)}
    drawn = {
        "When a modality is lost": [
            _losses(folder, modality, curves, results, shown) for modality in losers
        ],
        "Learning curves": [_learning_curves(folder, results, trained)] if trained else [],
    }
    if results.task.level == "frame":
        drawn["Per video"] = [_videos(folder, summary.videos, results, every)]
        drawn["Over time"] = [
            _trace(folder / f"trace_{number}", item, table, results, shown)
            for number, (item, table) in enumerate(summary.traces.items(), start=1)
        ]
    elif results.task.kind == "classification":
        drawn["Which class is taken for which"] = [_confusion(folder, results)]
    else:
        drawn["Predicted against annotated"] = [
            _scatter(folder / f"scatter_{number}", target, results, every)
            for number, target in enumerate(results.task.targets, start=1)
        ]
    if (results.trust["measure"] == "risk").any():
        drawn["When a model may abstain"] = [_risks(folder, results, every)]
    return {heading: figures for heading, figures in drawn.items() if figures}


def _curves(conditions: pd.DataFrame) -> pd.DataFrame:
    """The conditions of which there are several p, so that there is something to draw."""
    conditions = of_vectors(conditions)
    return conditions[
        conditions.groupby(["modality", "strategy", "burst"])["p"].transform("nunique") > 1
    ]


def _losses(
    folder: Path, modality: str, conditions: pd.DataFrame, results: Results, looks: Looks
) -> Illustration:
    task, metric = results.task, primary_metric(results.task).title
    noun = NOUNS[modality]
    figure = charts.draw_losses(conditions, modality, looks, task)
    if AFF_WILD2.is_of(task) and modality in FIGURES:
        title = f"The paper's Figure {FIGURES[modality]}, redrawn for this run: {noun} lost."
        order = "from left to right (the paper goes from 1 to 0)"
    else:
        title, order = f"{capitalised(metric)} with {noun} lost.", "from left to right"
    apart = ", each losing independently" if modality == "both" else ""
    panels = "strategy and target" if len(task.targets) > 1 else "strategy"
    return Illustration(
        save_figure(figure, folder / f"{modality}_lost", results.note),
        alt=f"Line charts of {metric} against the share of {noun} that is lost"
        f"{apart}, a panel per {panels}, a line for each of {', '.join(looks)}. The table of "
        "models and conditions has every number.",
        caption=f"{title} Mean over seeds and trials, bars ± 1 standard deviation{apart}. p is "
        f"what is lost; it increases {order} in steps of equal width, not to scale; models are set "
        "slightly apart. The "
        f"vertical scales are those of the other modality's figure.{_limited(results, looks)}",
    )


def _risks(folder: Path, results: Results, looks: Looks) -> Illustration:
    is_classes = results.task.kind == "classification"
    error = "share of wrong classes" if is_classes else "root mean square error"
    sure = "the largest calibrated probability" if is_classes else "the width of the interval"
    return Illustration(
        save_figure(draw_risks(results.trust, looks, results.task), folder / "risks", results.note),
        alt=f"Line charts of the {error} against the share of answers that are given, a line for "
        f"each of {', '.join(looks)}.",
        caption=f"Risk against coverage: the {error} where the model abstains from the answers "
        f"that it is least sure of, ranked by {sure}. Every recording counts with both modalities "
        "and with each alone. Mean over seeds. A line that does not fall cannot tell its errors.",
    )


def _learning_curves(folder: Path, results: Results, looks: Looks) -> Illustration:
    task = results.task
    metric = primary_metric(task).title
    figure = charts.draw_learning_curves(results.training, looks, task)
    has_loss = task.kind == "regression"
    mean = f", mean of {listing(task.targets)}" if len(task.targets) > 1 else ""
    by_validation = results.run.get("heldout") == "validation"
    heldout = "validation split" if by_validation else "held-out part of the training split"
    curves = "Held-out and training" if has_loss else "Held-out"
    dots = "Dotted: 1 − training loss. " if has_loss else ""
    return Illustration(
        save_figure(figure, folder / "learning_curves", results.note),
        alt=f"{curves} {metric} by epoch, a panel for each of {_names(results)}, a line per seed.",
        caption=f"A panel per model, a line per seed. Solid: {metric} on the {heldout}{mean}. "
        f"{dots}Ring: the epoch that was kept.",
    )


def _videos(folder: Path, videos: pd.DataFrame, results: Results, looks: Looks) -> Illustration:
    count = videos["item"].nunique()
    metric = primary_metric(results.task).title
    figure = charts.draw_videos(videos, looks, results.task)
    return Illustration(
        save_figure(figure, folder / "videos", results.note),
        alt=f"Dots of {metric} within each of {count} videos for {listing(results.task.targets)}, "
        f"a row for each of {_names(results)}.",
        caption=f"A dot is one of {count} videos (mean over seeds, intact input), the bar their "
        f"median. {metric} within a video does not see differences between videos, so it is "
        f"another quantity than {metric} over all frames. A video where it is undefined is left "
        "out.",
    )


def _trace(
    path: Path, item: str, table: pd.DataFrame, results: Results, looks: Looks
) -> Illustration:
    start, end = table["time"].min(), table["time"].max()
    task = results.task
    return Illustration(
        save_figure(draw_trace(table, looks, target_titles(task)), path, results.note),
        alt=f"{capitalised(listing(task.targets))} of {item} over time, annotated and as predicted "
        f"by {', '.join(looks)}; {MISSING}.",
        caption=f"{item}, {start:.0f} to {end:.0f} s, seed {results.seeds[0]}, intact input: "
        f"{MISSING}.{_limited(results, looks)}",
    )


def _confusion(folder: Path, results: Results) -> Illustration:
    classes = results.task.outputs
    matrices = confusion_matrices(results.videos, results.models, classes)
    figure = charts.draw_confusion(matrices, classes)
    recalls = "; ".join(f"{m}: {_recall(counts, classes)}" for m, counts in matrices.items())
    return Illustration(
        save_figure(figure, folder / "confusion", results.note),
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


def _scatter(path: Path, target: str, results: Results, looks: Looks) -> Illustration:
    predictions = mean_predictions(results.videos[results.videos["target"] == target])
    count = predictions["item"].nunique()
    return Illustration(
        save_figure(charts.draw_scatter(predictions, looks, target), path, results.note),
        alt=f"Scatter plots of predicted against annotated {target} of {count} sequences, a panel "
        f"for each of {_names(results)}.",
        caption=f"{capitalised(target)}: a panel per model, a dot for each of {count} sequences "
        "(mean over seeds, intact input). On the line, predicted and annotated are equal.",
    )


def _names(results: Results) -> str:
    return ", ".join(results.models)


def _limited(results: Results, looks: Looks) -> str:
    """Which models are drawn where not all of them are."""
    if len(looks) == len(results.models):
        return ""
    among = f", {results.reference} among them or in place of the last" if results.reference else ""
    return (
        f" Of {len(results.models)} models {len(looks)} are drawn: the best by robustness area"
        f"{among}."
    )
