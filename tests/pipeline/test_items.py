import io
import multiprocessing
import os
import signal
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from features.errors import InputError
from pipeline.items import (
    Failure,
    Job,
    StageFailedError,
    cached,
    hash_of,
    hash_of_file,
    hash_of_sources,
    run_jobs,
    stage_errors,
)
from pipeline.params import ExecutionSettings

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
    return list(execution.cache_folder.rglob("*.partial"))


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
    for workers in (1, 3):
        execution = ExecutionSettings(workers=workers, cache=str(tmp_path / str(workers)))
        with pytest.raises(StageFailedError) as caught:
            run_jobs("stage", jobs_of(names, log, write_or_fail), execution)
        failures = sorted(caught.value.failures, key=lambda failure: failure.name)
        files = sorted(p for p in execution.cache_folder.rglob("*") if p.is_file())
        contents = [(p.relative_to(execution.cache_folder), p.read_bytes()) for p in files]
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
    assert (results["a"] / "result.txt").exists()
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
    with pytest.raises(StageFailedError):  # and a failure is no result
        run_jobs("lld", jobs_of(["a", "bad1"], log, write_or_fail), execution)
    assert log.read_text().split() == ["bad1"]
    assert leftovers(execution) == []


def crash(out: Path) -> None:
    raise ZeroDivisionError("a fault of the program")


def test_a_fault_of_the_program_is_not_hidden_and_keeps_what_is_done(execution, log):
    first, last = jobs_of(["a", "b"], log)
    jobs = [first, Job("fault", hash_of("fault"), crash), last]
    with pytest.raises(ZeroDivisionError):
        run_jobs("stage", jobs, execution)
    run_jobs("stage", [first], execution)
    assert log.read_text().split() == ["a"]
    assert leftovers(execution) == []


def test_a_full_disk_is_not_taken_for_another_process(execution):
    def fail(out: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        run_jobs("stage", [Job("a", hash_of("a"), fail)], execution)


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
    (result,) = (execution.cache_folder / "stage").glob("*/*")
    writers = {file.read_text() for file in result.iterdir()}
    assert len(list(result.iterdir())) == 20
    assert len(writers) == 1  # all of one, nothing of the other
    assert writers <= {str(racer.pid) for racer in racers}


# ------------------------------------------------------------------ hashes


def test_hash_of_depends_on_every_part_but_not_on_the_order_of_keys():
    assert hash_of(1, {"a": 1, "b": None}) == hash_of(1, {"b": None, "a": 1})
    different = [hash_of(*parts) for parts in [(1, 2), (12,), ("1", 2), ([1, 2],), (1, 2, None)]]
    assert len(set(different)) == len(different)
    assert len(hash_of()) == 64


def test_hash_of_file_depends_on_the_content_alone(tmp_path):
    one, two = tmp_path / "one.mp4", tmp_path / "two.mp4"
    one.write_bytes(b"same")
    two.write_bytes(b"same")
    before = hash_of_file(one)
    assert before == hash_of_file(two)
    two.write_bytes(b"sam3")
    assert hash_of_file(two) != before


def test_hash_of_sources_changes_with_the_code(tmp_path):
    package = tmp_path / "package"
    (package / "inner").mkdir(parents=True)
    (package / "a.py").write_text("A = 1\n")
    (package / "inner" / "b.py").write_text("B = 1\n")
    seen = [hash_of_sources(package)]
    (package / "notes.txt").write_text("no code")
    assert hash_of_sources(package) == seen[0]
    (package / "inner" / "b.py").write_text("B = 2\n")
    seen.append(hash_of_sources(package))
    (package / "c.py").write_text("")
    seen.append(hash_of_sources(package))
    (package / "c.py").rename(package / "d.py")
    seen.append(hash_of_sources(package))
    (package / "d.py").unlink()
    (package / "inner" / "b.py").write_text("B = 1\n")
    assert len(set(seen)) == len(seen)
    assert hash_of_sources(package) == seen[0]
