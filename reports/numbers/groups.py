"""Scores by group, and the largest gap between groups with its test."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.listing import REPLICATES
from features.errors import InputError
from models.evaluation import statistics
from models.evaluation.groups import COLUMNS, PERMUTED
from reports.numbers.schema import BY_GROUP, GAPS, GROUP_SCORES

LEVEL = 0.05
"""Of the adjusted p of a gap."""

Row = tuple[dict[str, Any], NDArray[np.float64], NDArray[np.float64]]
"""A group under a measure: what is known of it, its bootstrap, its permutations."""


def scores_by_group(folder: Path, models: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every group of every model, and test the largest gap of every column.

    Args:
        folder: of the tables that stage evaluate wrote, `<model>.parquet`.
        models: names of the models.

    Returns:
        The scores (`schema.GROUP_SCORES`): a row per model, column, group, target and measure, with
        the 95 % interval over speakers. The gaps (`schema.GAPS`): a row per model, column, target
        and measure, with the two groups between which it is, its interval, `p` of a permutation
        test of the largest gap, and `p_adjusted` (Holm, over all gaps of the model). No rows where
        the corpus has no columns of groups.

    Raises:
        InputError: a table is missing or malformed.
    """
    scores: list[dict[str, Any]] = []
    gaps: list[dict[str, Any]] = []
    for model in models:
        rows = [_measured(part) for part in _columns(_read(folder / f"{model}.parquet"))]
        scores += [{"model": model, **known, **_score(x)} for part in rows for known, x, _ in part]
        found = [{"model": model, **gap} for part in rows for gap in _gaps(part)]
        adjusted = statistics.holm([gap["p"] for gap in found])
        gaps += [
            {**gap, "p_adjusted": p, "significant": int(p < LEVEL)}
            for gap, p in zip(found, adjusted, strict=True)
        ]
    return (
        pd.DataFrame(scores, columns=list(GROUP_SCORES)),
        pd.DataFrame(gaps, columns=list(GAPS)),
    )


def _columns(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for _, part in table.groupby("column", sort=False):
        yield part


def _measured(table: pd.DataFrame) -> list[Row]:
    """Every group of one column under every measure."""
    rows: list[Row] = []
    for (column, group, target), part in table.groupby(["column", "group", "target"], sort=False):
        by_lost = {row["lost"]: row for row in part.to_dict("records")}
        first = by_lost["none"]
        counts = {name: int(first[name]) for name in ("items", "speakers", "n", "compared")}
        for measure, lost in BY_GROUP.items():
            drawn, permuted = (
                _difference([by_lost[name][kind] for name in lost])
                for kind in (REPLICATES, PERMUTED)
            )
            known = {"column": column, "group": group, "target": target, "measure": measure}
            rows.append(({**known, **counts}, drawn, permuted))
    return rows


def _difference(values: Sequence[Any]) -> NDArray[np.float64]:
    """Values as they are, or the first less the second."""
    first, *rest = (np.asarray(x, np.float64) for x in values)
    return first - sum(rest) if rest else first


def _score(drawn: NDArray[np.float64]) -> dict[str, float]:
    low, high = statistics.percentile_interval(drawn[1:])
    return {"value": float(drawn[0]), "low": float(low), "high": float(high)}


def _gaps(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """The largest gap of one column under every measure and target."""
    cells: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row[0]["compared"] and np.isfinite(row[1][0]):
            cells.setdefault((row[0]["target"], row[0]["measure"]), []).append(row)
    for (target, measure), compared in cells.items():
        if len(compared) < 2:
            continue
        top = max(compared, key=lambda row: row[1][0])
        bottom = min(compared, key=lambda row: row[1][0])
        difference = top[1] - bottom[1]
        permuted = np.stack([row[2] for row in compared])
        yield {
            "column": top[0]["column"],
            "target": target,
            "measure": measure,
            "higher": top[0]["group"],
            "lower": bottom[0]["group"],
            "groups": len(compared),
            **{"gap" if name == "value" else name: x for name, x in _score(difference).items()},
            "p": float(statistics.permutation_p(difference[0], permuted.max(0) - permuted.min(0))),
        }


def _read(path: Path) -> pd.DataFrame:
    remedy = f"run `dvc repro evaluate@{path.stem}`"
    try:
        return pd.read_parquet(path, columns=list(COLUMNS))
    except FileNotFoundError:
        raise InputError(f"{path} is missing", remedy) from None
    except (OSError, ValueError) as error:  # damaged, no such format, no such column
        raise InputError(f"{path} cannot be read: {error}", remedy) from None
