import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from features.errors import InputError
from features.hashes import hash_of
from models.training.state_file import write_state
from pipeline.cache import prune, verify
from pipeline.engine import cache as module
from pipeline.engine.cache import Cache
from pipeline.engine.entries import locks, segments
from tests.helpers.entries import folders_in, keys_in
from tests.helpers.project import ROOT

DAY = 86_400


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def fill(cache, stage="faces", name="a", size=1000, days=0.0):
    """One entry with a shard and a small file; returns its key."""
    key, now = hash_of(stage, name), time.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.time, "time", lambda: now - days * DAY)
        with cache.new(stage, key) as folder:
            (folder / "rows").mkdir()
            (folder / "rows/c.0.0").write_bytes(name.encode() * size)
            (folder / "facts.json").write_text("{}")
    return key


def fresh(cache: Cache) -> Cache:
    """The cache as another process sees it."""
    return Cache(cache.folder)


def shard(cache: Cache, key: str) -> Path:
    (folder,) = [f for f in folders_in(cache.folder) if f.name.startswith(key)]
    return folder / "rows/c.0.0"


def test_an_entry_is_taken_as_it_was_made(cache):
    key = fill(cache)
    result = fresh(cache).take("faces", key)
    assert (result / "rows/c.0.0").read_bytes() == b"a" * 1000
    assert (result / "facts.json").read_text() == "{}"
    assert cache.take("faces", hash_of("another")) is None
    assert cache.take("lld", key) is None
    assert [p.name for p in folders_in(cache.folder)[0].rglob("*") if p.is_file()] == ["c.0.0"]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def change(path: Path) -> None:
    path.write_bytes(b"b" + path.read_bytes()[1:])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncate, "c.0.0 has 999 bytes, not 1000"),
        (Path.unlink, "No such file"),
        (change, "c.0.0 has another content"),
    ],
)
def test_a_damaged_entry_is_never_used(cache, capsys, damage: Callable, said):
    key = fill(cache)
    damage(shard(cache, key))
    assert cache.take("faces", key) is None
    shown = capsys.readouterr().err
    assert said in shown
    assert "made again" in shown
    assert fresh(cache).take("faces", key) is None
    fill(cache)  # there is room for it
    assert fresh(cache).take("faces", key) is not None


def test_a_cache_that_was_copied_is_as_good(cache, tmp_path, capsys):
    key = fill(cache)
    shutil.copytree(cache.folder, tmp_path / "copy", copy_function=shutil.copy)
    copy = Cache(tmp_path / "copy")
    assert copy.take("faces", key) is not None
    assert shard(copy, key).stat().st_mtime_ns == shard(cache, key).stat().st_mtime_ns
    assert not capsys.readouterr().err


def test_entries_that_changed_places_are_found_when_taken(cache, capsys):
    keys = [fill(cache, name=name) for name in "ab"]
    one, other = (shard(cache, key) for key in keys)
    one.rename(one.with_name("aside"))
    other.rename(one)
    one.with_name("aside").rename(other)
    assert [cache.take("faces", key) for key in keys] == [None, None]
    assert capsys.readouterr().err.count("another content") == 2


def test_verify_finds_what_time_and_size_do_not_show(cache, capsys):
    good, bad = fill(cache, name="a"), fill(cache, name="b")
    file = shard(cache, bad)
    status = file.stat()
    file.write_bytes(b"c" * 1000)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cache.take("faces", bad) is not None
    assert verify(fresh(cache)) == 1
    assert "another content" in capsys.readouterr().err
    assert fresh(cache).take("faces", bad) is None
    assert fresh(cache).take("faces", good) is not None


def test_what_is_no_shard_is_compared_whenever_it_is_taken(cache):
    with cache.new("train", "ab" * 32) as folder:
        (folder / "model.safetensors").write_bytes(bytes(100_000))
    (folder,) = folders_in(cache.folder)
    file = folder / "model.safetensors"
    status = file.stat()
    file.write_bytes(bytes(50_000) + b"\1" + bytes(49_999))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cache.take("train", "ab" * 32) is None


