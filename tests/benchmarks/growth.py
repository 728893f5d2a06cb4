"""How the stages' processor time grows with the number of items of 100 frames, as CREMA-D's."""

import time
from collections.abc import Callable
from contextlib import chdir, redirect_stderr
from io import StringIO
from pathlib import Path

import numpy as np

from features.corpora.corpus_settings import CorpusSettings
from features.corpora.settings import SimulatedSettings
from features.extractors.settings import GivenSettings
from models.settings import ModelSettings
from pipeline import corpus, extract, faces, keys, windows
from pipeline.engine.execution import ExecutionSettings
from pipeline.params import Params, load_params
from tests.benchmarks.inputs import Inputs
from tests.benchmarks.timing import Row

MEASURED = (50, 200, 800)
"""Items of the corpora that are made."""

EXTRAPOLATED = (7_442, 100_000)
"""Items of CREMA-D, and of a corpus of which nobody waits to make one here."""


def growth(inputs: Inputs) -> list[Row]:
    """Stages from nothing, and with all results cached, against a straight line through them."""
    seconds = {items: _seconds(inputs.folder / f"growth-{items}", items) for items in MEASURED}
    rows = []
    for stage in seconds[MEASURED[0]]:
        values = [seconds[items][stage] for items in MEASURED]
        slope, fixed = np.polyfit(MEASURED, values, 1)
        line = f"{fixed:.2f} s + {slope * 1000:.2f} ms an item"
        further = [f"{fixed + slope * items:.0f} s for {items:,}" for items in EXTRAPOLATED]
        for items, value in zip(MEASURED, values, strict=True):
            ratio = value / (fixed + slope * items)
            what = f"{stage}, {items} simulated items of 100 frames, 4096 and 65 numbers"
            against = f"{line}; extrapolated: {', '.join(further)}"
            rows.append(Row(what, against, "s", value, fixed + slope * items, ratio, ratio, ratio))
    return rows


def _seconds(folder: Path, items: int) -> dict[str, float]:
    """Processor time of the stages of a corpus, by name."""
    held = items // 5
    simulated = SimulatedSettings(
        train=items - 2 * held, validation=held, test=held, frames=100, video=4096, audio=65
    )
    params = Params(
        corpus=CorpusSettings(name="simulated", root="data", simulated=simulated),
        streams={
            "picture": GivenSettings(modality="video", of="picture"),
            "sound": GivenSettings(modality="audio", of="sound", context_seconds=2.0),
        },
        models={"model": ModelSettings(sees=["sound", "picture"])},
        execution=ExecutionSettings(cache=str(folder / "cache"), device="cpu"),
    )
    folder.mkdir()
    (folder / "params.yaml").write_text(params.model_dump_json())

    def run(*stages: Callable[[], object]) -> float:
        begun = time.process_time()
        for stage in stages:
            stage()
        return time.process_time() - begun

    def extracted() -> None:
        for stream in ("picture", "sound"):
            extract.extract(load_params(), stream)

    with chdir(folder), redirect_stderr(StringIO()):
        run(keys.main, lambda: corpus.run(checks_only=False), faces.main)
        return {
            "`extract@…` of two streams, from nothing": run(extracted),
            "`windows`": run(windows.main),
            "`extract@…` of two streams, all cached": run(extracted),
        }
