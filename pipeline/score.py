"""Score predictions that any code has made under the conditions of `evaluate`.

The table has a row per item, frame, condition and trial, as `python -m pipeline.losses` names
them; docs/own-predictions.md describes its columns.
"""

import argparse
import re
from pathlib import Path

import pandas as pd

from features.corpora.listing import REPLICATES
from features.corpora.table import MOST_BYTES, read_table
from features.errors import InputError
from features.files import whole
from models import recogniser
from models.evaluation.conditions import all_conditions, grid
from models.evaluation.registry import metrics_of
from models.evaluation.replicates import mean_over_seeds
from models.settings import EvaluateSettings
from models.training.data import ClipData
from models.training.stores import open_stores, read_inputs
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors
from pipeline.evaluate import evaluated_speakers
from pipeline.params import load_params
from pipeline.predict import writing_to

NAME = re.compile(r"\w[\w.+-]{0,99}")
"""What a model can be named, as files are named after it."""


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.score", description=__doc__)
    parser.add_argument("table", type=Path, help="predictions: .csv or .parquet")
    parser.add_argument("--out", type=Path, required=True, help="folder for tables and figures")
    options = parser.parse_args()
    with stage_errors(goes_on=False):
        params = load_params()
        items = evaluated_speakers(read_inputs(next(iter(params.models))), params.evaluate).reported
        data = recogniser.clips_of(open_stores(()), items)
        table = read_predictions(options.table)
        with writing_to(options.out):
            files = score_table(table, data, params.evaluate, options.out)
        say(f"wrote {', '.join(map(str, files))}")


def read_predictions(file: Path) -> pd.DataFrame:
    """The table of a CSV or Parquet file.

    Raises:
        InputError: the file is neither, or cannot be read.
    """
    if file.suffix == ".parquet":
        try:
            return pd.read_parquet(file)
        except (OSError, ValueError) as error:
            raise InputError(f"{file} is not a readable Parquet file", "write it again") from error
    if file.suffix != ".csv":
        raise InputError(f"{file} is neither .csv nor .parquet", "give one of them")
    if file.is_file() and file.stat().st_size > MOST_BYTES:
        reason = f"{file} has more than the {MOST_BYTES >> 20} MiB that a CSV may have"
        raise InputError(reason, "write it as .parquet")
    return read_table(file)


def score_table(
    table: pd.DataFrame, data: ClipData, settings: EvaluateSettings, out: Path
) -> list[Path]:
    """Score a table of predictions, and write `evaluation/`, `replicates/` and what is shown.

    Args:
        table: as `models.evaluation.given_predictions.predictions_in` takes it.
        data: the items that results are of.
        settings: the conditions.
        out: the folder.

    Returns:
        The files that were written.

    Raises:
        InputError: the table is not complete, or has what does not exist.
    """
    from models.evaluation.given_predictions import predictions_in, tables_of_given
    from reports.scored import write_scored

    metrics = metrics_of(data.task)
    evaluations: dict[str, list[pd.DataFrame]] = {}
    replicates: dict[str, list[pd.DataFrame]] = {}
    for given in predictions_in(table, data, all_conditions(settings), settings.trials):
        if not NAME.fullmatch(given.model):
            raise InputError(f"model {given.model!r} is no name for a file", "rename it")
        scored, resampled = tables_of_given(
            given, data, asked=grid(settings), metrics=metrics, batch_clips=settings.batch_clips
        )
        scored.insert(0, "seed", given.seed)
        scored.insert(0, "model", given.model)
        evaluations.setdefault(given.model, []).append(scored)
        replicates.setdefault(given.model, []).append(resampled)
    for kind in ("evaluation", REPLICATES):
        (out / kind).mkdir(parents=True, exist_ok=True)
    files = []
    for model, tables in evaluations.items():
        files.append(out / "evaluation" / f"{model}.csv")
        with whole(files[-1]) as place:
            pd.concat(tables).to_csv(place, index=False, float_format="%.6g")
        resamples = mean_over_seeds(replicates[model])
        resamples.insert(0, "model", model)
        with whole(out / REPLICATES / f"{model}.parquet") as place:
            resamples.to_parquet(place, index=False)
    every = pd.concat([part for tables in evaluations.values() for part in tables])
    return [*files, *write_scored(out, every.reset_index(drop=True), data.task)]


if __name__ == "__main__":
    main()