def test_an_entry_that_fails_leaves_nothing(cache):
    def fail(folder):
        (folder / "half").write_text("half")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), cache.new("faces", hash_of("x")) as folder:
        fail(folder)
    assert folders_in(cache.folder) == []
    assert list(cache.entries()) == []


def test_a_result_without_a_file_is_none(cache):
    with pytest.raises(RuntimeError, match="no file"), cache.new("faces", hash_of("x")):
        pass
    assert list(cache.entries()) == []


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_writer_whose_folder_vanished_fails(cache, comes_back):
    def vanish(folder):
        (folder / "first").write_text("a half")
        shutil.rmtree(folder)
        if comes_back:
            folder.mkdir()
            (folder / "second").write_text("the other half")

    with pytest.raises(InputError, match="vanished"), cache.new("faces", "ab" * 32) as folder:
        vanish(folder)
    assert list(cache.entries()) == []


# ------------------------------------------------------------------ kills

KILLED = """
import os, signal, sys; from pathlib import Path
from pipeline.engine.cache import Cache
with Cache(Path(sys.argv[1])).new('faces', 'ab' * 32) as folder:
    (folder / 'half').write_text('half')
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_sweep_deletes_what_dead_processes_left(cache):
    command = [sys.executable, "-c", KILLED, str(cache.folder)]
    if os.geteuid() == 0:  # its process number means nothing here
        command = ["unshare", "--pid", "--fork", "sh", "-c", '"$@"; true', "sh", *command]
    subprocess.run(command, cwd=ROOT, check=False)
    with cache.new("faces", "cd" * 32) as alive:
        (alive / "file").write_text("whole")
        assert len(folders_in(cache.folder)) == 2
        assert cache.sweep() == 1
        assert folders_in(cache.folder) == [alive]
        assert cache.sweep() == 0
    assert fresh(cache).take("faces", "cd" * 32) is not None


SWEEPS = """
import sys; from pathlib import Path
from pipeline.cache import verify
from pipeline.engine.cache import Cache
cache = Cache(Path(sys.argv[1]))
print(cache.sweep(), verify(cache))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make process namespaces")
def test_nothing_live_is_swept_from_another_process_namespace(cache):
    with cache.new("faces", "cd" * 32) as alive:
        (alive / "file").write_text("whole")
        command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", SWEEPS]
        done = subprocess.run(
            [*command, str(cache.folder)], cwd=ROOT, check=True, capture_output=True, text=True
        )
        assert done.stdout.split() == ["0", "0"]
    assert fresh(cache).take("faces", "cd" * 32) is not None


