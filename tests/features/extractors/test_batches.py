"""Crops of many items through any network: what it is given, and what comes back."""

import threading

import numpy as np
import pytest

from features.extractors.batches import CropBlock, OfCrops, ahead, rows_of_blocks


class Means(OfCrops):
    """Mean colours; remembers its batches."""

    outputs = 3
    batch_size = 4

    def __init__(self):
        self.shapes = []

    def describe(self, crops):
        self.shapes.append(crops.shape)
        return crops.mean(axis=(1, 2)).astype(np.float32)


def test_rows_come_in_order_in_batches_of_one_shape():
    crops = np.random.default_rng(0).integers(0, 256, (11, 2, 2, 3), np.uint8)
    present = np.array([1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 0], bool)
    blocks = [CropBlock("a", crops[:3], present[:3]), CropBlock("b", crops[3:], present[3:])]
    extractor = Means()
    parts = list(rows_of_blocks(extractor, blocks))
    expected = np.where(present[:, None], crops.mean(axis=(1, 2)), 0).astype(np.float32)
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in parts]), expected)
    assert "".join(tag * len(rows) for tag, rows in parts) == "a" * 3 + "b" * 8
    assert extractor.shapes == [(4, 2, 2, 3)] * 2


# ------------------------------------------------------------------ threads


def test_ahead_keeps_the_order():
    assert list(ahead(range(100), 3)) == list(range(100))
    assert list(ahead([], 3)) == []


def test_ahead_goes_no_further_than_it_should():
    made = []
    arrived = threading.Semaphore(0)

    def source():
        for number in range(10):
            made.append(number)
            arrived.release()
            yield number

    elements = ahead(source(), 2)
    assert next(elements) == 0
    for _ in range(3):  # the one taken and two ahead
        assert arrived.acquire(timeout=10)
    assert not arrived.acquire(timeout=0.2)
    elements.close()
    assert len(made) == 3


def test_ahead_runs_in_one_other_thread():
    def source():
        for _ in range(20):
            yield threading.get_ident()

    threads = set(ahead(source(), 4))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_ahead_passes_errors_on_after_what_came_before():
    def source():
        yield 1
        raise ZeroDivisionError

    elements = ahead(source(), 5)
    assert next(elements) == 1
    with pytest.raises(ZeroDivisionError):
        next(elements)
