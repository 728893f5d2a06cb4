import errno
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster
from rich.console import Console

from features.errors import InputError
from features.hashes import hash_of, hash_of_file
from pipeline.engine import cluster
from pipeline.engine.cache import Cache
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.inputs import from_file
from pipeline.engine.jobs import (
    Chunk,
    Failure,
    Job,
    StageFailedError,
    cached,
    run_jobs,
    stage_errors,
)
from tests.helpers.entries import folders_in

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def execution(tmp_path):
    return ExecutionSettings(workers=1, cache=str(tmp_path / "cache"))


@pytest.fixture
def log(tmp_path):
    """A file with a line for every computation, in whatever process."""
    return tmp_path / "log"


def write(name: str, log: Path, out: Path) -> None:
    with log.open("a") as file:
        file.write(f"{name}\n")
    (out / "result.txt").write_text(f"result of {name}")


def write_or_fail(name: str, log: Path, out: Path) -> None:
    write(name, log, out)
    if "bad" in name:
        raise InputError(f"{name} is [red]corrupt", "replace it")


def jobs_of(names, log, compute=write):
    return [Job(name, hash_of(name), partial(compute, name, log)) for name in names]


def leftovers(execution):
    return folders_in(execution.cache_folder)


# ------------------------------------------------------------------ the cache


@pytest.mark.parametrize("processes", [1, 2])
def test_every_job_is_computed_once(execution, log, processes):
    names = [f"item{i}" for i in range(5)]
    for _ in range(2):
        results = run_jobs("stage", jobs_of(names, log), execution, processes=processes)
        assert {name: (path / "result.txt").read_text() for name, path in results.items()} == {
            name: f"result of {name}" for name in names
        }
    assert sorted(log.read_text().split()) == names
    assert leftovers(execution) == []


def test_one_process_and_several_give_the_same(tmp_path, log):
    names = ["a", "bad1", "c", "bad2", "e"]
    seen = []
    for count in (1, 3):
        execution = ExecutionSettings(workers=count, cache=str(tmp_path / str(count)))
        with pytest.raises(StageFailedError) as caught:
            run_jobs("stage", jobs_of(names, log, write_or_fail), execution)
        failures = sorted(caught.value.failures, key=lambda failure: failure.name)
        rows = [entry.row for entry in Cache(execution.cache_folder).entries("stage")]
        contents = sorted((row.key, row.small["result.txt"]) for row in rows)
        seen.append((failures, caught.value.done, contents))
    assert seen[0] == seen[1]
    assert len(seen[0][2]) == 3


def test_one_more_item_costs_one_item(execution, log):
    run_jobs("stage", jobs_of(["a", "b"], log), execution)
    log.unlink()
    results = run_jobs("stage", jobs_of(["a", "new", "b"], log), execution)
    assert log.read_text().split() == ["new"]
    assert list(results) == ["a", "new", "b"]


def test_another_key_is_another_result(execution, log):
    old = run_jobs("stage", [Job("a", hash_of("1"), partial(write, "old", log))], execution)
    new = run_jobs("stage", [Job("a", hash_of("2"), partial(write, "new", log))], execution)
    assert (old["a"] / "result.txt").read_text() == "result of old"
    assert (new["a"] / "result.txt").read_text() == "result of new"


def test_stages_do_not_share_results(execution, log):
    run_jobs("one", jobs_of(["a"], log), execution)
    run_jobs("two", jobs_of(["a"], log), execution)
    assert log.read_text().split() == ["a", "a"]


def test_two_items_of_the_same_content_share_a_result(execution, log):
    jobs = [Job(name, hash_of("content"), partial(write, "x", log)) for name in ("a", "b")]
    results = run_jobs("stage", jobs, execution)
    assert results["a"] == results["b"]
    assert (results["a"] / "result.txt").read_text() == "result of x"
    assert leftovers(execution) == []


def test_cached_computes_once(execution, log):
    (job,) = jobs_of(["a"], log)
    assert cached("stage", job, execution) == cached("stage", job, execution)
    assert log.read_text().split() == ["a"]


# ------------------------------------------------------------------ failures