def test_without_locks_what_may_be_alive_is_spared(cache, monkeypatch):
    subprocess.run([sys.executable, "-c", KILLED, str(cache.folder)], cwd=ROOT, check=False)

    def refuse(*_):
        raise OSError(locks.NO_LOCKS[0], "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    assert cache.sweep() == 0
    (segment,) = cache.folder.glob("faces/index/*.open")
    os.utime(segment, (0, 0))
    assert cache.sweep() == 1
    assert folders_in(cache.folder) == []


@pytest.mark.parametrize("deletion", ["take", "verify", "prune"])
def test_a_killed_deletion_leaves_no_half_entry(cache, deletion):
    key = fill(cache)
    if deletion != "prune":
        truncate(shard(cache, key))
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
    assert fresh(cache).take("faces", key) is None
    assert fresh(cache).sweep() == 1
    assert folders_in(cache.folder) == []


# ------------------------------------------------------------------ making room


def test_prune_by_age_takes_what_was_not_used(cache):
    old, new = fill(cache, name="old", days=40), fill(cache, name="new")
    used = fill(cache, name="used", days=40)
    cache.take("faces", used)
    assert [entry.key for entry in prune(fresh(cache), unused_days=30)] == [old]
    assert keys_in(cache.folder, "faces") == {new, used}
    assert [entry.key for entry in prune(fresh(cache), unused_days=0)] == [new, used]


def test_prune_to_a_size_takes_the_longest_unused(cache):
    keys = [fill(cache, name=str(days), days=days) for days in (1, 5, 3)]
    gone = prune(cache, most_bytes=2100)
    assert [entry.key for entry in gone] == [keys[1]]
    assert prune(fresh(cache), most_bytes=2100) == []
    assert len(prune(fresh(cache), most_bytes=0)) == 2


def test_bytes_that_a_store_links_to_are_not_freed(cache, tmp_path):
    key = fill(cache)
    os.link(shard(cache, key), tmp_path / "linked.bin")
    (entry,) = prune(cache, unused_days=0)
    assert (entry.size, entry.unshared) == (1002, 2)
    assert (tmp_path / "linked.bin").read_bytes() == b"a" * 1000


def test_a_full_disk_can_be_pruned(cache, monkeypatch):
    fill(cache)

    def full(*_):
        raise OSError(locks.FULL[0], "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(segments.os, "write", full)
        patch.setattr(segments.os, "fsync", full)
        assert len(prune(fresh(cache), most_bytes=0)) == 1
        assert folders_in(cache.folder) == []
    assert not list(cache.folder.rglob("*.new"))


def test_a_full_disk_leaves_the_lines_whole(cache, monkeypatch):
    key = fill(cache)
    write = os.write

    def half(file, content):
        if len(content) < 300:
            return write(file, content)
        write(file, content[:10])
        raise OSError(locks.FULL[0], "No space left on device")

    monkeypatch.setattr(segments.os, "write", half)
    with pytest.raises(OSError, match="No space left"):
        fill(cache, name="b")
    monkeypatch.undo()
    assert keys_in(cache.folder, "faces") == {key}
    fill(cache, name="c")
    assert verify(fresh(cache)) == 0
    assert len(keys_in(cache.folder, "faces")) == 2


# ------------------------------------------------------------------ unfinished trainings


def state_in(cache, days=0.0):
    """The state of a training."""
    file = cache.folder / "training" / f"{'ab' * 32}.training.state"
    write_state(file, {"network": torch.arange(1000)})
    then = time.time() - days * DAY
    os.utime(file, (then, then))
    return file


def test_states_of_trainings_are_verified_and_pruned(cache, capsys):
    file = state_in(cache, days=3)
    assert verify(cache) == 0
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert verify(cache) == 1
    assert "deleted an entry of training" in capsys.readouterr().err
    file = state_in(cache, days=3)
    assert prune(cache, unused_days=4) == []
    assert len(prune(cache, unused_days=2)) == 1
    assert not file.exists()


def test_what_a_killed_training_was_writing_is_swept_and_a_live_one_is_not(cache):
    state_in(cache)
    files = [cache.folder / "training" / f"{'ab' * 32}.pt.{n}.partial" for n in "12"]
    for file in files:
        file.write_bytes(b"half")
    with files[0].open("ab") as live:
        locks.fcntl.flock(live, locks.fcntl.LOCK_EX)
        assert cache.sweep() == 1
        assert [file.exists() for file in files] == [True, False]


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
    truncate(shard(cache, bad))
    shown = command(cache).stderr
    assert "faces" in shown
    assert "12.0" in shown
    done = command(cache, "--verify", "--unused-days", "10")
    assert done.returncode == 0, done.stderr
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
    locks.lock.cache_clear()  # the run ends


@pytest.mark.parametrize("amount", ["-1", "nan", "much"])
def test_the_command_refuses_what_is_no_amount(cache, amount):
    refused = command(cache, "--max-gb", amount)
    assert refused.returncode == 2
    assert f"{amount} is not an amount" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("folder", ["file", "file/cache", "/proc/cache"])
def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path, folder):
    (tmp_path / "file").write_text("no folder")
    cache = Cache(tmp_path / folder)
    for use in (lambda: cache.lock(exclusive=False), lambda: cache.new("a", "b").__enter__()):
        with pytest.raises(InputError, match="cannot be used") as caught:
            use()
        assert "execution.cache or LACUNA_CACHE" in caught.value.remedy
    refused = command(cache)
    assert refused.returncode == 1
    assert "Error: the item cache" in refused.stderr
    assert "Traceback" not in refused.stderr
