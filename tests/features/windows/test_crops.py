"""The crops of the faces store as a stream: no copy of them, and the right bytes in a batch."""

import numpy as np
import pytest
from pydantic import ValidationError

from features.extractors.settings import CropsSettings
from features.stores.assembling import assemble
from features.stores.streams import FACES, open_stream
from features.stores.writing import new_item
from features.windows.sources import Sources
from models.recogniser import clips_of
from tests.helpers.corpus_items import corpus_item
from tests.helpers.streams import stores_in, windows_in

SIDE, FRAMES = 8, 7


@pytest.fixture
def crops(tmp_path):
    """Two items in a faces store, and a stream of their crops; the crops."""
    rng = np.random.default_rng(0)
    made = {name: rng.integers(0, 256, (FRAMES, SIDE, SIDE, 3), np.uint8) for name in "ab"}
    for name, pictures in made.items():
        with new_item(tmp_path / name, {}) as writer:
            writer.rows("crops", pictures.shape, pictures.dtype).append(pictures)
            writer.write("present", np.arange(FRAMES) != 2)
            writer.write("times", np.arange(FRAMES) / 30)
    keys = {name: f"key of {name}" for name in made}
    assemble(tmp_path / "faces.zarr", {name: tmp_path / name for name in made}, {}, keys)
    (tmp_path / "streams").mkdir()
    said = {"settings": CropsSettings().of_rows(), FACES: "../faces.zarr"}
    assemble(tmp_path / "streams/face.zarr", {}, said)
    return made


def test_the_stream_is_the_faces_store(tmp_path, crops):
    store = open_stream(tmp_path / "streams/face.zarr")
    assert store.items == ("a", "b")
    assert (store.width, store.key("b"), store.blank) == (SIDE * SIDE * 3, "key of b", None)
    assert store.rows("a").shape == (FRAMES, SIDE, SIDE, 3)
    np.testing.assert_array_equal(store.rows("b")[2:5], crops["b"][2:5])
    assert store.span("a") == pytest.approx((0, FRAMES / 30))
    files = [path for path in (tmp_path / "streams").rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["zarr.json"]


def test_a_batch_has_the_bytes(tmp_path, crops):
    folder = tmp_path / "streams"
    store = open_stream(folder / "face.zarr")
    sources = Sources({"face": CropsSettings()}, {"face": store}, store.times, False, 1.0)
    windows_in(folder, sources, [corpus_item(name) for name in "ab"], clip_frames=4)
    data = clips_of(stores_in(folder, "face"), ["a", "b"])
    assert data.features == {"video": SIDE * SIDE * 3}
    batch = data.batch([0, 1, 2])  # the two clips of a, and the first of b
    stream = batch.streams["video"]
    assert stream.rows.dtype.is_floating_point is False
    pictures = stream.inputs().view(3, 4, SIDE, SIDE, 3).numpy()
    np.testing.assert_array_equal(pictures[0], crops["a"][:4])
    np.testing.assert_array_equal(pictures[1, :3], crops["a"][4:])
    np.testing.assert_array_equal(pictures[2], crops["b"][:4])
    assert not pictures[1, 3].any()
    assert stream.present[0].tolist() == [True, True, False, True]


def test_pictures_are_not_z_normed():
    with pytest.raises(ValidationError, match="normalise"):
        CropsSettings(normalise=True)