def rendered(error: StageFailedError) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(error.table())
    return console.file.getvalue()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_bad_item_is_reported_after_the_others_are_done(execution, log, processes):
    names = ["bad1", "a", "bad2", "b"]
    with pytest.raises(StageFailedError) as caught:
        run_jobs("lld", jobs_of(names, log, write_or_fail), execution, processes=processes)
    assert caught.value.done == 2
    assert sorted(caught.value.failures, key=lambda f: f.name) == [
        Failure(name, f"{name} is [red]corrupt", "replace it") for name in ("bad1", "bad2")
    ]
    lines = rendered(caught.value).splitlines()
    for name in ("bad1", "bad2"):  # markup in a message is shown as it is
        (line,) = [line for line in lines if f" {name} " in line and "│" in line]
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        assert cells == [name, "lld", f"{name} is [red]corrupt", "replace it"]
    assert "2 items failed, 2 are done and kept" in rendered(caught.value)

    log.unlink()
    run_jobs("lld", jobs_of(["a", "b"], log), execution)  # the others stayed
    assert not log.exists()
    with pytest.raises(StageFailedError):  # and a failure is not a result
        run_jobs("lld", jobs_of(["a", "bad1"], log, write_or_fail), execution)
    assert log.read_text().split() == ["bad1"]
    assert leftovers(execution) == []


def crash(out: Path) -> None:
    raise ZeroDivisionError("a fault of the program")


def test_an_unexpected_error_is_shown_in_full_and_the_others_are_done(execution, log, capsys):
    first, last = jobs_of(["a", "b"], log)
    jobs = [first, Job("fault", hash_of("fault"), crash), last]
    with pytest.raises(StageFailedError) as caught:
        run_jobs("stage", jobs, execution, processes=1)
    (failure,) = caught.value.failures
    assert failure.name == "fault"
    assert failure.reason == "unexpected: ZeroDivisionError: a fault of the program"
    assert "in crash" in capsys.readouterr().err  # where in the code
    assert sorted(log.read_text().split()) == ["a", "b"]
    assert leftovers(execution) == []


def hungry(out: Path) -> None:
    (out / "result.txt").write_text(str(len(bytearray(3 << 30))))


def test_an_item_that_needs_more_memory_than_allowed_is_named(tmp_path, log):
    execution = ExecutionSettings(workers=2, memory_gb=2.0, cache=str(tmp_path / "cache"))
    jobs = [Job("big", hash_of("big"), hungry), *jobs_of(["a"], log)]
    with pytest.raises(StageFailedError) as caught:
        run_jobs("stage", jobs, execution)
    (failure,) = caught.value.failures
    assert (failure.name, failure.trace) == ("big", "")
    assert "memory" in failure.reason
    assert log.read_text().split() == ["a"]
    run_jobs("stage", jobs, execution.model_copy(update={"memory_gb": 8.0}))


def out_of_memory_in_opencv(out: Path) -> None:
    cv2.copyMakeBorder(np.zeros((1, 1, 3), np.uint8), 0, 2**30, 0, 2**30, cv2.BORDER_REPLICATE)


def out_of_memory_in_torch(out: Path) -> None:
    torch.empty(2**60, dtype=torch.uint8)


def out_of_memory_in_system(out: Path) -> None:
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


@pytest.mark.parametrize(
    "compute", [out_of_memory_in_opencv, out_of_memory_in_torch, out_of_memory_in_system]
)
def test_libraries_that_run_out_of_memory_are_understood(execution, compute):
    with pytest.raises(StageFailedError) as caught:
        run_jobs("stage", [Job("big", hash_of("big"), compute)], execution, processes=1)
    (failure,) = caught.value.failures
    assert failure.trace == ""
    assert failure.reason.startswith("it needs more memory")


