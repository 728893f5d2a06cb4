"""The frames that every run loses, as a table of stretches that other code can read."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from features.errors import InputError
from models.evaluation.conditions import Run
from models.evaluation.drawn import IMPUTED, steps_of_run
from models.settings import Modality
from models.settings.evaluation import FROM_TRAINING
from models.training.batch import Batch
from models.training.data import Clip, ClipData

CONDITION = ("modality", "strategy", "p", "rates", "burst", "fill", "unit", "drawn")
"""The columns that tell a condition apart, as in tables of results."""
SHOWN = ("nothing", "noise", "blank")
"""What the column `shown` can hold beside numbers of frames and the names of fillings."""
COLUMNS = (
    *("item", *CONDITION, "trial", "lost"),
    *("first_frame", "last_frame", "start", "end", "shown", "towards"),
)
_NOTHING_LOST = dict.fromkeys(COLUMNS[COLUMNS.index("lost") :])


def lost_frames(
    data: ClipData, runs: Sequence[Run], *, seed: int, batch_clips: int
) -> pd.DataFrame:
    """The stretches of frames that every run loses, those that evaluation loses.

    Args:
        data: the clips of the split; what fills gaps is of frames that its streams received.
        runs: trials of conditions.
        seed: of the draws.
        batch_clips: clips per batch; it changes nothing.

    Returns:
        COLUMNS: an item's stretch of frames with the same fate in the modality `lost`, by condition
        and trial. Frames count from 0; `start` and `end` are the times of the first and the last
        one in seconds. `shown` is what stands there: `nothing`, `noise`, a `blank` face, the number
        of the frame that is shown instead (with `towards`, a line from that frame to this one), or
        the name of a filling that frames cannot tell. A run that takes nothing from an item has one
        row, empty from `lost` on.

    Raises:
        InputError: a stream has a clock of its own.
    """
    rows: list[dict[str, Any]] = []
    clips = iter(data.clips)
    size = range(0, len(data.clips), batch_clips)
    batches = (range(start, min(start + batch_clips, len(data.clips))) for start in size)
    for batch in data.batches(batches, torch.device("cpu")):
        chosen = [next(clips) for _ in range(len(batch.item))]
        for number, run in enumerate(runs):
            rows += [{"run": number, **row} for row in _rows_of_run(batch, chosen, run, seed)]
    return _table(data, runs, rows)


def _rows_of_run(
    batch: Batch, clips: Sequence[Clip], run: Run, seed: int
) -> Iterator[dict[str, Any]]:
    """Stretches of frames, counted within the item."""
    for modality, part in batch.streams.items():
        if modality not in run.condition.modalities or run.condition.p == 0:
            continue
        if not part.aligned:
            reason = f"the stream of {modality} has a clock of its own, so it loses no frames"
            raise InputError(reason, "set align: frames")
        present = part.mask & part.present
        for clip, fates in zip(clips, _fates(batch, modality, run, seed, present), strict=True):
            yield from _stretches(clip, modality, fates[: clip.stop - clip.start])


def _fates(
    batch: Batch, modality: Modality, run: Run, seed: int, present: torch.Tensor
) -> list[list[tuple[Any, Any] | None]]:
    """What is shown of every frame of every clip, and towards which; None where it is itself."""
    condition = run.condition
    by_rule = condition.unit == "signal" and condition.fill in IMPUTED
    if by_rule:  # rows of the stream fill rows, across clips: no frame says which
        run = Run(replace(condition, fill="none"), run.trial)
    frame_map = steps_of_run(batch, modality, run, seed, present)
    rule = condition.fill if by_rule or condition.fill in FROM_TRAINING else None
    other = rule or {"zero": "nothing"}.get(frame_map.filling, frame_map.filling)
    first = batch.first[:, None]
    source = (frame_map.source + first).tolist()
    own = (torch.arange(frame_map.source.shape[1]) + first).tolist()
    blend = None if frame_map.blend is None else (frame_map.blend[0] + first).tolist()
    empty, received = frame_map.empty.tolist(), present.tolist()

    def fate(clip: int, place: int) -> tuple[Any, Any] | None:
        if empty[clip][place]:
            # What never was there is not filled.
            return ("nothing" if rule and not received[clip][place] else other), None
        if source[clip][place] == own[clip][place]:
            return None
        second = None if blend is None else blend[clip][place]
        return str(source[clip][place]), None if second == source[clip][place] else second

    return [[fate(c, place) for place in range(len(own[c]))] for c in range(len(own))]


def _stretches(
    clip: Clip, modality: Modality, fates: Sequence[tuple[Any, Any] | None]
) -> Iterator[dict[str, Any]]:
    start = 0
    for place in range(1, len(fates) + 1):
        if place < len(fates) and fates[place] == fates[start]:
            continue
        fate = fates[start]
        if fate is not None:
            first, last = clip.start + start, clip.start + place - 1
            ends = {"first_frame": first, "last_frame": last}
            shown = {"shown": fate[0], "towards": fate[1]}
            yield {"item": clip.item, "lost": modality, **ends, **shown}
        start = place


def _table(data: ClipData, runs: Sequence[Run], rows: list[dict[str, Any]]) -> pd.DataFrame:
    """All stretches in order, those joined that go on over the end of a clip."""
    names = {item: place for place, item in enumerate(data.items)}
    rows.sort(key=lambda r: (r["run"], names[r["item"]], r["lost"], r["first_frame"]))
    joined: list[dict[str, Any]] = []
    same = ("run", "item", "lost", "shown", "towards")
    for row in rows:
        before = joined[-1] if joined else None
        follows = before and before["last_frame"] + 1 == row["first_frame"]
        if before and follows and all(before[name] == row[name] for name in same):
            before["last_frame"] = row["last_frame"]
        else:
            joined.append(dict(row))
    losing = {(row["run"], row["item"]) for row in joined}
    whole = [
        {"run": number, "item": item, **_NOTHING_LOST}
        for number in range(len(runs))
        for item in data.items
        if (number, item) not in losing
    ]
    times = {item: data.item_array(item, "times") for item in data.items}
    for row in joined:
        of_item = times[row["item"]]
        row["start"], row["end"] = of_item[row["first_frame"]], of_item[row["last_frame"]]
    for row in (every := [*joined, *whole]):
        run = runs[row["run"]]
        row.update({name: getattr(run.condition, name) for name in CONDITION}, trial=run.trial)
    every.sort(key=lambda row: (row["run"], names[row["item"]]))
    table = pd.DataFrame(every, columns=list(COLUMNS))
    whole_numbers = dict.fromkeys(("first_frame", "last_frame", "towards"), "Int64")
    return table.astype(whole_numbers).assign(
        start=table["start"].astype(np.float64).round(4),
        end=table["end"].astype(np.float64).round(4),
    )
