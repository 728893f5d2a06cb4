"""The figures of the page with their words: alternative text and captions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reports import figures
from reports.results import Results
from reports.style import save

# Modality: what goes missing, and the figure of the paper that shows it.
PAPER_FIGURES = {"audio": ("sound", 3), "video": ("picture", 4)}
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


def illustrate(
    folder: Path,
    results: Results,
    conditions: pd.DataFrame,
    videos: pd.DataFrame,
    traces: Mapping[str, pd.DataFrame],
) -> dict[str, list[Illustration]]:
    """Draw and save every figure of a run.

    Args:
        folder: gets `<modality>_ablated`, `learning_curves`, `videos` and `trace_<number>`, as SVG
            or PNG.
        results: the run.
        conditions: what `summary.conditions` returned.
        videos: what `summary.mean_videos` returned.
        traces: what `summary.shown_traces` returned.

    Returns:
        The figures by heading, in the order of the page.
    """
    there = [modality for modality in PAPER_FIGURES if modality in set(conditions["modality"])]
    return {
        "When a modality goes missing": [
            _ablation(folder, modality, conditions, results) for modality in there
        ],
        "Learning curves": [_learning_curves(folder, results)],
        "Per video": [_videos(folder, videos, results)],
        "Over time": [
            _trace(folder / f"trace_{number}", item, table, results)
            for number, (item, table) in enumerate(traces.items(), start=1)
        ],
    }


def _ablation(
    folder: Path, modality: str, conditions: pd.DataFrame, results: Results
) -> Illustration:
    noun, paper = PAPER_FIGURES[modality]
    figure = figures.ablation(conditions, modality, results.models)
    return Illustration(
        save(figure, folder / f"{modality}_ablated", results.note),
        alt=f"Line charts of CCC against the probability that {noun} is ablated, a panel per "
        f"strategy and target, a line for each of {_names(results)}. The table of models and "
        "conditions has every number.",
        caption=f"The paper's Figure {paper}, redrawn for this run: {noun} ablated. Mean over "
        "seeds and trials, bars ± 1 standard deviation. p increases from left to right (the paper "
        "goes from 1 to 0) in steps of equal width, not to scale; models are set slightly apart. "
        "The vertical scales are those of the other modality's figure.",
    )


def _learning_curves(folder: Path, results: Results) -> Illustration:
    figure = figures.learning_curves(results.training, results.models)
    return Illustration(
        save(figure, folder / "learning_curves", results.note),
        alt=f"Held-out and training CCC by epoch, a panel for each of {_names(results)}, a line "
        "per seed.",
        caption="A panel per model, a line per seed. Solid: CCC on the held-out part of the "
        "training split, mean of valence and arousal. Dotted: 1 − training loss. Ring: the epoch "
        "that was kept.",
    )


def _videos(folder: Path, videos: pd.DataFrame, results: Results) -> Illustration:
    count = videos["item"].nunique()
    figure = figures.videos(videos, results.models)
    return Illustration(
        save(figure, folder / "videos", results.note),
        alt=f"Dots of CCC within each of {count} videos for valence and arousal, a row for each "
        f"of {_names(results)}.",
        caption=f"A dot is one of {count} videos (mean over seeds, intact input), the bar their "
        "median. CCC within a video does not see differences between videos, so it is another "
        "quantity than CCC over all frames. A video where it is undefined is left out.",
    )


def _trace(path: Path, item: str, table: pd.DataFrame, results: Results) -> Illustration:
    start, end = table["time"].min(), table["time"].max()
    return Illustration(
        save(figures.trace(table, results.models), path, results.note),
        alt=f"Valence and arousal of {item} over time, annotated and as predicted by "
        f"{_names(results)}; {MISSING}.",
        caption=f"{item}, {start:.0f} to {end:.0f} s, seed {results.seeds[0]}, intact input: "
        f"{MISSING}.",
    )


def _names(results: Results) -> str:
    return ", ".join(results.models)
