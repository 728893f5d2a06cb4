"""Stage evaluate@MODEL: run one trained model under every condition, seed by seed."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from features.errors import InputError
from features.store import open_store, read_item
from models.settings import TARGETS
from pipeline import recogniser
from pipeline.items import (
    Job,
    cached,
    hash_of,
    hash_of_file,
    hash_of_sources,
    progress_bar,
    stage_errors,
)
from pipeline.outputs import FC6, MODELS, RESULTS, WINDOWS, CorpusItem, fresh, read_items
from pipeline.params import Params, load_params
from pipeline.train import HISTORY, PRELOAD_BYTES

if TYPE_CHECKING:
    from models.data import ClipData
    from models.networks import Recogniser

TABLES = ("evaluation", "videos", "traces", "training")
"""Result folders; each gets a table named after the model."""


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.evaluate", description=__doc__)
    parser.add_argument("model", help="a key of models in params.yaml")
    name = parser.parse_args().model
    with stage_errors():
        params = load_params()
        params.model(name)
        items = evaluation_items(read_items(), params.evaluate.split)
        results = []
        for seed in params.train.seeds:
            folder = MODELS / name / f"seed-{seed}"
            job = Job(
                name, seed_key(params, folder, items), partial(run_seed, params, folder, items)
            )
            results.append(cached("evaluate", job, params.execution))
        for table in TABLES:
            # Traces are of the first seed: one line a video is what a person can read.
            chosen = results[:1] if table == "traces" else results
            frames = [
                pd.read_csv(result / f"{table}.csv", dtype=str, keep_default_na=False)
                for result in chosen
            ]
            pd.concat(frames).to_csv(fresh(RESULTS / table / f"{name}.csv"), index=False)


def evaluation_items(items: list[CorpusItem], split: str) -> list[CorpusItem]:
    """The labelled items of a split.

    Raises:
        InputError: there is none.
    """
    chosen = [item for item in items if item.split == split and item.labelled]
    if not chosen:
        raise InputError(f"evaluate.split is {split}, and no labelled item is in it", "change it")
    return chosen


def seed_key(params: Params, folder: Path, items: list[CorpusItem]) -> str:
    """Hash of everything one seed's results depend on."""
    if not (folder / recogniser.WEIGHTS).exists():
        raise InputError(f"there is no trained model in {folder}", "run `dvc repro`")
    windows, fc6 = open_store(WINDOWS, stage="windows"), open_store(FC6, stage="fc6")
    inputs = [
        [item.item, *(read_item(s, item.item).attrs["key"] for s in (windows, fc6))]
        for item in items
    ]
    files = sorted(hash_of_file(file) for file in folder.iterdir())
    code = [hash_of_sources(Path("models"))]
    code += [hash_of_file(Path(module)) for module in (__file__, recogniser.__file__)]
    return hash_of(code, params.evaluate.model_dump(), files, inputs)


def run_seed(params: Params, folder: Path, items: list[CorpusItem], out: Path) -> None:
    """Evaluate one seed and write its tables."""
    from models.data import ClipData

    card, network = recogniser.load(folder)
    windows, fc6 = open_store(WINDOWS, stage="windows"), open_store(FC6, stage="fc6")
    names = [item.item for item in items]
    data = ClipData(windows, fc6, names, preload_bytes=PRELOAD_BYTES)
    title = f"evaluate {card.name}, seed {card.seed}"
    videos, traces = intact_tables(params, network, data)
    tables = {
        "evaluation": condition_table(params, network, data, title=title),
        "videos": videos,
        "traces": traces,
        "training": pd.read_csv(folder / HISTORY),
    }
    for name, table in tables.items():
        table.insert(0, "model", card.name)
        if name != "traces":
            table.insert(1, "seed", card.seed)
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.6g")


def condition_table(
    params: Params, network: "Recogniser", data: "ClipData", *, title: str
) -> pd.DataFrame:
    """CCC under every condition: modality, strategy, p, trial, target, ccc, frames."""
    import torch

    from models.conditions import grid
    from models.evaluator import evaluate, runs_of

    settings = params.evaluate
    runs = runs_of(grid(settings), settings.trials)
    with progress_bar(title, unit="clips", total=len(data.clips)) as advance:
        moments = evaluate(
            network,
            data,
            runs,
            seed=settings.seed,
            device=torch.device(params.execution.torch_device),
            batch_clips=settings.batch_clips,
            on_clips=advance,
        )
    return pd.DataFrame(
        {
            "modality": run.condition.modality,
            "strategy": run.condition.strategy,
            "p": run.condition.p,
            "trial": run.trial,
            "target": target,
            "ccc": ccc,
            "frames": int(frames),
        }
        for run, cccs, counts in zip(runs, moments.ccc(), moments.n, strict=True)
        for target, ccc, frames in zip(TARGETS, cccs, counts, strict=True)
    )


def intact_tables(
    params: Params, network: "Recogniser", data: "ClipData"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Per-video CCC, and predictions beside labels over time, on intact input."""
    import torch

    from models.evaluator import item_moments, predict

    device = torch.device(params.execution.torch_device)
    predictions = predict(network, data, device, params.evaluate.batch_clips)
    videos, traces = [], []
    for item in data.items:
        moments = item_moments(data, item, predictions[item])
        for target, ccc, frames in zip(TARGETS, moments.ccc(), moments.n, strict=True):
            videos.append({"item": item, "target": target, "ccc": ccc, "frames": int(frames)})
        valid = data.item_array(item, "valid")
        for column, target in enumerate(TARGETS):
            annotated = data.item_array(item, "labels")[:, column]
            traces.append(
                pd.DataFrame(
                    {
                        "item": item,
                        "time": data.item_array(item, "times").round(4),
                        "target": target,
                        "annotated": np.where(valid, annotated, np.nan),
                        "predicted": predictions[item][:, column],
                        "face_present": data.item_array(item, "video_present").astype(int),
                        "sound_present": data.item_array(item, "audio_present").astype(int),
                    }
                )
            )
    return pd.DataFrame(videos), pd.concat(traces)


if __name__ == "__main__":
    main()
