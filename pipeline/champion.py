"""Whether the recommended model is as good as the best of the published strategies, everywhere."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

CHAMPION = "lacuna"
RIVALS = ("baseline", "clip_zero", "frame_zero", "frame_repeat")
"""The strategies of Parthasarathy and Sundaram 2020."""
AUDIO_ONLY = "audio_only"
TOLERANCE = 0.002
CONDITION = ["modality", "strategy", "p", "burst", "fill"]


@dataclass(frozen=True)
class Comparison:
    """The champion against its rivals, by the mean of the targets and of the seeds.

    Attributes:
        table: a row per condition: `champion`, `best` of the rivals, its name `rival`, and
            `ahead`, the difference.
        mean_ahead: how far the champion's mean over all conditions is ahead of the best rival's.
        audio_alone: the audio-only model where the picture is gone altogether; NaN without one.
        seeds: how many there are.
    """

    table: pd.DataFrame
    mean_ahead: float
    audio_alone: float
    seeds: int


def compare(evaluation: Path, metric: str = "ccc") -> Comparison:
    """Compare the champion with its rivals.

    Args:
        evaluation: folder of the evaluations, a file per model.
        metric: the task's first.
    """
    models = (CHAMPION, *RIVALS, AUDIO_ONLY)
    files = {model: evaluation / f"{model}.csv" for model in models}
    tables = {
        model: pd.read_csv(file, keep_default_na=False, na_values={metric: [""]})
        for model, file in files.items()
        if file.exists()
    }
    means = pd.DataFrame(
        {
            model: table[table["subset"] == "all"].groupby(CONDITION)[metric].mean()
            for model, table in tables.items()
        }
    )
    rivals = means[[model for model in RIVALS if model in means]]
    table = pd.DataFrame(
        {
            "champion": means[CHAMPION],
            "best": rivals.max(axis=1),
            "rival": rivals.idxmax(axis=1),
            "ahead": means[CHAMPION] - rivals.max(axis=1),
        }
    ).reset_index()
    gone = table.query("modality == 'video' and strategy == 'clip_zero' and p == 1").index
    alone = means[AUDIO_ONLY].iloc[gone].mean() if AUDIO_ONLY in means else float("nan")
    return Comparison(
        table,
        float(means[CHAMPION].mean() - rivals.mean().max()),
        float(alone),
        tables[CHAMPION]["seed"].nunique(),
    )


def verdict(found: Comparison) -> str:
    """What came out, in four sentences."""
    table = found.table
    level = int((table["ahead"] >= -TOLERANCE).sum())
    worst = table.sort_values("ahead").iloc[0]
    intact = table.loc[table["p"] == 0, "ahead"].mean()
    gone = table.query("modality == 'video' and strategy == 'clip_zero' and p == 1")
    where = f"{worst['strategy']} of {worst['modality']}, p = {worst['p']:g}"
    return (
        f"{CHAMPION} is within {TOLERANCE} of the best published strategy, or ahead of it, in "
        f"{level} of {len(table)} conditions (mean of {found.seeds} seeds); furthest behind by "
        f"{-worst['ahead']:.3f} under {where}. "
        f"Its mean over all conditions is {found.mean_ahead:+.3f} from the best rival's, and its "
        f"intact result {intact:+.3f}. Where the picture is gone it reaches "
        f"{gone['champion'].mean():.3f}, audio alone {found.audio_alone:.3f}."
    )
