"""How many files a corpus of short clips takes: a shard an item and stream, hard links once."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from features.extractors.described import Described
from features.hashes import hash_of
from features.stores.assembling import assemble
from features.stores.store import open_store
from features.stores.streams import write_described
from features.stores.writing import new_item
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import Job, run_jobs

ITEMS, FRAMES = 40, 100


def files_in(*folders: Path) -> int:
    """Number of files, hard links once."""
    status = [path.stat() for f in folders for path in f.rglob("*") if path.is_file()]
    return len({(s.st_dev, s.st_ino) for s in status})


def write_facts(out: Path) -> None:
    (out / "facts.json").write_text("{}")


def write_crops(out: Path) -> None:
    with new_item(out, {}) as writer:
        writer.write("times", np.arange(FRAMES) / 30)
        writer.write("present", np.ones(FRAMES, bool))
        crops = np.zeros((FRAMES, 8, 8, 3), np.uint8)
        writer.rows("crops", crops.shape, crops.dtype).append(crops)


def write_rows(width: int, out: Path) -> None:
    rows = np.ones((FRAMES, width), np.float32)
    write_described(out, Described(rows, np.arange(FRAMES) / 30, np.ones(FRAMES, bool)))


@pytest.fixture
def made(tmp_path):
    """A corpus listed, its faces and two streams extracted; (cache, stores)."""
    execution = ExecutionSettings(cache=str(tmp_path / "cache"), workers=1)
    names = [f"item{number:03}" for number in range(ITEMS)]
    work = {
        "listed": ("corpus", write_facts),
        "faces": ("faces", write_crops),
        "fc6": ("extract", partial(write_rows, 64)),
        "lld": ("extract", partial(write_rows, 65)),
    }
    for store, (stage, compute) in work.items():
        jobs = [Job(name, hash_of(store, name), compute) for name in names]
        results = run_jobs(stage, jobs, execution, processes=1)
        if store != "listed":
            assemble(tmp_path / f"data/{store}.zarr", results, {}, {j.name: j.key for j in jobs})
    return tmp_path / "cache", tmp_path / "data"


def test_an_item_takes_three_files(made):
    cache, data = made
    shards = {p.stat().st_ino for p in data.rglob("c.*") if "offsets" not in p.parts}
    assert len(shards) >= 3 * ITEMS
    of_corpus = 60  # indices, metadata and small arrays, however many items there are
    assert files_in(cache, data) <= 3 * ITEMS + of_corpus
    assert files_in(cache) <= 3 * ITEMS + 8


def test_stores_of_links_hold_what_was_written(made):
    _, data = made
    store = open_store(data / "lld.zarr", stage="extract@lld")
    assert (store.rows("item007", "rows")[:] == 1).all()
    assert store.array("item007", "times")[30] == 1
