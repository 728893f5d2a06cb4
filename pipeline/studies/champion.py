"""Whether the recommended model is as good as the best of the published strategies, everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from pipeline.studies.tables import SPLIT

CHAMPION = "lacuna"
RIVALS = ("baseline", "clip_zero", "frame_zero", "frame_repeat")
"""The strategies of Parthasarathy and Sundaram 2020."""
ALIKE = tuple(f"{rival}_alike" for rival in RIVALS)
"""The same, trained as the champion is: with what the paper has not, and needs no loss to help."""
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
            difference, `ahead_sd`, its deviation over the seeds, and `audio_only`.
        mean_ahead: how far the champion's mean over all conditions is ahead of the best rival's.
        mean_ahead_sd: its deviation over the seeds.
        seeds: how many there are.
    """

    table: pd.DataFrame
    mean_ahead: float
    mean_ahead_sd: float
    seeds: int

    @property
    def level(self) -> int:
        """In how many conditions the champion is ahead of the best rival, or level with it."""
        return int((self.table["ahead"] >= -TOLERANCE).sum())


def compare(results: pd.DataFrame, rivals: Sequence[str] = RIVALS) -> Comparison | None:
    """Compare the champion with its rivals where lost frames stay lost, on all labels.

    Where there are several splits they stand for the seeds, and the seeds of one are its mean.

    Args:
        results: of all models (`tables.with_numbers`).
        rivals: names of the models that it is compared with.

    Returns:
        None where one of these models, or CCC, or such a condition is missing.
    """
    models = (CHAMPION, *rivals, AUDIO_ONLY)
    if METRIC not in results or not set(models) <= set(results["model"]):
        return None
    rows = results.query("asked == 1 and subset == 'all' and fill == 'none'")
    tables = {model: rows[rows["model"] == model] for model in models}
    if tables[CHAMPION].empty:
        return None
    unit = SPLIT if SPLIT in rows and rows[SPLIT].nunique() > 1 else "seed"
    by_seed = pd.DataFrame(
        {m: table.groupby([*CONDITION, unit])[METRIC].mean() for m, table in tables.items()}
    )
    means = by_seed.groupby(CONDITION).mean()
    best = means[list(rivals)].idxmax(axis=1)
    # Of every seed (the columns) the distance from the rival that is best by the mean of all seeds.
    wide = {m: values.unstack(unit) for m, values in by_seed.items()}
    lead = pd.concat([(wide[CHAMPION] - wide[rival])[best == rival] for rival in rivals])
    table = pd.DataFrame(
        {
            "champion": means[CHAMPION],
            "best": means[list(rivals)].max(axis=1),
            "rival": best,
            "ahead": lead.mean(axis=1),
            "ahead_sd": lead.std(axis=1),
            AUDIO_ONLY: means[AUDIO_ONLY],
        }
    ).reset_index()
    overall = by_seed.groupby(unit).mean()
    leads = overall[CHAMPION] - overall[means[list(rivals)].mean().idxmax()]
    return Comparison(table, float(leads.mean()), float(leads.std()), len(leads))


def verdict(comparison: Comparison, alike: Comparison | None = None) -> list[str]:
    """What came out, sentence by sentence.

    Args:
        comparison: with the published strategies.
        alike: that with the same strategies, trained as the champion is.
    """
    table = comparison.table
    worst = table.sort_values("ahead").iloc[0]
    behind = (
        f"furthest behind by {-worst['ahead']:.3f} under {worst['strategy']} of "
        f"{worst['modality']}, p = {worst['p']:g}"
        if worst["ahead"] < 0
        else "behind in none"
    )
    is_met = "is" if comparison.mean_ahead >= LEAD else "is not"
    sentences = [
        f"{CHAMPION} is within {TOLERANCE} of the best published strategy, or ahead of it, in "
        f"{comparison.level} of {len(table)} conditions (mean of {comparison.seeds} seeds); "
        f"{behind}.",
        f"Its mean over all conditions is {comparison.mean_ahead:+.3f}{_spread(comparison)} from "
        f"the best rival's, which {is_met} the {LEAD} ahead that is asked of it.",
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
    if alike is not None:
        sentences.append(
            f"Against the same strategies trained as it is (running mean of the weights, refit) it "
            f"is {alike.mean_ahead:+.3f}{_spread(alike)} in the mean, and level or ahead in "
            f"{alike.level} of {len(alike.table)} conditions."
        )
    return sentences


def _spread(comparison: Comparison) -> str:
    return f" (sd over seeds {comparison.mean_ahead_sd:.3f})" if comparison.seeds > 1 else ""
