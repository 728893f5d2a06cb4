"""Stage evaluate@MODEL: run one trained model under every condition, seed by seed."""

import argparse
from functools import partial
from pathlib import Path

import pandas as pd

from features.corpora.listing import (
    MODELS,
    REPLICATES,
    RESULTS,
    CorpusItem,
    fresh,
    read_facts,
    read_items,
    read_task,
)
from features.errors import InputError
from features.hashes import hash_of, hash_of_file, hash_of_sources
from models import recogniser
from models.evaluation.registry import metrics_of
from models.evaluation.replicates import mean_over_seeds, replicates_of_runs
from models.training.checks import check_settings
from models.training.stores import open_stores, read_inputs
from pipeline.engine.console import progress_bar
from pipeline.engine.jobs import Job, cached, stage_errors
from pipeline.keys import check
from pipeline.params import Params, load_params
from pipeline.train import HISTORY

TABLES = ("evaluation", "videos", "traces", "training")
"""Result folders; each gets a table named after the model."""


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.evaluate", description=__doc__)
    parser.add_argument("model", help="a key of models in params.yaml")
    name = parser.parse_args().model
    with stage_errors():
        params = load_params()
        params.model(name)  # refuses a name that is not there
        check(params, "evaluate", name)
        check_settings(params, read_task(), gives_features=read_facts()["gives_features"])
        items = evaluation_items(read_items(), params.evaluate.split)
        results = []
        for seed in params.train.seeds:
            folder = MODELS / name / f"seed-{seed}"
            job = Job(
                name,
                seed_key(params, name, folder, items),
                partial(run_seed, params, folder, items),
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
        replicates = [pd.read_parquet(result / f"{REPLICATES}.parquet") for result in results]
        out = fresh(RESULTS / REPLICATES / f"{name}.parquet")
        mean_over_seeds(replicates).to_parquet(out, index=False)


def evaluation_items(items: list[CorpusItem], split: str) -> list[CorpusItem]:
    """The labelled items of a split.

    Raises:
        InputError: there is none.
    """
    chosen = [item for item in items if item.split == split and item.labelled]
    if not chosen:
        raise InputError(f"evaluate.split is {split}, and no labelled item is in it", "change it")
    return chosen


def seed_key(params: Params, name: str, folder: Path, items: list[CorpusItem]) -> str:
    """Hash of everything one seed's results depend on."""
    if not (folder / recogniser.WEIGHTS).exists():
        raise InputError(f"there is no trained model in {folder}", "run `dvc repro`")
    files = sorted(hash_of_file(file) for file in folder.iterdir())
    code = hash_of_sources("models")
    # What others are compared with changes no result of this model.
    settings = params.evaluate.model_dump(exclude={"reference"})
    return hash_of(
        code, settings, files, read_inputs(name).for_evaluation(item.item for item in items)
    )


def run_seed(params: Params, folder: Path, items: list[CorpusItem], out: Path) -> None:
    """Evaluate one seed and write its tables."""
    import torch

    from models.evaluation.conditions import grid, runs_of
    from models.evaluation.evaluator import evaluate, predict
    from models.evaluation.natural import natural_scores
    from models.evaluation.scores import pooled
    from models.evaluation.tables import (
        answers,
        metrics_of_items,
        metrics_of_runs,
        metrics_of_subsets,
        traces,
    )

    card, network = recogniser.load(folder)
    names = [item.item for item in items]
    data = recogniser.clips_of(open_stores(card.model.sees), names)
    title = f"evaluate {card.name}, seed {card.seed}"
    settings = params.evaluate
    device = torch.device(params.execution.torch_device)
    metrics = metrics_of(data.task)
    runs = runs_of(grid(settings), settings.trials)
    with progress_bar(title, unit="clips", total=len(data.clips)) as advance:
        scores = evaluate(
            network,
            data,
            runs,
            metrics=metrics,
            seed=settings.seed,
            device=device,
            batch_clips=settings.batch_clips,
            on_clips=advance,
        )
    predictions = predict(network, data, device, settings.batch_clips)
    per_frame = data.task.level == "frame"
    evaluation = metrics_of_runs(data.task, runs, pooled(scores.values()))
    if settings.natural:
        natural = metrics_of_subsets(data.task, natural_scores(data, predictions, metrics))
        evaluation = pd.concat([evaluation, natural])
    tables = {
        "evaluation": evaluation,
        "videos": (
            metrics_of_items(data, predictions, metrics)
            if per_frame
            else answers(data, predictions)
        ),
        "traces": traces(data, predictions if per_frame else {}),
        "training": pd.read_csv(folder / HISTORY),
    }
    for name, table in tables.items():
        table.insert(0, "model", card.name)
        if name != "traces":
            table.insert(1, "seed", card.seed)
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.6g")
    replicates = replicates_of_runs(data.task, runs, scores)
    replicates.to_parquet(out / f"{REPLICATES}.parquet", index=False)


if __name__ == "__main__":
    main()
