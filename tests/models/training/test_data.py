from pathlib import Path

import numpy as np
import pytest
import torch

from models.training import data as clips
from models.training.data import ClipData, SequenceTooLongError
from models.training.resident import Resident
from models.training.stores import ModelStores
from tests.helpers.planted import DESCRIPTORS, STEPS, planted_sequences, planted_stores


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> ModelStores:
    return planted_stores(tmp_path_factory.mktemp("s"), items=3, frames=130, clip_frames=50)


def clip_data(stores: ModelStores, preload_bytes: int = 1 << 30) -> ClipData:
    return ClipData(*stores, ["item-0", "item-2"], preload_bytes=preload_bytes)


def test_clips_are_consecutive_and_do_not_overlap(stores: ModelStores) -> None:
    data = clip_data(stores)
    spans = [(c.item, c.start, c.stop) for c in data.clips]
    expected = [(0, 50), (50, 100), (100, 130)]
    assert spans == [(f"item-{i}", *span) for i in (0, 2) for span in expected]


def test_gathering_equals_the_materialised_window(stores: ModelStores) -> None:
    data = clip_data(stores)
    reader = stores.streams["audio"]
    rows = reader.steps("item-2").index
    lld = reader.rows("item-2", 0, int(rows.max()) + 1)
    window = np.where((rows >= 0)[..., None], lld[rows], 0).reshape(len(rows), -1)
    batch = data.batch([0, 4, 5])
    audio = batch.inputs()["audio"].numpy()
    assert audio.shape == (3, 50, STEPS * DESCRIPTORS)
    assert np.array_equal(audio[1], window[50:100])
    assert np.array_equal(audio[2, :30], window[100:])
    assert (rows < 0).any()


def test_padding_is_masked_zero_and_invalid(stores: ModelStores) -> None:
    batch = clip_data(stores).batch([1, 2])
    assert batch.mask.sum(1).tolist() == [50, 30]
    assert not batch.valid[1, 30:].any()
    for stream in batch.inputs().values():
        assert (stream[1, 30:] == 0).all()


def test_reading_by_clip_equals_preloading_and_order_is_kept(stores: ModelStores) -> None:
    order = [[5, 0], [3], [1, 2]]
    device = torch.device("cpu")
    for early, late in zip(
        clip_data(stores).batches(order, device),
        clip_data(stores, 0).batches(order, device),
        strict=True,
    ):
        assert torch.equal(early.streams["video"].rows, late.streams["video"].rows)
        assert torch.equal(early.first, late.first)
    assert early.first.tolist() == [50, 100]


def test_a_sequence_too_long_to_be_attended_to_is_refused(
    stores: ModelStores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequences = planted_sequences(tmp_path, items=6)
    items = [f"item-{i}" for i in range(6)]
    lengths = {c.item: c.stop for c in ClipData(*sequences, items, preload_bytes=0).clips}
    longest = max(lengths, key=lambda item: lengths[item])
    monkeypatch.setattr(clips, "MAX_SEQUENCE_FRAMES", lengths[longest])
    ClipData(*sequences, items, preload_bytes=0)
    monkeypatch.setattr(clips, "MAX_SEQUENCE_FRAMES", lengths[longest] - 1)
    with pytest.raises(SequenceTooLongError, match=f"{longest} has {lengths[longest]} frames"):
        ClipData(*sequences, items, preload_bytes=0)
    clip_data(stores)  # frames are cut into clips, however many there are


def test_a_blank_face_is_the_stores(tmp_path: Path) -> None:
    stores = planted_stores(tmp_path, items=1, frames=30, clip_frames=10, blank=True)
    batch = ClipData(*stores, ["item-0"], preload_bytes=0).batch([0, 1])
    assert batch.blank is not None
    assert batch.blank.tolist() == pytest.approx(stores.streams["video"].blank().tolist())
    assert torch.equal(batch.repeated(3).blank, batch.blank)


def test_a_batch_is_repeated_but_for_its_features(stores: ModelStores) -> None:
    batch = clip_data(stores).batch([1, 2])
    twice = batch.repeated(2)
    assert batch.blank is twice.blank is None
    for name in ("labels", "valid", "mask", "item", "first"):
        tensor = getattr(batch, name)
        assert torch.equal(getattr(twice, name), torch.cat((tensor, tensor)))
    for modality, part in batch.streams.items():
        again = twice.streams[modality]
        for name in ("mask", "present"):
            tensor = getattr(part, name)
            assert torch.equal(getattr(again, name), torch.cat((tensor, tensor)))
        for name in ("rows", "index"):
            assert getattr(again, name) is getattr(part, name)
    assert torch.equal(twice.inputs()["audio"], batch.inputs()["audio"])


def test_draws_know_clips_and_what_was_received(stores: ModelStores) -> None:
    batch = clip_data(stores).batch([2, 3])
    draws = batch.draws(1, "x")
    assert draws.key == (1, "x")
    assert draws.first.tolist() == [100, 0]
    assert torch.equal(draws.mask, batch.mask)
    for modality, received in draws.received.items():
        assert torch.equal(received, batch.received()[modality])
    assert set(draws.received) == {"audio", "video"}


def test_rows_that_live_on_a_device_make_the_same_batches(stores: ModelStores) -> None:
    data = clip_data(stores)
    residents = {
        m: Resident.of(r, {i: len(r.row_present(i)) for i in data.items}, torch.device("cpu"))
        for m, r in stores.streams.items()
    }
    clips = [data.clips[i] for i in (5, 0, 2)]
    expected, places = data.batch_of(clips), data.batch_of(clips, residents)
    for m, part in expected.streams.items():
        gathered = residents[m].gathered(places.streams[m])
        assert gathered.rows.dtype == part.rows.dtype
        assert torch.equal(gathered.rows, part.rows)
        assert torch.equal(gathered.inputs(), part.inputs())
    assert data.residents(torch.device("cpu")) == {}
    (there,) = data.batches([[5, 0, 2]], torch.device("meta"))
    assert {m: p.rows.shape for m, p in there.streams.items()} == {
        m: p.rows.shape for m, p in expected.streams.items()
    }
