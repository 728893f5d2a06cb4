"""What stands in for lost frames, against loops and against the network on filled inputs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ablation.frame_map import FrameMap
from models.evaluation.causal import predict_causally
from models.evaluation.conditions import Condition, Run
from models.evaluation.evaluator import pooled_scores
from models.evaluation.fillers import Fillers, Gallery, K, fillers_of
from models.evaluation.registry import metrics_of
from models.evaluation.run import _Runs
from models.evaluation.shared import Shared
from models.networks.recogniser import Recogniser
from models.progress import silent
from models.settings import EvaluateSettings
from models.training.batches import lose
from models.training.data import ClipData
from tests.helpers.network_cases import FORMS
from tests.helpers.planted import planted_stores

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    stores = planted_stores(
        tmp_path_factory.mktemp("s"), items=2, frames=33, clip_frames=12, missing=0.2
    )
    return ClipData(*stores, ["item-0", "item-1"], preload_bytes=1 << 30)


@pytest.fixture(scope="module")
def fillers(data: ClipData) -> Fillers:
    return fillers_of(data, neighbours=True)


@pytest.fixture(scope="module")
def network(data: ClipData) -> Recogniser:
    sizes = data.features
    return replace(FORMS[0], features=(sizes["audio"], sizes["video"])).build("frames").eval()


def test_a_mean_is_of_the_rows_that_are_there(data: ClipData, fillers: Fillers) -> None:
    for modality, part in data.batch(range(len(data.clips))).streams.items():
        rows = part.inputs().unflatten(-1, (part.index.shape[2], -1))[..., -1, :]
        expected = rows[part.present & part.mask].mean(0)
        assert torch.allclose(fillers.means[modality], expected, atol=1e-5)


def test_neighbours_are_those_of_the_other_modality() -> None:
    rng = np.random.default_rng(0)
    x, y = (torch.from_numpy(rng.normal(size=(40, n))).float() for n in (7, 3))
    gallery = Gallery.of({"audio": x, "video": y})
    query = x[:4] + 0.01
    keys = [(v @ gallery.projection["audio"]) / gallery.scale["audio"] for v in (query, x)]
    for place, found in enumerate(gallery.like("audio", query)):
        distance = ((keys[0][place] - keys[1]) ** 2).sum(1)
        nearest = distance.argsort()[:K]
        assert nearest[0] == place
        assert torch.allclose(found, y[nearest].mean(0), atol=1e-6)


@pytest.mark.parametrize("fill", ["linear", "mean", "neighbours"])
@pytest.mark.parametrize("modality", ["audio", "video", "both"])
def test_evaluation_fills_as_the_inputs_would_be(
    data: ClipData, fillers: Fillers, network: Recogniser, fill: str, modality: str
) -> None:
    batch = data.batch(range(len(data.clips)))
    condition = Condition(modality, "frame_zero", 0.6, fill=fill)
    key = (3, "frame_zero", 0.6, 0)
    lost = lose(batch, condition.ablation, key).lost
    inputs, received = batch.inputs(), batch.received()
    filled = {}
    for m, part in lost.items():
        empty = part.frame_map.empty & received[m]
        x = part.frame_map.apply(inputs[m])
        for clip, step in empty.nonzero().tolist():
            left = (received[m][clip] & ~part.frame_map.empty[clip]).nonzero().flatten().tolist()
            before = max((i for i in left if i < step), default=None)
            behind = min((i for i in left if i > step), default=None)
            if fill == "linear":
                if before is None and behind is None:
                    continue
                first = behind if before is None else before
                second = before if behind is None else behind
                share = (step - first) / max(1, second - first)
                x[clip, step] = torch.lerp(inputs[m][clip, first], inputs[m][clip, second], share)
                continue
            other = {"audio": "video", "video": "audio"}[m]
            there = received[other][clip, step]
            if other in lost:
                there = there & ~lost[other].frame_map.empty[clip, step]
            if fill == "neighbours" and there:
                x[clip, step] = fillers.gallery.like(other, inputs[other][clip, step][None])[0]
            else:
                x[clip, step] = fillers.mean(m, batch)
        filled[m] = x
    there = {
        m: received[m] & (filled[m] != 0).any(-1) if m in filled else received[m] for m in inputs
    }
    with torch.inference_mode():
        expected = network({**inputs, **filled}, batch.masks(), there).fused
        found = Shared(network, batch, 3, fillers).predict([Run(condition, 0)])[0]
    assert (found - expected)[batch.mask].abs().max() < 1e-5
    if fill == "neighbours":
        assert not condition.is_random


def test_frames_answered_from_the_past_alone_have_rows_of_their_own(
    data: ClipData, network: Recogniser
) -> None:
    runs = _Runs(network, EvaluateSettings(), metrics_of(data.task), CPU, silent, None)
    table = runs.causal(data)
    assert table[
        ["modality", "strategy", "p", "unit", "causal"]
    ].drop_duplicates().to_numpy().tolist() == [
        ["both", "none", 0.0, "signal", 1],
        ["audio", "clip_zero", 1.0, "signal", 1],
        ["video", "clip_zero", 1.0, "signal", 1],
    ]
    predictions = predict_causally(network, data, CPU, 8, stretch=1, gone=("video",))
    expected = pooled_scores(data, predictions, metrics_of(data.task)).values()["ccc"]
    np.testing.assert_allclose(table["ccc"].iloc[-2:], expected)


@settings(max_examples=60, deadline=None)
@given(lost=st.lists(st.booleans(), min_size=1, max_size=9), there=st.data())
def test_a_line_goes_from_the_last_to_the_next_frame(
    lost: list[bool], there: st.DataObject
) -> None:
    frames = len(lost)
    present = there.draw(st.lists(st.booleans(), min_size=frames, max_size=frames))
    x = torch.arange(1.0, frames + 1)[None, :, None] ** 2
    empty = torch.tensor([lost])
    frame_map = FrameMap(torch.arange(frames)[None], empty)
    filled = frame_map.imputed("linear", torch.tensor([present])).apply(x)[0, :, 0]
    known = [i for i in range(frames) if present[i] and not lost[i]]
    for i in range(frames):
        if not lost[i]:
            expected = float(x[0, i, 0])
        elif not present[i] or not known:
            expected = 0.0
        else:
            expected = float(np.interp(i, known, [float(x[0, k, 0]) for k in known]))
        assert filled[i] == pytest.approx(expected, rel=1e-5)