def die(out: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(log: Path, out: Path) -> None:
    if not log.exists():
        log.touch()
        die(out)
    (out / "result.txt").write_text("at last")


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_a_job_that_kills_its_workers_is_named_and_the_others_are_done(tmp_path, log, backend):
    execution = ExecutionSettings(backend=backend, workers=2, cache=str(tmp_path / "cache"))
    jobs = [
        Job("deadly", hash_of("deadly"), die, size=2),
        Job("once", hash_of("once"), partial(die_once, tmp_path / "died"), size=3),
        *jobs_of(["a", "b", "c"], log),
    ]
    with pytest.raises(StageFailedError) as caught:
        run_jobs("stage", jobs, execution)
    (failure,) = caught.value.failures
    assert failure.name == "deadly"
    assert failure.reason.startswith("its worker process was killed each time")
    assert caught.value.done == 4
    assert sorted(log.read_text().split()) == ["a", "b", "c"]


def put_and_die(key: str, cache: Cache, progress: object) -> None:
    with cache.new("stage", key) as out:
        (out / "result.txt").write_text("in time")
    die(out)


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_a_result_that_was_kept_before_its_worker_was_killed_is_used(tmp_path, log, backend):
    execution = ExecutionSettings(backend=backend, workers=2, cache=str(tmp_path / "cache"))
    key = hash_of("kept")
    kept = Chunk("kept", key, partial(put_and_die, key), members=(key,))
    results = run_jobs("stage", [kept, *jobs_of(["a"], log)], execution)
    assert (results["kept"] / "result.txt").read_text() == "in time"


def fill_disk(out: Path) -> None:
    (out / "half.txt").write_text("half")
    raise OSError(errno.ENOSPC, "No space left on device", str(out / "half.txt"))


@pytest.mark.parametrize("processes", [1, None])
def test_a_full_disk_is_one_sentence_and_keeps_what_is_done(tmp_path, log, capsys, processes):
    execution = ExecutionSettings(workers=2, cache=str(tmp_path / "cache"))
    run_jobs("stage", jobs_of(["a"], log), execution)
    with pytest.raises(SystemExit), stage_errors():
        run_jobs("stage", [Job("b", hash_of("b"), fill_disk)], execution, processes=processes)
    shown = capsys.readouterr().err
    assert "Error: the disk is full" in shown
    assert "Traceback" not in shown
    assert leftovers(execution) == []
    run_jobs("stage", jobs_of(["a"], log), execution)
    assert log.read_text().split() == ["a"]


def test_stage_errors_are_one_sentence_or_one_table(capsys):
    with pytest.raises(SystemExit) as caught, stage_errors():
        raise InputError("a [bold]file is empty", "replace it")
    assert caught.value.code == 1
    assert capsys.readouterr().err == "Error: a [bold]file is empty; replace it.\n"
    with pytest.raises(SystemExit) as caught, stage_errors():
        raise StageFailedError("lld", [Failure("clip", "empty", "replace it")], 3)
    assert caught.value.code == 1
    shown = capsys.readouterr().err
    assert all(word in shown for word in ("clip", "lld", "empty", "replace it", "3 are done"))
    with pytest.raises(ZeroDivisionError), stage_errors():
        crash(Path())


@pytest.mark.parametrize(
    ("goes_on", "said"),
    [(True, "stopped; the same command goes on where it was"), (False, "stopped")],
)
def test_ctrl_c_is_one_sentence(capsys, goes_on, said):
    with pytest.raises(SystemExit) as caught, stage_errors(goes_on=goes_on):
        raise KeyboardInterrupt
    assert caught.value.code == 130
    assert capsys.readouterr().err == f"{said}\n"


STAGE = """
import sys, time
from functools import partial
from pathlib import Path
from pipeline.engine.jobs import Job, run_jobs, stage_errors
from pipeline.engine.execution import ExecutionSettings

def work(log, out):
    (log / out.parent.name).touch()
    time.sleep(60)

log = Path(sys.argv[1])
with stage_errors():
    jobs = [Job(key, key * 32, partial(work, log)) for key in ("aa", "bb", "cc")]
    run_jobs("stage", jobs, ExecutionSettings(workers=2, cache=sys.argv[2]))
"""


def test_ctrl_c_at_a_terminal_is_one_sentence_of_a_stage_with_workers(log, execution):
    log.mkdir()
    stage = subprocess.Popen(
        [sys.executable, "-c", STAGE, str(log), execution.cache],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 6000
    while len(list(log.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(stage.pid, signal.SIGINT)  # as a terminal does: the workers get it as well
    _, said = stage.communicate(timeout=600)
    assert stage.returncode == 130
    assert "stopped; the same command goes on where it was" in said
    assert "Traceback" not in said


# ------------------------------------------------------------------ kills and races


def write_half_and_die(out: Path) -> None:
    (out / "result.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_computation_is_no_result(execution, log):
    (job,) = jobs_of(["a"], log)
    dying = FORK.Process(
        target=cached, args=("stage", Job("a", job.key, write_half_and_die), execution)
    )
    dying.start()
    dying.join(30)
    assert dying.exitcode == -signal.SIGKILL
    (partial_result,) = leftovers(execution)
    assert (partial_result / "result.txt").read_text() == "half"
    results = run_jobs("stage", [job], execution)
    assert (results["a"] / "result.txt").read_text() == "result of a"
    assert log.read_text().split() == ["a"]
    assert leftovers(execution) == []  # and what the killed one left is gone


def write_together(barrier, out: Path) -> None:
    barrier.wait(30)  # both have found that there is no result
    for number in range(20):
        (out / f"{number}.txt").write_text(str(os.getpid()))


def race(barrier, execution, failures) -> None:
    try:
        cached("stage", Job("a", hash_of("a"), partial(write_together, barrier)), execution)
    except BaseException as error:
        failures.put(repr(error))
        raise


def test_two_processes_may_race_for_one_result(execution):
    barrier, failures = FORK.Barrier(2), FORK.Queue()
    racers = [FORK.Process(target=race, args=(barrier, execution, failures)) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(30)
    assert [racer.exitcode for racer in racers] == [0, 0]
    assert failures.empty()
    result = Cache(execution.cache_folder).take("stage", hash_of("a"))
    writers = {content.decode() for content in result.row.small.values()}
    assert len(result.row.small) == 20
    assert len(writers) == 1  # all of one, nothing of the other
    assert writers <= {str(racer.pid) for racer in racers}


# ------------------------------------------------------------------ files that change


def test_a_file_that_changed_since_it_was_listed_is_not_used(tmp_path, log):
    path, out = tmp_path / "clip.mp4", tmp_path / "out"
    out.mkdir()
    path.write_bytes(b"as listed")
    listed = (path, hash_of_file(path))
    from_file(*listed, partial(write, "a", log), out)
    assert (out / "result.txt").exists()
    path.write_bytes(b"as it is now")
    with pytest.raises(InputError, match=r"clip\.mp4 has changed since the corpus stage"):
        from_file(*listed, partial(write, "b", log), out)
    path.unlink()
    with pytest.raises(InputError, match="no longer there"):
        from_file(*listed, partial(write, "b", log), out)
    assert log.read_text().split() == ["a"]


def test_a_file_that_changes_while_it_is_read_is_not_used(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"as listed")
    listed = (path, hash_of_file(path))
    with pytest.raises(InputError, match="has changed"):
        from_file(*listed, lambda _: path.write_bytes(b"longer"), tmp_path)


def test_a_file_missed_by_the_computation_is_not_the_media_file(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"as listed")
    listed = (path, hash_of_file(path))
    with pytest.raises(FileNotFoundError, match=r"model\.xml"):
        from_file(*listed, lambda _: (tmp_path / "model.xml").read_text(), tmp_path)


# ------------------------------------------------------------------ backends


def heavy(seed: int, out: Path) -> None:
    """Arithmetic whose last digits depend on the number of threads, if anything does."""
    generator = np.random.default_rng(seed)
    matrix = generator.standard_normal((300, 300), np.float32)
    (out / "product.npy").write_bytes((matrix @ matrix @ matrix).tobytes())
    (out / "threads.txt").write_text(os.environ.get("OMP_NUM_THREADS", "unset"))


def test_every_backend_gives_the_same_bits(tmp_path):
    seen = {}
    for backend in ("loky", "dask"):
        execution = ExecutionSettings(
            backend=backend, workers=2, threads=1, cache=str(tmp_path / backend)
        )
        jobs = [Job(f"{n}", hash_of(n), partial(heavy, n)) for n in range(4)]
        results = run_jobs("stage", jobs, execution)
        assert {(path / "threads.txt").read_text() for path in results.values()} == {"1"}
        seen[backend] = {n: (path / "product.npy").read_bytes() for n, path in results.items()}
    assert seen["loky"] == seen["dask"]


def test_failures_are_the_same_with_dask(tmp_path, log):
    execution = ExecutionSettings(backend="dask", workers=2, cache=str(tmp_path / "cache"))
    with pytest.raises(StageFailedError) as caught:
        run_jobs("lld", jobs_of(["bad", "a"], log, write_or_fail), execution)
    assert caught.value.failures == [Failure("bad", "bad is [red]corrupt", "replace it")]
    assert caught.value.done == 1


@contextmanager
def scheduler(tmp_path, *, workers=1, threads=1):
    """A cluster, and settings that name its scheduler."""
    with LocalCluster(
        n_workers=workers, threads_per_worker=threads, dashboard_address=None
    ) as cluster:
        yield (
            cluster,
            ExecutionSettings(
                backend="dask", scheduler=cluster.scheduler_address, cache=str(tmp_path / "cache")
            ),
        )


def test_a_scheduler_s_workers_are_used(tmp_path, log):
    with scheduler(tmp_path) as (_, execution):
        results = run_jobs("stage", jobs_of(["a", "b"], log), execution)
        with pytest.raises(OSError, match="No space left"):  # and not "cannot be reached"
            run_jobs("stage", [Job("full", hash_of("full"), fill_disk)], execution)
    assert {name: (p / "result.txt").read_text() for name, p in results.items()} == {
        "a": "result of a",
        "b": "result of b",
    }


def test_workers_that_see_other_files_are_refused(tmp_path, log):
    with scheduler(tmp_path) as (local, execution):
        with Client(local) as client:
            client.run(os.chdir, str(tmp_path))
        with pytest.raises(InputError, match="does not see this folder"):
            run_jobs("stage", jobs_of(["a"], log), execution)
    assert not log.exists()


@pytest.mark.parametrize(
    ("workers", "threads", "said"),
    [(0, 1, "has no workers"), (1, 2, "more than one thread; .* --nthreads 1")],
)
def test_workers_of_no_use_are_refused(tmp_path, log, workers, threads, said):
    with (
        scheduler(tmp_path, workers=workers, threads=threads) as (_, execution),
        pytest.raises(InputError, match=said),
    ):
        run_jobs("stage", jobs_of(["a"], log), execution)
    assert not log.exists()


def test_workers_without_the_code_are_refused(tmp_path, log):
    """As `dask worker` is where PYTHONPATH is not set."""
    with scheduler(tmp_path, workers=0) as (cluster, execution):
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        address = cluster.scheduler_address
        worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "dask", "worker", address, "--nthreads", "1"],
            env={**environment, "PYTHONSAFEPATH": "1"},
            stderr=subprocess.DEVNULL,
        )
        try:
            cluster.wait_for_workers(1, timeout=600)
            with pytest.raises(InputError, match="does not see this folder, its code"):
                run_jobs("stage", jobs_of(["a"], log), execution)
        finally:
            worker.terminate()
            worker.wait()


def test_a_scheduler_without_the_code_is_refused(tmp_path, log, monkeypatch):
    with scheduler(tmp_path) as (_, execution):
        monkeypatch.setattr(cluster, "__file__", str(tmp_path / "cluster.py"))
        with pytest.raises(InputError, match="the dask scheduler has no code of"):
            run_jobs("stage", jobs_of(["a"], log), execution)


def sleep(seconds: float, out: Path) -> None:
    time.sleep(seconds)


def test_a_scheduler_that_is_lost_is_one_sentence(tmp_path):
    with scheduler(tmp_path) as (local, execution):
        threading.Timer(1.5, local.close).start()
        with pytest.raises(InputError, match="the dask scheduler was lost"):
            run_jobs("stage", [Job("a", hash_of("a"), partial(sleep, 4.0))], execution)


MAIN = """
import sys, time
from functools import partial
from pathlib import Path
from pipeline.engine.jobs import Job, run_jobs
from pipeline.engine.execution import ExecutionSettings

def work(log, number, out):
    import os, time
    log.with_name(f"{log.name}{number}").write_text(str(os.getpid()))
    time.sleep(60)

jobs = [Job(str(n), str(n) * 64, partial(work, Path(sys.argv[1]), n)) for n in (0, 1)]
run_jobs("stage", jobs, ExecutionSettings(workers=2, cache=sys.argv[1] + "-cache"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's end")
def test_workers_end_with_their_parent(log):
    main = subprocess.Popen([sys.executable, "-c", MAIN, str(log)])
    pid_files = [log.with_name(f"{log.name}{number}") for number in (0, 1)]

    def wait_for(condition):
        end = time.time() + 30
        while not condition() and time.time() < end:
            time.sleep(0.05)
        assert condition()

    wait_for(lambda: all(file.exists() and file.read_text() for file in pid_files))
    main.kill()
    main.wait()
    workers = [Path("/proc") / file.read_text() / "cmdline" for file in pid_files]
    wait_for(lambda: not any(worker.exists() and worker.read_bytes() for worker in workers))


def test_no_scheduler_at_an_address_is_one_sentence(tmp_path, log, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    execution = ExecutionSettings(
        backend="dask", scheduler="tcp://127.0.0.1:9", cache=str(tmp_path / "cache")
    )
    with pytest.raises(InputError, match=r"tcp://127\.0\.0\.1:9 cannot be reached"):
        run_jobs("stage", jobs_of(["a"], log), execution)


def test_work_in_one_process_outlives_the_shell_that_began_it(tmp_path):
    said = tmp_path / "said"
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from pipeline.engine.jobs import Job, run_jobs\n"
        "from pipeline.params import ExecutionSettings\n"
        "execution = ExecutionSettings(workers=1, cache=str(Path('cache').absolute()))\n"
        "job = Job('a', 'a' * 64, lambda out: (out / 'x').write_text('x'))\n"
        "run_jobs('stage', [job], execution)\n"
        "os.kill(os.getppid(), 9)\n"
        "time.sleep(1)\n"
        f"Path({str(said)!r}).write_text('still here')\n"
    )
    # The shell waits for the program, which kills it.
    shell = f"{sys.executable} {program} & wait"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    subprocess.run(["sh", "-c", shell], env=environment, check=False, cwd=tmp_path)
    until = time.monotonic() + 6000
    while not said.exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert said.exists()
