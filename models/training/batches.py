"""The order in which clips are learnt from, and what is lost of them."""

from collections.abc import Sequence

import torch

from models.ablation.draws import stream
from models.ablation.frame_map import Lost, LostRows
from models.ablation.signal import filling_of_rows, gathered, lost_rows
from models.ablation.strategies import copies, filling, lost_steps
from models.settings import Ablation, Modality
from models.training.batch import Batch
from models.training.data import ClipData
from models.training.phases import Lossy


def epoch_batches(
    training: ClipData, size: int, seed: int, epoch: int, speakers: int | None = None
) -> list[list[int]]:
    """All clips in a random order that depends on seed and epoch alone.

    A last sequence by itself joins the batch before it: of one label there is no CCC to learn from.

    Args:
        training: the clips.
        size: clips a batch.
        seed: of the order, with the epoch.
        epoch: see seed.
        speakers: so many in a batch, `size / speakers` clips of each; None for clips of anybody.
    """
    generator = torch.Generator().manual_seed(stream(seed, "order", epoch))
    order = torch.randperm(len(training.clips), generator=generator).tolist()
    if speakers is not None:
        order = _in_turn([training.speaker(i) for i in order], order, size // speakers)
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    if training.task.level == "sequence" and len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [batches[-2] + batches[-1]]
    return batches


def _in_turn(speakers: Sequence[str], order: Sequence[int], count: int) -> list[int]:
    """Clips in rounds, in each of which every speaker has up to `count` of those that are left.

    >>> _in_turn(["a", "b", "a", "a"], [7, 5, 2, 4], 2)
    [7, 2, 5, 4]
    """
    of_speaker: dict[str, list[int]] = {}
    for speaker, clip in zip(speakers, order, strict=True):
        of_speaker.setdefault(speaker, []).append(clip)
    longest = max(map(len, of_speaker.values()), default=0)
    return [
        clip
        for start in range(0, longest, count)
        for clips in of_speaker.values()
        for clip in clips[start : start + count]
    ]


def lose(batch: Batch, ablation: Ablation, key: tuple[object, ...]) -> Lossy:
    """A batch with what each modality of it loses, copied where the strategy has copies.

    Args:
        batch: the samples.
        ablation: what is taken away.
        key: of the random numbers.
    """
    whole = batch.repeated(copies(ablation))
    lost = {modality: _lost(whole, ablation, modality, key) for modality in whole.streams}
    return Lossy(whole, whole.inputs(), {m: part for m, part in lost.items() if part is not None})


def _lost(
    batch: Batch, ablation: Ablation, modality: Modality, key: tuple[object, ...]
) -> Lost | LostRows | None:
    """What one modality loses; None for nothing."""
    if ablation.unit == "signal":
        rows = lost_rows(ablation, modality, batch, key)
        if rows is None:
            return None
        return gathered(batch.streams[modality], rows, filling_of_rows(rows, modality, batch, key))
    steps = lost_steps(ablation, modality, batch, key)
    return None if steps is None else Lost(steps, filling(steps, modality, batch, key))
