"""What runs when: sizes, needs, what follows, and that none of it changes a result."""

import hashlib
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from features.errors import InputError
from features.hashes import hash_of
from models.training.stores import read_inputs
from pipeline import corpus, evaluate, extract, faces, keys, train, windows
from pipeline.engine import console
from pipeline.engine import execution as settings_of_execution
from pipeline.engine.console import Display, clock, rate
from pipeline.engine.entries.result import Result
from pipeline.engine.entries.rows import Row
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.job import Call, Job, Needs
from pipeline.engine.jobs import StageFailedError, run_jobs
from pipeline.engine.reports import Report, Reporter, Reports
from pipeline.engine.workers import Here, Loky
from pipeline.params import load_params
from pipeline.studies.models import run_models
from tests.pipeline.test_study import SETTINGS


def write(name: str, log: Path, out: Path) -> None:
    with log.open("a") as file:
        file.write(f"{name} in {Path.cwd().name}\n")
    (out / "result.txt").write_text(name)


@pytest.fixture(autouse=True)
def outside_of_a_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another test may have run a stage in this process."""
    monkeypatch.setattr(console._Place, "words", "")


@pytest.fixture
def execution(tmp_path: Path) -> ExecutionSettings:
    return ExecutionSettings(workers=1, cache=str(tmp_path / "cache"))


def job(name: str, log: Path, **more: Any) -> Job:
    return Job(name, hash_of(name), partial(write, name, log), **more)


# ------------------------------------------------------------------ order and room


def test_the_largest_begins_first_and_what_follows_a_job_comes_after_it(
    tmp_path: Path, execution: ExecutionSettings
) -> None:
    log, place = tmp_path / "log", tmp_path / "elsewhere"
    place.mkdir()
    seen = []

    def then(result: Any) -> list[Job]:
        seen.append(((result / "result.txt").read_text(), Path.cwd().name))
        return [job("evaluation", log, size=2, stage="other")]

    jobs = [job("small", log), job("training", log, size=9, folder=place, then=then)]
    for _ in range(2):  # computed, and from the cache
        results = run_jobs("stage", [*jobs, job("middle", log, size=3)], execution)
        assert set(results) == {"small", "training", "middle"}
    here = Path.cwd().name
    assert log.read_text().splitlines() == [
        "training in elsewhere",
        f"middle in {here}",
        f"evaluation in {here}",
        f"small in {here}",
    ]
    assert seen == [("training", "elsewhere")] * 2


def test_what_jobs_need_once_is_made_only_where_one_is_computed(
    tmp_path: Path, execution: ExecutionSettings
) -> None:
    log = tmp_path / "log"
    calls: list[bool] = []
    for _ in range(2):  # computed, and from the cache
        run_jobs("stage", [job("small", log)], execution, before=lambda: calls.append(log.exists()))
    assert calls == [False]


def test_a_failure_of_what_follows_is_reported(
    tmp_path: Path, execution: ExecutionSettings
) -> None:
    bad = Job("bad", hash_of("bad"), partial(refuse, "it is bad"))
    jobs = [job("first", tmp_path / "log", then=lambda _: [bad])]
    with pytest.raises(StageFailedError) as caught:
        run_jobs("stage", jobs, execution)
    assert [(f.name, f.reason) for f in caught.value.failures] == [("bad", "it is bad")]


def test_what_follows_a_job_that_failed_is_not_begun_and_the_others_are_done(
    tmp_path: Path, execution: ExecutionSettings
) -> None:
    log = tmp_path / "log"

    def then(_: Any) -> list[Job]:
        raise AssertionError("it has no result")

    bad = Job("bad", hash_of("bad"), partial(refuse, "it is bad"), size=5, then=then)
    with pytest.raises(StageFailedError) as caught:
        run_jobs("stage", [bad, job("good", log)], execution)
    assert [failure.name for failure in caught.value.failures] == ["bad"]
    assert log.read_text().startswith("good")


def refuse(reason: str, out: Path) -> None:
    raise InputError(reason, "replace it")


ONE, TWO, GPU = Needs(), Needs(threads=2), Needs(gpu=True)


def test_jobs_stay_within_processors_memory_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExecutionSettings, "gpus", 1)
    pool = Loky(ExecutionSettings(workers=3))
    assert pool.has_room(TWO, [ONE])
    assert not pool.has_room(TWO, [TWO])
    assert pool.has_room(Needs(threads=8), [])  # or it would never run
    assert pool.has_room(GPU, [ONE])
    assert not pool.has_room(GPU, [GPU])
    assert Loky(ExecutionSettings(workers=3, gpu_jobs=2)).has_room(GPU, [GPU])
    assert not Here(ExecutionSettings(workers=3)).has_room(ONE, [ONE])
    monkeypatch.setattr(settings_of_execution, "machine_memory", lambda: 8_000_000_000)
    assert not Loky(ExecutionSettings(workers=9, memory_gb=3)).has_room(ONE, [ONE, ONE])
    assert ExecutionSettings(memory_gb=3).jobs_by_memory == 2
    assert ExecutionSettings().jobs_by_memory == sys.maxsize
    with pytest.raises(InputError, match=r"memory_gb is 9, and this machine has 8\.0"):
        Loky(ExecutionSettings(memory_gb=9))


def test_what_jobs_read_into_memory_is_a_share_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_of_execution, "machine_memory", lambda: 8_000_000_000)
    assert ExecutionSettings(workers=1).preload_bytes == 4_000_000_000
    assert ExecutionSettings(workers=4).preload_bytes == 1_000_000_000
    assert ExecutionSettings(workers=4, memory_gb=1).preload_bytes == 250_000_000
    monkeypatch.setattr(settings_of_execution, "machine_memory", lambda: 80_000_000_000)
    assert ExecutionSettings(workers=1).preload_bytes == 4 << 30


# ------------------------------------------------------------------ the display


def test_jobs_report_how_far_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.reports.EVERY_SECONDS", 0)
    with Reports(tmp_path) as reports:
        assert reports.read("key") == Report(0.0)
        reporter = Reporter(reports.file("key"), steps=10)
        with reporter.progress("train", "epochs", 8) as advance:
            advance(1, "ccc 0.5")
            assert reports.read("key") == Report(0.1, "train ccc 0.5")
        assert reports.read("key").share == 0.8  # it ended early
        with reporter.progress("refit", "epochs", 2) as advance:
            advance(1)
        assert reports.read("key").share == 1
    assert not list(tmp_path.iterdir())


def test_the_display_says_what_is_done_at_which_rate_and_what_runs() -> None:
    seconds = [0.0]
    display = Display("extract", unit="frames", now=lambda: seconds[0])
    display._show = lambda: None  # type: ignore[method-assign]
    display.total(1000)
    display.ended("from the cache", 400)
    display.began("a", lambda: Report(0.5, "half"), 200)
    seconds[0] = 4.0
    assert display.line() == "extract: 500 of 1000 frames, 25 frames/s, 0:20 left; a: half"
    display.ended("a", 200)
    display.began("b", lambda: Report(0.0), 400)
    seconds[0] = 400.0
    assert display.line() == "extract: 600 of 1000 frames, 30 frames/min, 13:20 left; b"
    for name in "cdefg":
        display.began(name, lambda: Report(0.0), 0)
    assert display.line().endswith("b; c; d; e; and 2 more")


def test_rates_are_amounts_over_elapsed_time() -> None:
    assert rate(105, 2.0, "frames") == "52.5 frames/s"
    assert rate(0, 0.0, "frames") == "0 frames/h"
    assert clock(59.6) == "1:00"


def test_nothing_is_shown_where_all_was_there_and_a_line_where_it_was_not(
    tmp_path: Path, execution: ExecutionSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    run_jobs("stage", [job("a", tmp_path / "log")], execution)
    assert capsys.readouterr().err.startswith("stage: 1 of 1 items, ")
    run_jobs("stage", [job("a", tmp_path / "log")], execution)
    assert capsys.readouterr().err == ""


# ------------------------------------------------------------------ the same bits


@contextmanager
def outside(workers: int) -> Iterator[str]:
    """A scheduler that was started before."""
    with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def test_a_gpu_that_no_worker_has_is_an_error_and_not_a_wait(tmp_path: Path) -> None:
    with outside(1) as scheduler:
        execution = ExecutionSettings(
            backend="dask", scheduler=scheduler, device="cuda", cache=str(tmp_path / "cache")
        )
        assert execution.torch_device == "cuda"
        with pytest.raises(InputError, match="no worker of the dask cluster has the resource GPU"):
            run_jobs("stage", [job("a", tmp_path / "log", needs=GPU)], execution)
    assert not (tmp_path / "log").exists()


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny corpus of given features, ready to be trained on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LACUNA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    Path("params.yaml").write_text(SETTINGS.replace("seeds: [0]", "seeds: [0, 1]"))
    commands = [(keys,), (corpus,), (faces,), (extract, "picture"), (extract, "sound"), (windows,)]
    for stage, *arguments in commands:
        monkeypatch.setattr("sys.argv", ["stage", *arguments])
        stage.main()
    return tmp_path


def outputs(folder: Path) -> dict[str, str]:
    """Hashes of what trainings and evaluations wrote."""
    with chdir(folder):
        files = [
            *Path("data/models").rglob("*.safetensors"),
            *Path("data/models").rglob("history.csv"),
            *Path("reports/results").rglob("*.csv"),
            *Path("reports/results").rglob("*.parquet"),
        ]
        return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.mark.slow
def test_every_backend_and_number_of_workers_trains_and_evaluates_to_the_same_bits(
    prepared: Path,
) -> None:
    params = load_params()
    seen = {}
    with outside(1) as scheduler:
        for title, changes in {
            "here": {"workers": 1},
            "loky 2": {"workers": 2},
            "loky 3": {"workers": 3},
            "dask": {"backend": "dask", "workers": 2},
            "scheduler": {"backend": "dask", "scheduler": scheduler},
        }.items():
            with chdir(prepared):
                execution = ExecutionSettings(cache=str(prepared / title), **changes)
                run = params.model_copy(update={"execution": execution})
                run_models(title, {None: (prepared, run)})
            seen[title] = outputs(prepared)
    # Of two models: weights and history of two seeds, and eight files of results.
    assert len(seen["here"]) == 2 * (2 * 2 + 8)
    for title, files in seen.items():
        assert files == seen["here"], title


def test_the_jobs_of_training_and_evaluation_say_what_they_need(prepared: Path) -> None:
    params, inputs = load_params(), read_inputs("baseline")
    settings = params.model_copy(
        update={"train": params.train.model_copy(update={"threads": 2, "refit": 1})}
    )
    plan = train.plan_of(settings, "baseline", 0, inputs)
    made = train.training_job(settings, "baseline", plan, inputs)
    assert (made.needs, made.size, made.stage) == (TWO, params.train.epochs + 1, "train")
    run_jobs("train", [train.training_job(params, "baseline", plan, inputs)], params.execution)
    made = evaluate.evaluation_job(params, "baseline", 0, inputs)
    speakers = evaluate.evaluated_speakers(inputs, params.evaluate)
    items = len(speakers.reported) + len(speakers.choosing)
    assert (made.needs, made.size, made.stage) == (ONE, items, "evaluate")


def test_what_seeds_come_to_follows_the_last_of_them_in_the_order_of_the_settings() -> None:
    results = [Result(Path("nowhere"), Row(f"key {n}", f"place {n}", 0.0, {}, {})) for n in (0, 1)]
    seen = []
    for order in ([0, 1], [1, 0]):
        pooling = evaluate.Pooling("model", [3, 7], where="split 1, ")
        seeds = [3, 7]
        assert pooling.take(seeds[order[0]], results[order[0]]) == []
        seen += pooling.take(seeds[order[1]], results[order[1]])
    first, second = seen
    assert first.key == second.key
    assert first.name == "split 1, model, all seeds"
    assert isinstance(first.compute, Call)
    assert first.compute.arguments["results"] == results
    renewed = evaluate.Pooling("model", [3])
    (other,) = renewed.take(3, results[0])
    assert other.key != first.key
