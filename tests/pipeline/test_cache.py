import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from features.errors import InputError
from features.hashes import hash_of
from pipeline.cache import prune, verify
from pipeline.engine import cache as module
from pipeline.engine.cache import RECORD, Cache
from tests.helpers.project import ROOT

DAY = 86_400


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def fill(cache, stage="faces", name="a", size=1000, days=0.0):
    """One entry with two files; returns its key."""
    key = hash_of(stage, name)
    with cache.new(stage, key) as folder:
        (folder / "deep").mkdir()
        (folder / "deep/numbers.bin").write_bytes(name.encode() * size)
        (folder / "facts.json").write_text("{}")
    then = time.time() - days * DAY
    os.utime(cache.place(stage, key) / RECORD, (then, then))
    return key


def test_an_entry_is_taken_as_it_was_made(cache):
    key = fill(cache)
    result = cache.take("faces", key)
    assert (result / "deep/numbers.bin").read_bytes() == b"a" * 1000
    assert cache.take("faces", hash_of("another")) is None
    assert cache.take("lld", key) is None


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("file", "damage", "said"),
    [
        ("result/deep/numbers.bin", truncate, "numbers.bin has 999 bytes, not 1000"),
        ("result/deep/numbers.bin", Path.unlink, "No such file"),
        (RECORD, truncate, "entry.json cannot be read"),
        (RECORD, Path.unlink, "No such file"),
        (RECORD, partial(Path.write_text, data="[1]"), "entry.json cannot be read"),
        (RECORD, partial(Path.write_text, data='{"x": 3}'), "entry.json cannot be read"),
    ],
)
def test_a_damaged_entry_is_never_used(cache, capsys, file, damage: Callable, said):
    key = fill(cache)
    damage(cache.place("faces", key) / file)
    assert cache.take("faces", key) is None
    shown = capsys.readouterr().err
    assert said in shown
    assert "made again" in shown
    fill(cache)  # there is room for it
    assert cache.take("faces", key) is not None


def test_verify_finds_what_sizes_do_not_show(cache, capsys):
    good, bad = fill(cache, name="a"), fill(cache, name="b")
    (cache.place("faces", bad) / "result/deep/numbers.bin").write_bytes(b"c" * 1000)
    assert cache.take("faces", bad) is not None
    assert verify(cache) == 1
    assert "another content" in capsys.readouterr().err
    assert cache.take("faces", bad) is None
    assert cache.take("faces", good) is not None


def test_an_entry_that_fails_leaves_nothing(cache):
    def fail(folder):
        (folder / "half").write_text("half")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), cache.new("faces", hash_of("x")) as folder:
        fail(folder)
    assert [p for p in cache.folder.rglob("*") if p.is_file()] == []
    assert list(cache.entries()) == []


def test_sweep_deletes_what_dead_processes_left(cache):
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from pipeline.engine.cache import Cache\n"
        "with Cache(Path(sys.argv[1])).new('faces', 'ab' * 32) as folder:\n"
        "    (folder / 'half').write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(cache.folder)], cwd=ROOT, check=False)
    with cache.new("faces", "cd" * 32) as alive:
        assert len(list(cache.folder.rglob("*.partial"))) == 2
        assert cache.sweep() == 1
        assert alive.exists()
    assert cache.take("faces", "cd" * 32) is not None


@pytest.mark.parametrize("name", [f"{'ab' * 32}~elsewhere~1~12345678.partial", "x.partial"])
def test_sweep_spares_what_may_be_alive_on_another_machine(cache, name):
    elsewhere = cache.folder / "lld/ab" / name
    (elsewhere / "result/x").mkdir(parents=True)
    (elsewhere / "result/x/0").write_text("a shard")
    then = time.time() - 6 * DAY
    for path in (elsewhere / "result/x/0", elsewhere / "result/x", elsewhere / "result", elsewhere):
        os.utime(path, (then, then))
    assert cache.sweep() == 0
    then -= 2 * DAY
    for path in (elsewhere / "result/x", elsewhere / "result", elsewhere):
        os.utime(path, (then, then))
    assert cache.sweep() == 0  # a file of it is younger
    os.utime(elsewhere / "result/x/0", (then, then))
    assert cache.sweep() == 1
    assert not list(elsewhere.parent.iterdir())


def test_sweep_leaves_what_is_finished_meanwhile(cache, monkeypatch):
    gone = cache.folder / "lld/ab/abab~elsewhere~1~12345678.partial"
    monkeypatch.setattr(Path, "glob", lambda *_: iter([gone]))
    assert cache.sweep() == 0


