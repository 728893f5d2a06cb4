"""Losses of a stream's rows, before the context around a frame is gathered from them.

So a lost sound lacks in every context that it is part of, as behind a dead microphone; where whole
input vectors are lost instead (Parthasarathy and Sundaram 2020), the neighbours of a lost frame
still hold nearly all of its 2 s of sound. A row takes the fate of the frame that contains its
centre, and the fates of the frames before a clip are those that the clips there have.
"""

from dataclasses import replace

import torch
from torch import Tensor

from models.ablation.frame_map import FrameMap, LostRows
from models.ablation.operators import Draws
from models.ablation.strategies import draw, lost_steps, once
from models.settings import Ablation, Modality
from models.training.batch import Batch, StreamBatch


def lost_rows(
    ablation: Ablation, modality: Modality, batch: Batch, key: tuple[object, ...]
) -> FrameMap | None:
    """What becomes of every row of a modality, (clips, rows).

    Args:
        ablation: what is taken away.
        modality: of the rows; None is returned where the ablation leaves it alone.
        batch: the clips.
        key: of the draws.
    """
    part = batch.streams[modality]
    if not part.aligned:
        steps = lost_steps(ablation, modality, batch, key)
        return None if steps is None else steps.at(part.places.frame)
    frame_map = draw(ablation, modality, _draws_of_all(ablation, batch, part, key))
    if frame_map is None:
        return None
    clips, count, length = part.places.mask.shape
    # (clips · G, L) to (clips, G · L): frames are counted from the earliest clip's first.
    offset = torch.arange(count, device=frame_map.source.device)[:, None] * length
    gain = frame_map.gain
    whole = replace(
        frame_map,
        source=(frame_map.source.unflatten(0, (clips, count)) + offset).flatten(1),
        empty=frame_map.empty.reshape(clips, count * length),
        gain=None if gain is None else gain.expand(-1, length).reshape(clips, count * length),
    )
    rows = whole.at(part.places.frame)
    if rows.filling != "blank":
        return rows
    # A blank face comes in place of a face alone.
    return replace(rows, empty=rows.empty & part.places.present)


def _draws_of_all(
    ablation: Ablation, batch: Batch, part: StreamBatch, key: tuple[object, ...]
) -> Draws:
    """The random numbers of the clips and of all others of whose rows they see some."""
    places = part.places
    is_once = ablation.drawn == "once"
    return Draws(
        once(key) if is_once else key,
        batch.item.repeat_interleave(places.first.shape[1]),
        places.first.flatten(),
        places.mask.flatten(0, 1),
        of_items=is_once,
    )


def filling_of_rows(
    rows: FrameMap, modality: Modality, batch: Batch, key: tuple[object, ...]
) -> Tensor | None:
    """What stands in place of empty rows, as `models.ablation.strategies.filling`.

    Raises:
        ValueError: a blank face is wanted, and the corpus has none.
    """
    match rows.filling:
        case "noise":
            part = batch.streams[modality]
            first, everything = part.places.number - 1, torch.ones_like(rows.empty)
            draws = Draws(key, batch.item, first, everything)
            return draws.noise(rows.empty.any(1), part.rows.shape[2], modality, "noise")
        case "blank":
            if batch.blank is None:
                raise ValueError("the features of a blank face are not known")
            return batch.blank
        case _:
            return None


def gathered(part: StreamBatch, rows: FrameMap, filling: Tensor | None) -> LostRows:
    """The steps of a stream whose rows have been lost."""
    copies = len(rows.empty) // len(part.rows)
    is_copy = filling is None and rows.gain is None and rows.blend is None
    shown = part.rows if is_copy else part.rows.float()
    lossy = replace(
        part,
        rows=rows.apply(shown.repeat(copies, 1, 1) if copies > 1 else shown, filling),
        index=part.index.repeat(copies, 1, 1) if copies > 1 else part.index,
    )
    return LostRows(lossy.inputs(), received(part, rows))


def received(part: StreamBatch, rows: FrameMap) -> Tensor:
    """Which steps there are after a loss of rows, (clips, steps) bool.

    A step is there if the row at its own time is: the sound or picture of that moment.
    """
    copies = len(rows.empty) // len(part.index)
    at = part.index[..., part.column].repeat(copies, 1)
    before, after = part.places.present, rows.present(part.places.present)
    earlier, later = before.gather(1, at), after.gather(1, at)
    return torch.where(earlier == later, part.present, later) & part.mask
