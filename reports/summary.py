"""Means, standard deviations and counts of what the evaluations measured."""

import pandas as pd

INTACT, VIDEO_GONE, AUDIO_GONE, MEAN = "intact", "video_gone", "audio_gone", "mean"
HEADLINES = (INTACT, VIDEO_GONE, AUDIO_GONE, MEAN)
CONDITION = ["modality", "strategy", "p"]
TRACE_ITEMS, TRACE_SECONDS = 3, 60.0


def conditions(evaluation: pd.DataFrame) -> pd.DataFrame:
    """Mean CCC of every model under every condition.

    Args:
        evaluation: rows of `Results.evaluation`.

    Returns:
        One row per model, modality, strategy, p and target, with `ccc` (mean over seeds and
        trials), `sd` (sample standard deviation over the same values, NaN for one) and `n` (their
        number). A CCC that is undefined (NaN) is left out of all three.
    """
    groups = evaluation.groupby(["model", *CONDITION, "target"], sort=False)["ccc"]
    return groups.agg(ccc="mean", sd="std", n="count").reset_index()


def headline(evaluation: pd.DataFrame) -> pd.DataFrame:
    """Four numbers per model and target: the two modalities there, one gone, the mean.

    `intact` is p = 0; `video_gone` and `audio_gone` are clip_zero at p = 1; `mean` is over the
    conditions of the run (each once, whatever its trials), and left out for a model that lacks one.

    Args:
        evaluation: rows of `Results.evaluation`.

    Returns:
        One row per model, target and `headline`, with `ccc` (mean over seeds of the seed's mean
        over trials), `sd` (over seeds) and `n` (seeds).
    """
    by = ["model", "seed", "target"]
    cell = evaluation.groupby([*by, *CONDITION], sort=False)["ccc"].mean().reset_index()
    gone = cell[(cell["strategy"] == "clip_zero") & (cell["p"] == 1)]
    whole = cell.groupby(by)["ccc"].transform("count") == len(cell.drop_duplicates(CONDITION))
    parts = {
        INTACT: cell[cell["p"] == 0],
        VIDEO_GONE: gone[gone["modality"] == "video"],
        AUDIO_GONE: gone[gone["modality"] == "audio"],
        MEAN: cell[whole],
    }
    per_seed = pd.concat(
        [
            part.groupby(by, sort=False)["ccc"].mean().reset_index().assign(headline=name)
            for name, part in parts.items()
        ]
    )
    groups = per_seed.groupby(["model", "target", "headline"], sort=False)["ccc"]
    return groups.agg(ccc="mean", sd="std", n="count").reset_index()


def metrics(headlines: pd.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    """The headline numbers as nested dictionaries: model, target, headline.

    Args:
        headlines: what `headline` returned.

    Returns:
        CCC rounded to 4 digits; a number that does not exist has no key.
    """
    nested: dict[str, dict[str, dict[str, float]]] = {}
    rows = headlines.dropna(subset="ccc")[["model", "target", "headline", "ccc"]]
    for model, target, name, ccc in rows.itertuples(index=False, name=None):
        nested.setdefault(model, {}).setdefault(target, {})[name] = round(ccc, 4)
    return nested


def mean_videos(videos: pd.DataFrame) -> pd.DataFrame:
    """CCC of every video: mean over seeds per model, item and target; undefined ones dropped."""
    groups = videos.groupby(["model", "item", "target"], sort=False)["ccc"]
    return groups.mean().dropna().reset_index()


def shown_traces(traces: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The traces to draw: the items in which face and sound come and go the most.

    They are chosen by the variance of the two presence flags over the first `TRACE_SECONDS`, not
    by any prediction.

    Args:
        traces: rows of `Results.traces`.

    Returns:
        For up to `TRACE_ITEMS` items the rows of their first `TRACE_SECONDS`.
    """
    start = traces.groupby("item")["time"].transform("min")
    early = traces[traces["time"] - start < TRACE_SECONDS]
    flags = early.groupby("item")[["face_present", "sound_present"]]
    varied = flags.var(ddof=0).sum(axis=1).sort_values(ascending=False, kind="stable")
    return {str(item): early[early["item"] == item] for item in varied.index[:TRACE_ITEMS]}
