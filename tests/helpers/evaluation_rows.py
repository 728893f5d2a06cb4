"""Rows of evaluations, written by hand."""

import pandas as pd

from reports.numbers.schema import CONDITION

ASKED = {
    "speakers": "reported",
    "asked": 1,
    "rates": "equal",
    "unit": "window",
    "drawn": "anew",
    "causal": 0,
}
"""Columns of a condition of the papers' kind, where results are reported."""

ONE_TRIAL = {"burst": 0.0, "fill": "none", "subset": "all", **ASKED, "trial": 0}
"""Likewise, with those of its only trial over all labels."""


def rows(
    model,
    seed,
    modality,
    strategy,
    p,
    *cccs,
    target="valence",
    burst=0.0,
    fill="none",
    subset="all",
    unit="window",
):
    """A row a trial of one condition, whose CCCs are given."""
    condition = (modality, strategy, p, "equal", burst, fill, unit, "anew", 0, subset)
    return [(model, seed, *condition, trial, target, ccc, 100) for trial, ccc in enumerate(cccs)]


def evaluation(*groups):
    """The rows as a table of evaluations."""
    names = ["model", "seed", *CONDITION, "trial", "target", "ccc", "n"]
    return pd.DataFrame([row for group in groups for row in group], columns=names)


def of_two_models():
    """Video lost for two models of two seeds; the second one was evaluated at p = 0 only."""
    return evaluation(
        rows("a", 0, "video", "clip_zero", 0.0, 0.5),
        rows("a", 1, "video", "clip_zero", 0.0, 0.7),
        rows("a", 0, "video", "clip_zero", 0.5, 0.2, 0.4),
        rows("a", 1, "video", "clip_zero", 0.5, 0.3, 0.5),
        rows("a", 0, "video", "clip_zero", 1.0, 0.0),
        rows("a", 1, "video", "clip_zero", 1.0, 0.2),
        rows("b", 0, "video", "clip_zero", 0.0, 0.6),
        rows("b", 1, "video", "clip_zero", 0.0, 0.6),
    )
