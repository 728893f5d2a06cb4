"""The forecast of a run, for people."""

import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from rich.table import Table

from features.corpora.item import Corpus
from pipeline.engine.console import clock, console, say
from pipeline.forecast.scaling import Measures, Stage, stages
from pipeline.params import Params


@dataclass(frozen=True)
class Forecast:
    """What a run will take.

    Attributes:
        stages: in the order in which they run.
        measures: what they are scaled from.
        seconds: that measuring took.
    """

    stages: list[Stage]
    measures: Measures
    seconds: float


def measure_here(params: Params, corpus: Corpus, table: pd.DataFrame, folder: Path) -> Measures:
    """Measure on this machine."""
    from pipeline.forecast.measuring import Measuring

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, on what is thrown away
        return Measuring(params, corpus, table, folder).run()


def forecast(params: Params, corpus: Corpus, table: pd.DataFrame) -> Forecast:
    """What a run will take, from a small piece of it.

    Args:
        params: the settings.
        corpus: as its reader gives it.
        table: of its items.
    """
    begun = time.perf_counter()
    with TemporaryDirectory(prefix="lacuna-") as folder:
        measures = measure_here(params, corpus, table, Path(folder))
    seconds = time.perf_counter() - begun
    return Forecast(stages(params, corpus.task, table, measures), measures, seconds)


def show(found: Forecast) -> None:
    """Print it."""
    measured = f"measured for {found.seconds:.0f} s on {found.measures.piece}"
    table = Table(title=f"What is to come, about: {measured}, and scaled")
    for heading in ("stage", "h:mm:ss", "GB"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    every = Stage(
        "all, one after the other",
        sum(stage.seconds for stage in found.stages),
        sum(stage.size for stage in found.stages),
    )
    for stage in (*found.stages, every):
        table.add_row(
            stage.name, _time(stage.seconds), f"{stage.size / 1e9:.2g}" if stage.size else ""
        )
    console.print(table)
    for note in found.measures.notes:
        say(note)
    say(
        "As if nothing were done yet and all epochs were needed; with other recordings than the "
        "one that was measured, or a busy machine, it takes longer or less."
    )


def _time(seconds: float) -> str:
    """As hours, minutes and seconds, at least a second.

    >>> _time(0.2), _time(4000)
    ('0:00:01', '1:06:40')
    """
    text = clock(max(1.0, seconds))
    return text if text.count(":") > 1 else f"0:{text:0>5}"