@pytest.mark.parametrize("deletion", ["take", "verify", "prune"])
def test_a_killed_deletion_leaves_no_half_entry(cache, deletion):
    key = fill(cache)
    if deletion != "prune":
        truncate(cache.place("faces", key) / "result/deep/numbers.bin")
    script = (
        "import os, shutil, signal, sys; from pathlib import Path; from pipeline import cache\n"
        "shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"folder = cache.Cache(Path(sys.argv[1])); take = lambda c: c.take('faces', '{key}')\n"
        "verify = cache.verify; prune = lambda c: cache.prune(c, most_bytes=0)\n"
        f"{deletion}(folder)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, str(cache.folder)], cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert list(cache.entries()) == []
    assert not cache.place("faces", key).exists()
    assert cache.sweep() == 1
    assert [p for p in cache.folder.rglob("*") if p.is_file()] == []


def test_an_entry_of_another_user_can_be_taken_but_not_deleted(cache, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    key = fill(cache, days=5)
    monkeypatch.setattr(module.os, "utime", refuse)
    assert cache.take("faces", key) is not None
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(InputError, match=r"cannot be deleted \(Operation not"):
        prune(cache, most_bytes=0)


@pytest.mark.parametrize("folder", ["file", "file/cache", "/proc/cache"])
def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path, folder):
    (tmp_path / "file").write_text("no folder")
    cache = Cache(tmp_path / folder)
    with pytest.raises(InputError, match="cannot be used") as caught:
        cache.lock(exclusive=False)
    assert "execution.cache or LACUNA_CACHE" in caught.value.remedy
    refused = command(cache)
    assert refused.returncode == 1
    assert "Error: the item cache" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF])
def test_without_locks_runs_go_on_and_nothing_is_deleted(cache, monkeypatch, number):
    asked = []

    def refuse(file, operation):
        asked.append(operation)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module.fcntl, "flock", refuse)
    cache.lock(exclusive=False)
    with pytest.raises(InputError, match="has no locks"):
        cache.lock(exclusive=True)
    assert len(asked) == 2


@pytest.mark.parametrize("exclusive", [True, False])
def test_the_lock_is_open_for_reading_and_writing(cache, monkeypatch, exclusive):
    """NFS gives locks to share only on files open for reading, others only for writing."""
    modes = []
    monkeypatch.setattr(module.fcntl, "flock", lambda file, _: modes.append(file.mode))
    cache.lock(exclusive=exclusive)
    assert modes == ["a+"]


def test_prune_by_age_takes_what_was_not_used(cache):
    old, new = fill(cache, name="old", days=40), fill(cache, name="new")
    used = fill(cache, name="used", days=40)
    cache.take("faces", used)
    assert [entry.path.name for entry in prune(cache, unused_days=30)] == [old]
    assert {entry.path.name for entry in cache.entries()} == {new, used}


def test_prune_to_a_size_takes_the_longest_unused(cache):
    keys = [fill(cache, name=str(days), days=days) for days in (1, 5, 3)]
    gone = prune(cache, most_bytes=2100)
    assert [entry.path.name for entry in gone] == [keys[1]]
    assert prune(cache, most_bytes=2100) == []
    assert len(prune(cache, most_bytes=0)) == 2


def test_bytes_that_a_store_links_to_are_not_freed(cache, tmp_path):
    key = fill(cache)
    os.link(cache.result("faces", key) / "deep/numbers.bin", tmp_path / "linked.bin")
    (entry,) = prune(cache, unused_days=0)
    assert (entry.size, entry.unshared) == (1002, 2)
    assert (tmp_path / "linked.bin").read_bytes() == b"a" * 1000


# ------------------------------------------------------------------ the command


def command(cache, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cache", *arguments],
        cwd=ROOT,
        env={**os.environ, "LACUNA_CACHE": str(cache.folder), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_shows_verifies_and_prunes(cache):
    fill(cache, stage="faces", days=12)
    fill(cache, stage="faces", name="b")
    bad = fill(cache, stage="lld")
    (cache.place("lld", bad) / RECORD).write_text(json.dumps({"gone": (1, "")}))
    shown = command(cache).stderr
    assert "faces" in shown
    assert "12.0" in shown
    done = command(cache, "--verify", "--unused-days", "10")
    assert done.returncode == 0
    assert "1 damaged entries deleted" in done.stderr
    assert "1 entries of" in done.stderr
    assert [entry.stage for entry in cache.entries()] == ["faces"]


def test_the_command_waits_for_nobody_and_deletes_nothing_under_a_run(cache):
    fill(cache, days=12)
    cache.lock(exclusive=False)
    refused = command(cache, "--max-gb", "0")
    assert refused.returncode == 1
    assert "Error: a run is using the item cache" in refused.stderr
    assert len(list(cache.entries())) == 1
    module._lock.cache_clear()  # the run ends


@pytest.mark.parametrize("amount", ["-1", "nan", "much"])
def test_the_command_refuses_what_is_no_amount(cache, amount):
    refused = command(cache, "--max-gb", amount)
    assert refused.returncode == 2
    assert f"{amount} is not an amount" in refused.stderr
    assert "Traceback" not in refused.stderr
