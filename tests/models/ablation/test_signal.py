"""Losses of rows before the context is gathered, against loops over frames and rows."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ablation.frame_map import FrameMap, Lost, LostRows
from models.ablation.operators import Draws
from models.ablation.signal import filling_of_rows, gathered, lost_rows
from models.ablation.strategies import draw, filling
from models.evaluation.conditions import Condition, Run
from models.evaluation.shared import Shared
from models.settings import Ablation, Modality
from models.training.batches import lose
from models.training.data import ClipData
from tests.helpers.network_cases import FORMS
from tests.helpers.planted import planted_sequences, planted_stores

KEY = (3, "signal", 0)
CLIP = 10
"""Frames of a clip: the context of a frame, half a second, reaches two clips back."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    stores = planted_stores(
        tmp_path_factory.mktemp("s"), items=2, frames=47, clip_frames=CLIP, missing=0.2, blank=True
    )
    return ClipData(*stores, ["item-0", "item-1"], preload_bytes=1 << 30)


def in_loops(
    data: ClipData, ablation: Ablation, modality: Modality, clip: int
) -> tuple[np.ndarray, np.ndarray]:
    """The inputs (frames, width) of a clip and which frames there are, a row at a time."""
    item, start, stop = (getattr(data.clips[clip], n) for n in ("item", "start", "stop"))
    batch = data.batch(range(len(data.clips)))
    reader = data._streams[modality]
    frames, steps = reader.row_frames(item), reader.steps(item)
    rows = np.array(reader.rows(item, 0, len(frames)), np.float32)
    lossy, there = rows.copy(), np.ones(len(rows), bool)
    count = len(data.item_array(item, "times"))
    for first in range(0, count, CLIP):  # every clip of the item loses by itself
        length = min(CLIP, count - first)
        draws = Draws(
            KEY,
            batch.item[clip : clip + 1],
            torch.tensor([first]),
            torch.arange(CLIP)[None] < length,
        )
        lost = draw(ablation, modality, draws)
        for row, frame in enumerate(frames):
            if not first <= frame < first + length:
                continue
            shown = first + int(lost.source[0, frame - first])
            if lost.empty[0, frame - first]:
                lossy[row], there[row] = 0, False
            elif shown != frame:
                lossy[row] = rows[np.flatnonzero(frames <= shown).max()]
    inputs, present = [], []
    for step in range(start, stop):
        index = steps.index[step]
        vector = [lossy[i] if i >= 0 else np.zeros(rows.shape[1]) for i in index]
        inputs.append(np.concatenate(vector))
        at = index[reader.stream.column]
        present.append(bool(steps.present[step]) and (at < 0 or there[at]))
    return np.array(inputs, np.float32), np.array(present)


LOSSES = [
    Ablation(strategy="clip_zero", modality="both", p=0.5, unit="signal"),
    Ablation(strategy="frame_zero", modality="both", p=0.6, unit="signal"),
    Ablation(strategy="frame_repeat", modality="both", p=0.7, unit="signal"),
    Ablation(strategy="burst", modality="both", p=0.5, burst=4, unit="signal"),
    Ablation(strategy="subclip", modality="both", p=0.4, unit="signal"),
    Ablation(strategy="keep_one", p=0.4, unit="signal"),
]


@pytest.mark.parametrize("ablation", LOSSES, ids=lambda a: a.strategy)
@pytest.mark.parametrize("modality", ["audio", "video"])
def test_rows_take_the_fate_of_the_frame_that_contains_their_centre(
    data: ClipData, ablation: Ablation, modality: Modality
) -> None:
    order = [3, 0, 4, 7]
    batch = data.batch(order)
    part = batch.streams[modality]
    rows = lost_rows(ablation, modality, batch, KEY)
    found = gathered(part, rows, filling_of_rows(rows, modality, batch, KEY))
    differs = 0
    for place, clip in enumerate(order):
        inputs, present = in_loops(data, ablation, modality, clip)
        length = len(inputs)
        assert np.array_equal(found.inputs[place, :length].numpy(), inputs)
        if ablation.strategy != "frame_repeat":  # what it shows is there if the other was
            assert found.received[place, :length].tolist() == present.tolist()
        assert not found.received[place, length:].any()
        differs += (part.inputs()[place, :length].numpy() != inputs).any()
    assert differs


def test_a_lost_sound_lacks_in_the_clips_behind_it(data: ClipData) -> None:
    """Where whole vectors are lost, its neighbours still hold nearly all of it."""
    ablation = Ablation(strategy="clip_zero", modality="audio", p=0.5, unit="signal")
    whole = ablation.model_copy(update={"unit": "window"})
    lost = [lose(data.batch(range(5)), a, KEY) for a in (ablation, whole)]
    rows, vectors = (part.lost["audio"] for part in lost)
    assert isinstance(rows, LostRows)
    assert isinstance(vectors, Lost)
    kept = ~vectors.frame_map.empty.any(1)
    assert kept.any()
    assert not kept.all()
    intact = lost[0].inputs["audio"][kept]
    assert (rows.inputs[~kept][:, -1] == 0).all()  # half a second later all of it is gone
    assert (rows.inputs[kept] != intact).any()
    assert torch.equal(rows.received, vectors.present(lost[0].batch.received()["audio"]))


