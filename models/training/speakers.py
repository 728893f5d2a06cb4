"""Which items are learnt from, and which choose the epoch."""

from collections.abc import Sequence

import numpy as np

from features.errors import InputError
from models.settings.training import Heldout
from models.training.stores import Listed


def training_items(items: Sequence[Listed], heldout: Heldout) -> list[Listed]:
    """The labelled items to learn from and to choose the epoch by.

    Raises:
        InputError: no item is left to learn from.
    """
    splits = ("train", "validation") if heldout == "validation" else ("train",)
    chosen = [item for item in items if item.split in splits and item.labelled]
    if not any(item.split == "train" for item in chosen):
        raise InputError("no item of the train split has labels", "add labels to the corpus")
    return chosen


def parts(items: Sequence[Listed], heldout: Heldout, seed: int) -> tuple[list[str], list[str]]:
    """Names of the items to learn from and of those to choose the epoch by, if any is to.

    Raises:
        InputError: no item is left to choose the epoch by.
    """
    if heldout == "none":
        return [item.item for item in items], []
    if heldout != "validation":
        return split_speakers(items, heldout, seed)
    learning, chosen_by = (
        [item.item for item in items if item.split == split] for split in ("train", "validation")
    )
    if not chosen_by:
        raise InputError(
            "train.heldout is validation, and no labelled item is in that split",
            "make it a share of the training speakers",
        )
    return learning, chosen_by


def split_speakers(items: Sequence[Listed], share: float, seed: int) -> tuple[list[str], list[str]]:
    """Names likewise; whole speakers are held out, drawn by the seed.

    At least one speaker is held out, and at least one is left.

    Raises:
        InputError: there is only one training speaker.
    """
    speakers = sorted({item.speaker for item in items})
    if len(speakers) < 2:
        raise InputError(
            "train.heldout needs two training speakers, and the corpus has one", "add a speaker"
        )
    count = min(max(1, round(share * len(speakers))), len(speakers) - 1)
    heldout = set(np.random.default_rng(seed).permutation(speakers)[:count].tolist())
    learning = [item.item for item in items if item.speaker not in heldout]
    return learning, [item.item for item in items if item.speaker in heldout]
