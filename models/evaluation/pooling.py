"""The results of all seeds of a model as one, without its name."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pandas as pd

from features.corpora.listing import CALIBRATION, GROUPS, REPLICATES, TRUST
from features.files import File, Files
from models.evaluation.groups import PERMUTED
from models.evaluation.replicates import mean_over_seeds


def pool_seeds(out: Path, *, seeds: Sequence[int], results: Sequence[Files]) -> None:
    """Write a model's bootstraps, means over its seeds, and what its seeds are worth.

    Args:
        out: folder for them.
        seeds: numbers of the seeds.
        results: what `models.evaluation.run.evaluate_seed` wrote of each.
    """
    for table, columns in ((REPLICATES, [REPLICATES]), (GROUPS, [REPLICATES, PERMUTED])):
        file = f"{table}.parquet"
        of_seeds = [_read(result / file) for result in results]
        mean_over_seeds(of_seeds, columns).to_parquet(out / file, index=False)
    calibrations = {
        str(seed): json.loads((result / CALIBRATION).read_text())
        for seed, result in zip(seeds, results, strict=True)
    }
    (out / f"{TRUST}.json").write_text(json.dumps(calibrations, indent=1) + "\n")


def _read(file: File) -> pd.DataFrame:
    return pd.read_parquet(BytesIO(file.read_bytes()))
