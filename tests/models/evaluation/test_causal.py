"""The sliding window against a pass of the network for every frame."""

import numpy as np
import pytest
import torch

from models.evaluation.causal import (
    Window,
    anything_received,
    predict_causally,
    windows_of,
)
from models.evaluation.evaluator import predict
from models.networks.recogniser import Recogniser
from models.training.data import Clip, ClipData
from tests.helpers.network_cases import CASES
from tests.helpers.planted import planted_stores

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    """Two items with faces and sounds missing at random."""
    stores = planted_stores(
        tmp_path_factory.mktemp("s"), items=2, frames=33, clip_frames=12, missing=0.2
    )
    return ClipData(*stores, ["item-0", "item-1"], preload_bytes=1 << 30)


@pytest.fixture(scope="module")
def network(data: ClipData) -> Recogniser:
    return network_of(data)


def network_of(data: ClipData) -> Recogniser:
    from dataclasses import replace

    sizes = data.features
    torch.manual_seed(0)
    return replace(CASES[0], features=(sizes["audio"], sizes["video"])).build("frames").eval()


@pytest.mark.parametrize("stretch", [1, 4])
def test_a_frame_is_answered_from_its_window_alone(
    data: ClipData, network: Recogniser, stretch: int
) -> None:
    found = predict_causally(network, data, CPU, 5, stretch=stretch)
    for item, values in found.items():
        assert values.shape == (33, 2)
        for frame in (0, 3, 11, 12, 20, 32):
            stop = min(33, frame // stretch * stretch + stretch)
            start = max(0, stop - 12)
            batch = data.batch_of([Clip(item, start, stop)])
            with torch.inference_mode():
                alone = network(batch.inputs(), batch.masks(), batch.received()).fused[0]
            assert np.allclose(values[frame], alone[frame - start], atol=1e-6)


def test_later_frames_change_nothing(data: ClipData, network: Recogniser) -> None:
    whole = predict_causally(network, data, CPU, 4, stretch=3)["item-0"]
    assert np.abs(whole[:12] - predict(network, data, CPU, 4)["item-0"][:12]).max() > 1e-3
    # The first nine frames of a shorter item are the same frames.
    first = [w for w in windows_of(33, 12, 3) if w.stop <= 9]
    assert first == list(windows_of(9, 12, 3))


def test_a_modality_that_is_gone_is_as_if_nothing_of_it_were_received(
    data: ClipData, network: Recogniser
) -> None:
    found = predict_causally(network, data, CPU, 4, stretch=12, gone={"video"})["item-1"]
    batch = data.batch_of([Clip("item-1", 0, 12)])
    inputs, received = batch.inputs(), batch.received()
    inputs["video"] = torch.zeros_like(inputs["video"])
    received["video"] = torch.zeros_like(received["video"])
    with torch.inference_mode():
        expected = network(inputs, batch.masks(), received).fused[0]
    assert np.allclose(found[:12], expected, atol=1e-6)


def test_windows_in_which_nothing_arrives_are_known(
    data: ClipData, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = list(windows_of(33, 12, 5))
    assert anything_received(data, "item-0", windows).all()
    batch_of = data.batch_of

    def silent(clips: list[Clip]):
        batch = batch_of(clips)
        for part in batch.streams.values():
            part.rows.zero_()
            part.present.zero_()
        return batch

    monkeypatch.setattr(data, "batch_of", silent)
    assert not anything_received(data, "item-0", windows).any()
    assert anything_received(data, "item-0", []).shape == (0,)


def test_a_window_is_never_shorter_than_its_stretch() -> None:
    assert list(windows_of(8, 2, 4)) == [Window(0, 0, 4), Window(4, 4, 8)]
