"""Splits by speaker: nobody is in two of them."""

from collections.abc import Iterable

import numpy as np

from features.corpora.item import Split
from features.corpora.settings import SplitSettings


def draw_splits(speakers: Iterable[str], settings: SplitSettings) -> dict[str, Split]:
    """Deal speakers to splits at random; the same seed gives the same splits.

    At least one trains; where there are enough, each split asked for has one and two train.
    """
    names = np.random.default_rng(settings.seed).permutation(sorted(set(speakers)))
    test = max(round(settings.test * len(names)), int(settings.test > 0 and len(names) > 2))
    test = min(test, len(names) - 1)
    least = int(settings.validation > 0 and len(names) > 3)
    validation = max(round(settings.validation * len(names)), least)
    validation = min(validation, len(names) - test - 1)
    counts: dict[Split, int] = {"validation": validation, "test": test}
    counts["train"] = len(names) - sum(counts.values())
    dealt = [part for part, count in counts.items() for _ in range(count)]
    return dict(zip(names.tolist(), dealt, strict=True))