def test_of_pictures_the_two_units_are_the_same(data: ClipData) -> None:
    batch = data.batch([0, 2, 4])
    for ablation in LOSSES:
        one, other = (
            lose(batch, ablation.model_copy(update={"unit": unit}), KEY).lost["video"]
            for unit in ("signal", "window")
        )
        filled = filling(other.frame_map, "video", batch, KEY)
        expected = other.frame_map.apply(batch.inputs()["video"], filled)
        assert torch.equal(one.inputs[batch.mask], expected[batch.mask])
        received = batch.received()["video"]
        assert torch.equal(one.received, other.present(received) & batch.mask)


def test_what_is_drawn_once_is_of_items_whatever_the_epoch(data: ClipData) -> None:
    batch = data.batch(range(len(data.clips)))
    ablation = Ablation(strategy="clip_zero", modality="both", p=0.5, drawn="once")
    gone = [
        lose(batch, ablation, (seed, "train", epoch)).lost["video"].frame_map.empty.any(1)
        for seed, epoch in ((0, 0), (0, 9), *((seed, 0) for seed in range(1, 9)))
    ]
    assert torch.equal(gone[0], gone[1])
    assert any(not torch.equal(gone[0], other) for other in gone[2:])
    for of_seed in gone:
        assert {tuple(of_seed[batch.item == item].unique().tolist()) for item in batch.item} <= {
            (True,),
            (False,),
        }


@pytest.mark.parametrize("case", FORMS[::4], ids=str)
def test_evaluation_shares_work_and_predicts_the_same(data: ClipData, case) -> None:
    from dataclasses import replace

    sizes = data.features
    model = replace(case, features=(sizes["audio"], sizes["video"])).build("frames").eval()
    batch = data.batch(range(len(data.clips)))
    conditions = [
        Condition("audio", "clip_zero", 0.5, unit="signal"),
        Condition("video", "burst", 0.5, 15.0, unit="signal"),
        Condition("both", "frame_repeat", 0.7, unit="signal"),
        Condition("together", "frame_zero", 0.5, unit="signal", drawn="once"),
        Condition("video", "noise", 0.5, unit="signal"),
        Condition("both", "clip_zero", 1.0, unit="signal"),
    ]
    runs = [Run(condition, 0) for condition in conditions]
    with torch.inference_mode():
        found = Shared(model, batch, 3).predict(runs)
        for run, predicted in zip(runs, found, strict=True):
            key, ablation = (3, run.condition.strategy, run.condition.p, 0), run.condition.ablation
            lossy = lose(batch, ablation, key)
            expected = model(lossy.inputs, batch.masks(), batch.received(), lossy.lost).fused
            error = (predicted - expected)[batch.mask].abs().max()
            assert error < 1e-6 * max(1.0, float(expected.abs().max()))


def test_sequences_lose_what_both_lose_together_on_their_frames(tmp_path: Path) -> None:
    data = ClipData(
        *planted_sequences(tmp_path, items=3), [f"item-{i}" for i in range(3)], preload_bytes=0
    )
    batch = data.batch(range(3))
    ablation = Ablation(strategy="frame_zero", modality="together", p=0.5)
    lost = lose(batch, ablation, KEY).lost
    assert torch.equal(lost["audio"].frame_map.empty, lost["video"].frame_map.empty)
    assert lost["audio"].frame_map.empty.any()


@settings(max_examples=40, deadline=None)
@given(
    frames=st.integers(1, 6),
    counts=st.lists(st.integers(0, 3), min_size=6, max_size=6),
    lost=st.lists(st.booleans(), min_size=6, max_size=6),
    before=st.integers(0, 2),
    behind=st.integers(0, 2),
)
def test_a_map_of_rows_is_that_of_their_frames(
    frames: int, counts: list[int], lost: list[bool], before: int, behind: int
) -> None:
    place = [-1] * before + [f for f in range(frames) for _ in range(counts[f])] + [99] * behind
    if not place:
        return
    source = [max([0, *(g for g in range(f + 1) if not lost[g])]) for f in range(frames)]
    empty = torch.tensor([lost[:frames]])
    rows = FrameMap(torch.tensor([source]), torch.zeros_like(empty)).at(torch.tensor([place]))
    for row, frame in enumerate(place):
        shown = int(rows.source[0, row])
        if not 0 <= frame < frames or source[frame] == frame:
            assert shown == row
        elif any(0 <= p <= source[frame] for p in place):
            assert shown == max(i for i, p in enumerate(place) if p <= source[frame])
    gone = FrameMap(torch.arange(frames)[None], empty).at(torch.tensor([place])).empty[0]
    assert gone.tolist() == [0 <= f < frames and lost[f] for f in place]
