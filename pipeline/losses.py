"""Write which frames every condition of `evaluate` takes away, as a table that other code can read.

So any recogniser can be evaluated on the losses that Lacuna's are; `python -m pipeline.score`
scores its predictions.
"""

import argparse
from pathlib import Path

import pandas as pd

from features.errors import InputError
from features.files import whole
from models import recogniser
from models.evaluation.conditions import all_conditions, runs_under
from models.settings import MODALITIES
from models.training.stores import open_stores, read_inputs
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors
from pipeline.evaluate import evaluated_speakers
from pipeline.params import Params, load_params
from pipeline.predict import writing_to


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.losses", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="table to write: .csv or .parquet")
    out: Path = parser.parse_args().out
    with stage_errors(goes_on=False):
        if out.suffix not in (".csv", ".parquet"):
            raise InputError(f"{out} is neither .csv nor .parquet", "name another file with --out")
        table = losses_of(load_params())
        with writing_to(out.parent):
            out.parent.mkdir(parents=True, exist_ok=True)
            with whole(out) as place:
                if out.suffix == ".csv":
                    table.to_csv(place, index=False)
                else:
                    table.to_parquet(place, index=False)
        say(f"wrote {out}: {len(table)} rows, {table['item'].nunique()} items")


def losses_of(params: Params) -> pd.DataFrame:
    """The lost frames of `evaluate.split`, with `evaluate_seed`, the seed of the draws.

    What fills gaps is of frames that the first stream of each modality received.

    Raises:
        InputError: a stage has not run, or the split is empty.
    """
    from models.evaluation.lost_frames import lost_frames

    settings, name = params.evaluate, next(iter(params.models))
    seen = [stream for model in params.models.values() for stream in model.sees]
    streams = [
        next((s for s in seen if params.streams[s].modality == modality), None)
        for modality in MODALITIES
    ]
    items = evaluated_speakers(read_inputs(name), settings).reported
    data = recogniser.clips_of(open_stores([s for s in streams if s]), items)
    runs = runs_under(all_conditions(settings), settings.trials)
    table = lost_frames(data, runs, seed=settings.seed, batch_clips=settings.batch_clips)
    table.insert(1, "evaluate_seed", settings.seed)
    return table


if __name__ == "__main__":
    main()
