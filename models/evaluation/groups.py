"""Scores by group of people, where nothing is lost and where each modality is gone.

A column of groups tells items apart: by the sex of the speaker, by the room. Two questions are
asked of it, with speakers as the unit, for clips of one person are alike. How sure is a group's
score: a bootstrap over speakers. Would groups that mean nothing differ as much: a permutation of
the groups, over speakers; where a speaker has items in several groups (rooms), among the parts of
each speaker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.corpora.listing import REPLICATES
from features.task import Task
from models.evaluation import statistics
from models.evaluation.conditions import NAMED, Run
from models.evaluation.plan import Groups
from models.evaluation.replicates import RESAMPLES, RESAMPLING_SEED
from models.evaluation.scores import Scores, pooled, stacked

PERMUTED = "permuted"
"""A column: the scores of a group in every permutation."""
LOST = {"none": NAMED[0], "audio": NAMED[1], "video": NAMED[2]}
"""What is gone throughout, and the condition that is scored."""
SPEAKERS_NEEDED = 5
"""Groups with fewer are scored, and compared with no other: two groups of five can be dealt in 252
ways, of four in 70."""
COLUMNS = (
    *("column", "group", "lost", "target", "items", "speakers", "n", "compared"),
    *(REPLICATES, PERMUTED),
)


@dataclass(frozen=True)
class _Parts:
    """The items of one speaker and one group each, pooled.

    Attributes:
        scores: of every part, on a first axis.
        speakers: (parts,) number of the speaker of each.
        groups: (parts,) number of the group of each.
        names: of the groups.
        items: of each group.
    """

    scores: Scores
    speakers: NDArray[np.int64]
    groups: NDArray[np.int64]
    names: Sequence[str]
    items: Sequence[int]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(groups,) speakers of each group."""
        return np.array([len(set(self.speakers[self.groups == g])) for g in self._numbers])

    @property
    def compared(self) -> NDArray[np.bool_]:
        """(groups,) which have speakers enough; none where fewer than two have."""
        enough = self.sizes >= SPEAKERS_NEEDED
        return enough & (enough.sum() > 1)

    @property
    def _numbers(self) -> range:
        return range(len(self.names))

    def resampled(self, metric: str) -> list[NDArray[np.float64]]:
        """Of each group (1 + RESAMPLES, lost, targets): as it is, and over speakers drawn."""
        count = int(self.speakers.max()) + 1
        drawn = statistics.resamples(count, RESAMPLES, RESAMPLING_SEED)
        weights = np.vstack([np.ones((1, count)), drawn])[:, self.speakers]
        return [self._scored(weights * (self.groups == g), metric) for g in self._numbers]

    def permuted(self, metric: str) -> list[NDArray[np.float64]]:
        """Of each group (RESAMPLES, lost, targets); NaN of those that are not compared."""
        taken = np.flatnonzero(self.compared[self.groups])
        speakers, groups = self.speakers[taken], self.groups[taken]
        # Those who are in several groups keep their parts, those who are in one are exchanged.
        several = len(set(speakers)) < len(speakers)
        among = speakers if several else np.zeros_like(speakers)
        shuffled = np.full((RESAMPLES, len(self.groups)), -1)
        shuffled[:, taken] = statistics.permutations(groups, among, RESAMPLES, RESAMPLING_SEED)
        return [
            self._scored((shuffled == g).astype(np.float64), metric, empty=not self.compared[g])
            for g in self._numbers
        ]

    def _scored(
        self, weights: NDArray[np.float64], metric: str, *, empty: bool = False
    ) -> NDArray[np.float64]:
        values = self.scores.weighted(weights).values()[metric]
        return np.full_like(values, np.nan) if empty else values


def scores_of_groups(
    task: Task,
    runs: Sequence[Run],
    scores: Mapping[str, Scores],
    groups: Groups,
    speaker_of: Mapping[str, str],
) -> pd.DataFrame:
    """The primary metric of everybody and of every group, with its bootstrap and permutations.

    Args:
        task: what was recognised.
        runs: those of LOST among them.
        scores: (runs, targets) by item.
        groups: by column and item.
        speaker_of: the speaker of each item.

    Returns:
        One row per column, group, what is `lost` and target, with `items`, `speakers`, labels `n`,
        whether it is `compared` with others, REPLICATES (1 + RESAMPLES values, the first of the
        speakers as they are) and PERMUTED (RESAMPLES values, NaN where it is not compared). The
        first group, in a column without a name, is everybody; no rows where there are no columns.
    """
    labelled = [item for item, kept in scores.items() if kept.n.any()]
    if not groups or not labelled:
        return pd.DataFrame(columns=list(COLUMNS))
    everybody = dict.fromkeys(labelled, "everybody")
    tables = [_rows(task, runs, scores, "", everybody, speaker_of)]
    for column, values in groups.items():
        known = {item: values[item] for item in labelled if values.get(item)}
        if known:
            tables.append(_rows(task, runs, scores, column, known, speaker_of))
    return pd.concat(tables, ignore_index=True)


def _rows(
    task: Task,
    runs: Sequence[Run],
    scores: Mapping[str, Scores],
    column: str,
    known: Mapping[str, str],
    speaker_of: Mapping[str, str],
) -> pd.DataFrame:
    """The rows of one column."""
    places = [next(i for i, r in enumerate(runs) if r.condition == c) for c in LOST.values()]
    parts = _parts(scores, known, speaker_of, places)
    metric, *_ = parts.scores.metrics
    pairs = zip(parts.resampled(metric), parts.permuted(metric), strict=True)
    counts = parts.scores.weighted(np.eye(len(parts.names))[:, parts.groups]).n
    rows = []
    for g, (drawn, permuted) in enumerate(pairs):
        for place, lost in enumerate(LOST):
            for t, target in enumerate(task.targets):
                rows.append(
                    {
                        "column": column,
                        "group": parts.names[g],
                        "lost": lost,
                        "target": target,
                        "items": parts.items[g],
                        "speakers": int(parts.sizes[g]),
                        "n": int(counts[g, place, t]),
                        "compared": int(parts.compared[g]),
                        REPLICATES: drawn[:, place, t].astype(np.float32),
                        PERMUTED: permuted[:, place, t].astype(np.float32),
                    }
                )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _parts(
    scores: Mapping[str, Scores],
    known: Mapping[str, str],
    speaker_of: Mapping[str, str],
    places: Sequence[int],
) -> _Parts:
    """The items of a column, pooled by speaker and group."""
    pools: dict[tuple[str, str], list[Scores]] = {}
    for item in sorted(known):
        pools.setdefault((speaker_of[item], known[item]), []).append(scores[item])
    names, speakers = sorted(set(known.values())), sorted({speaker for speaker, _ in pools})
    chosen = stacked([pooled(part) for part in pools.values()], places)
    return _Parts(
        chosen,
        np.array([speakers.index(speaker) for speaker, _ in pools]),
        np.array([names.index(group) for _, group in pools]),
        names,
        [sum(group == name for group in known.values()) for name in names],
    )
