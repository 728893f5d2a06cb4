"""The order in which clips are learnt from, and what is lost of them."""

from collections.abc import Sequence

import torch

from models.ablation.draws import stream
from models.ablation.frame_map import Lost
from models.ablation.strategies import copies, draw, filling
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
    lost: dict[Modality, Lost] = {}
    for modality in whole.received():
        frame_map = draw(ablation, modality, whole.draws(*key, modality=modality))
        if frame_map is not None:
            lost[modality] = Lost(frame_map, filling(frame_map, modality, whole, key))
    return Lossy(whole, whole.inputs(), lost)
