"""Stage evaluate@MODEL: run one trained model under every condition, its seeds side by side."""

import argparse
import json
from io import BytesIO

import pandas as pd

from features.corpora.listing import (
    CALIBRATION,
    COST,
    GROUPS,
    MODELS,
    REPLICATES,
    RESULTS,
    TRUST,
    fresh,
    read_groups,
)
from features.errors import InputError
from features.files import File
from features.hashes import hash_of_file
from models import recogniser
from models.evaluation.groups import PERMUTED
from models.evaluation.plan import Speakers, rows_of, values_of
from models.evaluation.registry import metrics_of
from models.evaluation.replicates import mean_over_seeds
from models.settings import EvaluateSettings
from models.settings.evaluation import FROM_TRAINING
from models.training.checks import check_settings
from models.training.stores import Inputs, read_inputs
from pipeline.engine.entries.result import Result
from pipeline.engine.jobs import Call, Job, Needs, run_jobs, stage_errors
from pipeline.engine.keys import key_of
from pipeline.keys import check
from pipeline.params import Params, load_params

EVALUATE_SEED = "models.evaluation.run:evaluate_seed"
"""By name: where every seed is cached, nothing that computes is imported."""
VALIDATION = "validation"
"""The split of the speakers that choose."""
TABLES = ("evaluation", "videos", "traces", TRUST, COST)
"""Tables of a result, and folders of results; each gets a table named after the model."""


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.evaluate", description=__doc__)
    parser.add_argument("model", help="a key of models in params.yaml")
    name = parser.parse_args().model
    with stage_errors():
        params = load_params()
        params.model(name)  # refuses a name that is not there
        check(params, "evaluate", name)
        inputs = read_inputs(name)
        check_settings(params, inputs.task, gives_features=inputs.gives_features)
        jobs = [evaluation_job(params, name, seed, inputs) for seed in params.train.seeds]
        results = run_jobs("evaluate", jobs, params.execution)
        publish_evaluation(name, params.train.seeds, [results[job.name] for job in jobs])


def evaluated_speakers(inputs: Inputs, settings: EvaluateSettings) -> Speakers:
    """The labelled items of a split, and those of the validation split, which choose.

    Raises:
        InputError: the split has no labelled item.
    """
    split, listed = settings.split, [item for item in inputs.listed() if item.labelled]
    reported = [item.item for item in listed if item.split == split]
    if not reported:
        raise InputError(f"evaluate.split is {split}, and no labelled item is in it", "change it")
    choosing = [item.item for item in listed if item.split == VALIDATION != split]
    speaker_of = {item.item: item.speaker for item in listed}
    fills = any(condition.fill in FROM_TRAINING for condition in settings.conditions)
    training = [item.item for item in listed if item.split == "train"] if fills else []
    groups = read_groups().set_index("item").loc[reported]
    by_column = {str(name): dict(values) for name, values in groups.items()}
    return Speakers(reported, choosing, speaker_of, training, by_column)


def evaluation_job(params: Params, name: str, seed: int, inputs: Inputs) -> Job:
    """The evaluation of one seed.

    Raises:
        InputError: it is not trained, or there is nothing to evaluate it on.
    """
    folder, settings = MODELS / name / f"seed-{seed}", params.evaluate
    card = recogniser.read_card(folder)
    device = params.execution.torch_device
    speakers, metrics = evaluated_speakers(inputs, settings), metrics_of(card.task)
    key = key_of(
        EVALUATE_SEED,
        hash_of_file(folder / recogniser.WEIGHTS),
        values_of(card, settings, metrics),
        inputs.for_evaluation(speakers.reported),
        inputs.for_evaluation(speakers.choosing),
        inputs.for_evaluation(speakers.training),
        speakers.values(),
        rows=rows_of(card, settings, metrics),
    )
    compute = Call.of(
        EVALUATE_SEED,
        card=card,
        folder=folder,
        speakers=speakers,
        settings=settings,
        metrics=metrics,
        device=device,
        preload_bytes=params.execution.preload_bytes,
    )
    return Job(
        f"{name}, seed {seed}",
        key,
        compute,
        size=len(speakers.reported) + len(speakers.choosing),
        needs=Needs(settings.threads, gpu=device == "cuda"),
        stage="evaluate",
        steps=len(speakers.reported) + len(speakers.choosing),
    )


def publish_evaluation(name: str, seeds: list[int], results: list[Result]) -> None:
    """Write the tables of all seeds as one, with the model's name."""
    for table in TABLES:
        # Traces are of the first seed: one line a video is what a person can read.
        chosen = results[:1] if table == "traces" else results
        _write(name, table, [_read(result / f"{table}.csv") for result in chosen])
    _write(name, "training", [_history(name, seed) for seed in seeds])
    calibrations = {
        str(seed): json.loads((result / CALIBRATION).read_text())
        for seed, result in zip(seeds, results, strict=True)
    }
    content = json.dumps(calibrations, indent=1) + "\n"
    fresh(RESULTS / TRUST / f"{name}.json").write_text(content)
    for table, columns in ((REPLICATES, [REPLICATES]), (GROUPS, [REPLICATES, PERMUTED])):
        of_seeds = [_read_parquet(result / f"{table}.parquet") for result in results]
        out = fresh(RESULTS / table / f"{name}.parquet")
        mean_over_seeds(of_seeds, columns).to_parquet(out, index=False)


def _history(name: str, seed: int) -> pd.DataFrame:
    """A row per epoch; none of a model that was not trained here."""
    path = MODELS / name / f"seed-{seed}" / recogniser.HISTORY
    columns = ["epoch", "train_loss", "heldout", "heldout_loss", "best"]
    history = _read(path) if path.exists() else pd.DataFrame(columns=columns)
    history.insert(0, "seed", str(seed))
    return history


def _read(file: File) -> pd.DataFrame:
    return pd.read_csv(BytesIO(file.read_bytes()), dtype=str, keep_default_na=False)


def _read_parquet(file: File) -> pd.DataFrame:
    return pd.read_parquet(BytesIO(file.read_bytes()))


def _write(name: str, table: str, frames: list[pd.DataFrame]) -> None:
    content = pd.concat(frames)
    content.insert(0, "model", name)
    content.to_csv(fresh(RESULTS / table / f"{name}.csv"), index=False)


if __name__ == "__main__":
    main()
