"""Trainings on a store that is larger than what a job may take of the memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.extractors.described import Described
from features.hashes import hash_of
from features.stores.assembling import assemble
from features.stores.streams import open_stream, write_described
from features.windows.sources import Sources
from models import recogniser
from models.settings import ModelSettings, TrainSettings
from models.settings.resolved import resolve
from models.training.plan import Plan
from models.training.run import train_seed
from models.training.state_folder import Checkpoints
from pipeline.engine.cache import Cache
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.job import Job
from pipeline.engine.jobs import StageFailedError, run_jobs
from tests.helpers.corpus_items import corpus_item
from tests.helpers.streams import FACES, windows_in

MEMORY_GB = 0.8
"""What a job may take: its libraries take half of it."""
WIDTH, FRAMES, ITEMS = 4096, 2000, 52
"""The items share one file, as items of the same content do: the store is large, the disk not."""
NAMES = [f"item-{number}" for number in range(ITEMS)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose stream has more bytes than a job may take."""
    rng = np.random.default_rng(0)
    times = np.arange(FRAMES) / 30
    rows = rng.standard_normal((FRAMES, WIDTH), np.float32).clip(0).astype(np.float16)
    item, store = tmp_path / "item", tmp_path / "data/streams/fc6.zarr"
    write_described(item, Described(rows, times, np.ones(FRAMES, bool)))
    assemble(store, dict.fromkeys(NAMES, item), {"settings": {}}, dict.fromkeys(NAMES, "key"))
    stream = open_stream(store)
    assert sum(stream.rows(name).nbytes for name in NAMES) > MEMORY_GB * 1e9
    labels = pd.DataFrame(rng.uniform(-1, 1, (FRAMES, 2)), columns=["valence", "arousal"])
    windows_in(
        tmp_path / "data",
        Sources({"fc6": FACES}, {"fc6": stream}, stream.times, False, 1.0),
        [corpus_item(name) for name in NAMES],
        dict.fromkeys(NAMES, labels.assign(time=np.nan)),
    )
    return tmp_path


def train(out: Path, *, preload_bytes: int) -> None:
    """One epoch of a small network."""
    model = ModelSettings(network="unimodal", sees=["fc6"])
    quick: dict[str, Any] = {
        "epochs": 1,
        "precision": "fp32",
        "network": {"dim": 4, "heads": 1, "ffn": 4, "layers": 1},
    }
    resolved = resolve(model, TrainSettings.model_validate(quick), ("fc6",))
    plan = Plan(model, resolved, NAMES[:-1], NAMES[-1:], "ccc", 0)
    checkpoints = Checkpoints(out / "states", "key")
    train_seed(out, plan=plan, device="cpu", checkpoints=checkpoints, preload_bytes=preload_bytes)


def all_in_memory(out: Path) -> None:
    train(out, preload_bytes=1 << 40)


def by_rows(out: Path) -> None:
    train(out, preload_bytes=0)


@pytest.mark.slow
def test_rows_are_read_by_jobs_that_may_not_take_so_much_memory(project: Path) -> None:
    execution = ExecutionSettings(
        workers=2, memory_gb=MEMORY_GB, cache=str(project / "cache"), device="cpu"
    )
    jobs = [
        Job(work.__name__, hash_of(work.__name__), work, folder=project)
        for work in (by_rows, all_in_memory)
    ]
    with pytest.raises(StageFailedError) as caught:
        run_jobs("train", jobs, execution)
    (failure,) = caught.value.failures
    assert failure.name == "all_in_memory"
    assert "more memory than there is or execution.memory_gb allows" in failure.reason
    result = Cache(project / "cache").take("train", hash_of("by_rows"))
    assert result is not None
    assert (result / recogniser.WEIGHTS).read_bytes()
