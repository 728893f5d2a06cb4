"""What writes arrays or hands them to a library takes views too."""

import numpy as np
import pytest
from features.extractors.lld import extract_lld

from features.arrays import contiguous
from features.settings import LLDSettings
from features.stores.store import new_item, open_store


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
    stored = []
    for number, shown in enumerate((pictures, *seen_as)):
        with new_item(tmp_path / str(number), {}) as item:
            item.rows("crops", shown.shape, np.uint8, jpeg_quality=quality).append(shown)
        stored.append(open_store(tmp_path / str(number), stage="-")["crops"][...])
    np.testing.assert_array_equal(stored[1:], [stored[0], stored[0]])
    if quality is None:
        np.testing.assert_array_equal(stored[0], pictures)


def test_sound_that_is_a_view():
    stereo = np.random.default_rng(0).normal(0, 0.1, (16_000, 2)).astype(np.float32)
    rows = [extract_lld(samples, LLDSettings()) for samples in (stereo[:, 1], stereo[:, 1].copy())]
    np.testing.assert_array_equal(*rows)
