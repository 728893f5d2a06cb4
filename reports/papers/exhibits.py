"""The papers' figures and further tables, made of a run's numbers.

A figure shows the models that have the names of the paper's study file; what was not run is left
out, and a figure of which nothing was run is not drawn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from features.task import Task
from models.evaluation.registry import METRICS, metrics_of
from reports.figures.exhibits import draw_available, draw_bars, draw_boxes
from reports.figures.losses import draw_losses
from reports.figures.style import styles
from reports.numbers.means import (
    conditions,
    headline,
    intact_metrics,
    losses,
    of_vectors,
    seed_means,
)
from reports.numbers.schema import AUDIO_GONE, INTACT, VIDEO_GONE
from reports.numbers.words import target_titles
from reports.papers.goncalves2022 import PARAMETERS
from reports.tables.markup import scrollable


@dataclass(frozen=True)
class Exhibit:
    """A figure of a paper drawn again, or a table that is none of `claims_of`.

    Attributes:
        title: as the paper numbers it, and what it shows.
        figure: drawn of this run; None for a table.
        table: as HTML.
    """

    title: str
    figure: Figure | None = None
    table: str = ""


@dataclass(frozen=True)
class Measured:
    """What a paper's tables and figures are made of.

    Attributes:
        run: the content of `run.json`.
        models: their names in order.
        task: what was recognised.
        evaluation: rows as those of `Results.evaluation`; splits stand for seeds.
    """

    run: Mapping[str, Any]
    models: Sequence[str]
    task: Task
    evaluation: pd.DataFrame

    @property
    def intact(self) -> pd.DataFrame:
        """Every metric of intact input (`means.intact_metrics`)."""
        return intact_metrics(self.evaluation, metrics_of(self.task))

    @property
    def headlines(self) -> pd.DataFrame:
        """The headline numbers of the primary metric (`means.headline`)."""
        return headline(self.evaluation, metrics_of(self.task)[0])

    @property
    def conditions(self) -> pd.DataFrame:
        """The primary metric under every condition (`means.losses`)."""
        return losses(conditions(self.evaluation, metrics_of(self.task)[0]))


def of_parthasarathy2020(measured: Measured) -> Iterator[Exhibit]:
    """Figures 3 and 4: every training under losses of sound, and of picture."""
    table = of_vectors(measured.conditions)
    looks = styles([m for m in measured.models if not m.endswith("_only")])
    for number, modality in ((3, "audio"), (4, "video")):
        if modality in set(table["modality"]):
            figure = draw_losses(table, modality, looks, measured.task)
            yield Exhibit(f"Figure {number}: {modality} lost, from p = 0 to 1", figure)


def of_parthasarathy2021(measured: Measured) -> Iterator[Exhibit]:
    """Figure 4: the proposed model by the share of the frames that are present."""
    table = of_vectors(measured.conditions)
    table = table[(table["model"] == "proposed") & (table["strategy"] == "frame_zero")]
    if table.empty:
        return
    titles = target_titles(measured.task)
    table = table.assign(
        available=1 - table["p"], panel=table["target"].map(titles), model=table["modality"]
    )
    axis = METRICS[metrics_of(measured.task)[0]].title
    title = "Figure 4: by the frames of sound or picture that are present"
    yield Exhibit(title, draw_available(table, axis))


NETWORKS = {f"baseline{number}": f"Baseline {number}" for number in (1, 2, 3)}
_BASELINES = {"auxformer": "AuxFormer"} | NETWORKS
ABLATIONS: Mapping[str, Mapping[str, str]] = {
    "Figure 6: what follows the fusion": {
        "auxformer_optimized": "self-attention",
        "no_attention": "nothing",
        "lstm": "LSTM",
        "gru": "GRU",
    },
    "Figure 7: what stands for a sequence": {
        "auxformer_optimized": "last step",
        "token": "token in front",
        "mean": "mean",
    },
    "Figure 8: baselines scaled up": {
        "auxformer_optimized": "AuxFormer",
        "baseline2_optimized": "baseline 2",
        "baseline2_upscaled": "baseline 2, upscaled",
        "baseline3_optimized": "baseline 3",
        "baseline3_upscaled": "baseline 3, upscaled",
    },
}
"""Models of a figure of bars, with what they are called there."""
SCENARIOS = {INTACT: "both", VIDEO_GONE: "sound only", AUDIO_GONE: "picture only"}


def of_goncalves2022(measured: Measured) -> Iterator[Exhibit]:
    """Figures 3 to 8, and Table 5."""
    metric = "micro_f1"
    axis = METRICS[metric].title
    rows = of_vectors(losses(seed_means(measured.evaluation, metric)))
    intact = rows[(rows["p"] == 0) & (rows["strategy"] == "clip_zero")]
    intact = intact.groupby(["model", "seed"], sort=False)["value"].mean().reset_index()
    optimized = {f"{name}_optimized": title for name, title in _BASELINES.items()}
    boxes = intact[intact["model"].isin(list(optimized))]
    if len(boxes):
        shown = [optimized[m] for m in optimized if m in set(boxes["model"])]
        named = boxes.assign(model=boxes["model"].map(optimized))
        yield Exhibit("Figure 3: optimized training over splits", draw_boxes(named, shown, axis))
    yield from _scenarios(measured, metric, axis)
    yield from _masked(rows, intact, optimized, axis)
    every = measured.intact[measured.intact["metric"].isin(["micro_f1", "macro_f1"])]
    for title, models in ABLATIONS.items():
        table = every[every["model"].isin(list(models))]
        if table["model"].nunique() > 1:
            titles = {name: METRICS[name].title for name in table["metric"].unique()}
            table = table.assign(
                group=pd.Categorical(table["model"].map(models), list(models.values())),
                series=table["metric"].map(titles),
            ).sort_values("group")
            yield Exhibit(title, draw_bars(table, "F1"))
    yield from _parameters(measured)


OF_TABLE_5 = {
    "AuxFormer": ("auxformer",),
    "baseline 1": ("baseline1",),
    "baseline 2": ("baseline2",),
    "baseline 3": ("baseline3",),
    "baseline 4": ("baseline4_video", "baseline4_audio"),
}
"""Models of the study of Goncalves and Busso by their names in Table 5."""


def _parameters(measured: Measured) -> Iterator[Exhibit]:
    """Table 5: parameters as they count them, and as they are here."""
    rows = []
    for label, (count, seconds) in PARAMETERS.items():
        models = [m for m in OF_TABLE_5[label] if m in measured.models]
        described = {m: measured.run["models"][m] for m in models}
        cells = [f"{count:,}", f"{seconds}"] + [
            "<br>".join(said for m in models if (said := _said(described[m], key))) or "–"
            for key in ("counted", "parameters", "epoch_seconds")
        ]
        rows.append(
            f'<tr><th scope="row">{label}</th><td class="words">{"<br>".join(models) or "–"}</td>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    titles = ("Model", "Here", "Counted by it", "Its s an epoch", *_HERE)
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    classes = len(measured.task.outputs)
    yield Exhibit(
        "Table 5: parameters. By its rule they are counted at four classes and the paper's "
        f"features, else at the {classes} classes and the features of this run. Seconds an epoch "
        "are the paper's on a Quadro RTX 8000, and those of training, with held-out results, on "
        "the machine of this run.",
        table=scrollable(f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"),
    )


_HERE = ("Here, by its rule", "Here", "Here, s an epoch")


def _said(described: Mapping[str, Any], key: str) -> str:
    """A number of a model, empty where it is not known."""
    value = described.get(key)
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _scenarios(measured: Measured, metric: str, axis: str) -> Iterator[Exhibit]:
    """Figure 4: both trainings with both modalities and each alone, beside baseline 4."""
    table = headline(measured.evaluation, metric)
    table = table[table["headline"].isin(list(SCENARIOS))]
    alone = table[table["headline"] == INTACT].set_index("model")["value"]
    lines = {
        f"baseline 4, {noun} only": float(alone[model])
        for model, noun in (("baseline4_video", "picture"), ("baseline4_audio", "sound"))
        if model in alone
    }
    trainings = {"": "standard", "_optimized": "optimized"}
    names = {
        f"{model}{suffix}": (title, training)
        for model, title in _BASELINES.items()
        for suffix, training in trainings.items()
    }
    table = table[table["model"].isin(list(names))]
    for measure, scenario in SCENARIOS.items():
        cell = table[table["headline"] == measure]
        if cell.empty:
            continue
        places = {name: place for place, name in enumerate(names)}
        cell = cell.assign(
            group=[names[m][0] for m in cell["model"]],
            series=[f"{names[m][1]} training" for m in cell["model"]],
        ).sort_values("model", key=lambda column: column.map(places))
        yield Exhibit(f"Figure 4: {scenario}", draw_bars(cell, axis, lines))


def _masked(
    rows: pd.DataFrame, intact: pd.DataFrame, models: Mapping[str, str], axis: str
) -> Iterator[Exhibit]:
    """Figure 5: by the frames available, below the intact AuxFormer and above baseline 4."""
    table = rows[(rows["strategy"] == "frame_zero") & rows["model"].isin(list(models))]
    if table.empty:
        return
    means = table.groupby(["model", "modality", "p"], sort=False)["value"].mean().reset_index()
    masked = {"audio": "sound masked", "video": "picture masked"}
    means = means.assign(
        available=1 - means["p"],
        panel=means["modality"].map(masked),
        model=means["model"].map(models),
    )
    best = intact.groupby("model")["value"].mean()
    left = {"audio": "baseline4_video", "video": "baseline4_audio"}
    bounds = {
        masked[modality]: {
            name: float(best[model])
            for name, model in (
                ("upper bound", "auxformer_optimized"),
                ("baseline 4", left[modality]),
            )
            if model in best
        }
        for modality in masked
    }
    yield Exhibit("Figure 5: frames masked at random", draw_available(means, axis, bounds))


def of_chumachenko2022(_measured: Measured) -> Iterator[Exhibit]:
    """The paper has tables alone."""
    yield from ()
