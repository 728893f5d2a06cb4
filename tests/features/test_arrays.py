"""What writes arrays or hands them to a library takes views too."""

import numpy as np
import pytest

from features.arrays import contiguous
from features.extractors.crops import open_faces
from features.extractors.opensmile.descriptors import extract_lld
from features.extractors.settings import OpenSMILESettings
from features.stores.assembling import assemble
from features.stores.jpeg import jpeg_codecs
from features.stores.writing import new_item


def views():
    """Pictures (9, 16, 24, 3) and views of other memory that show the same."""
    pictures = np.random.default_rng(0).integers(0, 256, (9, 16, 24, 3), np.uint8)
    padded = np.zeros((9, 16, 32, 3), np.uint8)
    padded[:, :, :24] = pictures
    turned = np.ascontiguousarray(pictures[:, ::-1, ::-1])[:, ::-1, ::-1]
    return pictures, (padded[:, :, :24], turned)


def test_contiguous_copies_only_views():
    pictures, seen_as = views()
    assert contiguous(pictures) is pictures
    for view in seen_as:
        assert not view.flags.c_contiguous
        assert contiguous(view).flags.c_contiguous
        np.testing.assert_array_equal(contiguous(view), pictures)


@pytest.mark.parametrize("quality", [None, 95])
def test_stores_hold_what_views_show(tmp_path, quality):
    pictures, seen_as = views()
    coding = {} if quality is None else jpeg_codecs(quality, pictures.shape[1])
    items = {}
    for name, shown in zip(("whole", "padded", "turned"), (pictures, *seen_as), strict=True):
        items[name] = tmp_path / name
        with new_item(items[name], {"key": name}) as item:
            item.rows("crops", shown.shape, np.uint8, **coding).append(shown)
            item.write("pictures", shown)
    assemble(tmp_path / "faces.zarr", items, {})
    store = open_faces(tmp_path / "faces.zarr")
    stored = [store.rows(name, "crops")[:] for name in items]
    np.testing.assert_array_equal(stored[1:], [stored[0], stored[0]])
    if quality is None:
        np.testing.assert_array_equal(stored[0], pictures)
    for name in items:
        np.testing.assert_array_equal(store.array(name, "pictures"), pictures)


def test_sound_that_is_a_view():
    stereo = np.random.default_rng(0).normal(0, 0.1, (16_000, 2)).astype(np.float32)
    rows = [
        extract_lld(samples, OpenSMILESettings()) for samples in (stereo[:, 1], stereo[:, 1].copy())
    ]
    np.testing.assert_array_equal(*rows)
