"""Whether the recommended model is as good as the best of the published strategies, everywhere."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

CHAMPION = "lacuna"
RIVALS = ("baseline", "clip_zero", "frame_zero", "frame_repeat")
"""The strategies of Parthasarathy and Sundaram 2020."""
AUDIO_ONLY = "audio_only"
METRIC = "ccc"
TOLERANCE = 0.002
LEAD = 0.03
"""How far the champion's mean should be ahead of the best rival's."""
CONDITION = ["modality", "strategy", "p", "burst"]


@dataclass(frozen=True)
class Comparison:
    """The champion against its rivals, by the mean of the targets and of the seeds.

    Attributes:
        table: a row per condition: `champion`, `best` of the rivals, its name `rival`, `ahead`, the
            difference, and `audio_only`.
        mean_ahead: how far the champion's mean over all conditions is ahead of the best rival's.
        seeds: how many there are.
    """

    table: pd.DataFrame
    mean_ahead: float
    seeds: int


def compare(evaluation: Path) -> Comparison | None:
    """Compare the champion with its rivals where lost frames stay lost, on all labels.

    Args:
        evaluation: folder of the evaluations, a file per model.

    Returns:
        None where one of these models, or CCC, or such a condition is missing.
    """
    models = (CHAMPION, *RIVALS, AUDIO_ONLY)
    files = {model: evaluation / f"{model}.csv" for model in models}
    if not all(file.exists() for file in files.values()):
        return None
    if METRIC not in pd.read_csv(files[CHAMPION], nrows=0):
        return None
    tables = {
        model: pd.read_csv(file, keep_default_na=False, na_values={METRIC: [""]}).query(
            "subset == 'all' and fill == 'none'"
        )
        for model, file in files.items()
    }
    if tables[CHAMPION].empty:
        return None
    means = pd.DataFrame(
        {model: table.groupby(CONDITION)[METRIC].mean() for model, table in tables.items()}
    )
    rivals = means[list(RIVALS)]
    best = rivals.max(axis=1)
    table = pd.DataFrame(
        {
            "champion": means[CHAMPION],
            "best": best,
            "rival": rivals.idxmax(axis=1),
            "ahead": means[CHAMPION] - best,
            AUDIO_ONLY: means[AUDIO_ONLY],
        }
    ).reset_index()
    mean_ahead = means[CHAMPION].mean() - rivals.mean().max()
    return Comparison(table, float(mean_ahead), tables[CHAMPION]["seed"].nunique())


def verdict(found: Comparison) -> list[str]:
    """What came out, sentence by sentence."""
    table = found.table
    level = int((table["ahead"] >= -TOLERANCE).sum())
    worst = table.sort_values("ahead").iloc[0]
    behind = (
        f"furthest behind by {-worst['ahead']:.3f} under {worst['strategy']} of "
        f"{worst['modality']}, p = {worst['p']:g}"
        if worst["ahead"] < 0
        else "behind in none"
    )
    is_met = "is" if found.mean_ahead >= LEAD else "is not"
    sentences = [
        f"{CHAMPION} is within {TOLERANCE} of the best published strategy, or ahead of it, in "
        f"{level} of {len(table)} conditions (mean of {found.seeds} seeds); {behind}.",
        f"Its mean over all conditions is {found.mean_ahead:+.3f} from the best rival's, which "
        f"{is_met} the {LEAD} ahead that is asked of it.",
    ]
    intact = table.loc[table["p"] == 0, "ahead"]
    if len(intact):
        sentences.append(f"Its intact result is {intact.mean():+.3f} from the best rival's.")
    gone = table.query("modality == 'video' and strategy == 'clip_zero' and p == 1")
    if len(gone):
        sentences.append(
            f"Where the picture is gone it reaches {gone['champion'].mean():.3f}, audio alone "
            f"{gone[AUDIO_ONLY].mean():.3f}."
        )
    return sentences
