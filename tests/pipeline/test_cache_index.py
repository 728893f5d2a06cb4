"""The item cache's index: bits that flip, processes that write together, users who share it."""

import errno
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.hashes import hash_of
from pipeline.cache import prune, verify
from pipeline.engine.cache import Cache
from pipeline.engine.entries import locks
from pipeline.engine.entries.index import MOST_CLOSED
from tests.helpers.entries import folders_in, keys_in
from tests.helpers.project import ROOT

KINDS = {
    "faces": {"crops/c.0.0.0.0": 3000, "item.safetensors": 200},
    "extract": {"rows/c.0.0": 2000, "item.safetensors": 200},
    "extract-blank": {"blank.npy": 500},
    "train": {"model.safetensors": 70_000, "history.csv": 100, "facts.json": 50},
    "corpus": {"facts.json": 300},
}
"""Files of results, and how long they are."""


def content_of(stage: str, name: str, size: int) -> bytes:
    return (hash_of(stage, name).encode() * (size // 64 + 1))[:size]


def fill(folder: Path, count: int = 2) -> None:
    cache = Cache(folder)
    for stage, files in KINDS.items():
        for number in range(count):
            with cache.new(stage, hash_of(stage, number)) as out:
                for name, size in files.items():
                    (out / name).parent.mkdir(exist_ok=True)
                    (out / name).write_bytes(content_of(stage, f"{name}{number}", size))


def is_right(cache: Cache, stage: str, number: int) -> bool:
    """Whether a result is there and whole; False where it is not there.

    Raises:
        AssertionError: it is there and not what was written.
    """
    result = cache.take(stage, hash_of(stage, number))
    if result is None:
        return False
    for name, size in KINDS[stage].items():
        if "/" not in name:  # shards are verified when they are read
            assert (result / name).read_bytes() == content_of(stage, f"{name}{number}", size)
    return True


def fill_closed(folder: Path) -> None:
    """Write two results of every kind, and close the segments."""
    script = (
        "import sys; from pathlib import Path; "
        "from tests.pipeline.test_cache_index import fill; fill(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, check=True)
    Cache(folder).sweep()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with two results of every kind, its segments closed."""
    folder = tmp_path_factory.mktemp("filled") / "cache"
    fill_closed(folder)
    return folder


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_flipped_bit_is_found_and_none_is_used(filled, tmp_path, data):
    folder = tmp_path / "cache"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(filled, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    file = data.draw(st.sampled_from(files))
    content = bytearray(file.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    status = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    stage = file.relative_to(folder).parts[0]
    for number in range(2):
        is_right(Cache(folder), stage, number)
    assert verify(Cache(folder)) >= 1 or len(keys_in(folder, stage)) < 2
    assert verify(Cache(folder)) == 0
    fill(folder)
    assert all(is_right(Cache(folder), of, number) for of in KINDS for number in range(2))
    assert len(keys_in(folder, stage)) == 2


def write_some(folder: Path, first: int) -> None:
    cache = Cache(folder)
    for number in range(first, first + 20):
        with cache.new("corpus", hash_of("corpus", number)) as out:
            (out / "facts.json").write_bytes(content_of("corpus", f"facts.json{number}", 300))
        cache.sweep()


def test_processes_write_together_and_segments_become_few(tmp_path):
    fork = multiprocessing.get_context("fork")
    for turn in range(3):
        writers = [
            fork.Process(target=write_some, args=(tmp_path, 20 * (7 * turn + n))) for n in range(7)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(120)
        assert [writer.exitcode for writer in writers] == [0] * 7
    cache = Cache(tmp_path)
    cache.sweep()
    assert len(list(tmp_path.glob("corpus/index/*"))) <= MOST_CLOSED + 1
    cache.sweep()
    assert all(is_right(cache, "corpus", number) for number in range(420))
    assert verify(Cache(tmp_path)) == 0
    assert len(list(tmp_path.glob("corpus/index/*"))) == 1
    assert all(is_right(Cache(tmp_path), "corpus", number) for number in range(420))


def test_a_reader_sees_what_is_merged_while_it_reads(filled, tmp_path):
    shutil.copytree(filled, tmp_path / "cache")
    reader, other = Cache(tmp_path / "cache"), Cache(tmp_path / "cache")
    assert is_right(reader, "corpus", 0)
    other.compact()
    assert is_right(reader, "corpus", 1)


def test_a_half_line_that_a_kill_left_is_cut_off(filled, tmp_path):
    folder = tmp_path / "cache"
    shutil.copytree(filled, folder)
    (segment,) = folder.glob("corpus/index/*.rows")
    segment = segment.rename(segment.with_suffix(".open"))
    with segment.open("ab") as file:
        file.write(b"1234 row")
    assert is_right(Cache(folder), "corpus", 0)
    assert Cache(folder).sweep() == 1
    assert verify(Cache(folder)) == 0
    assert len(keys_in(folder, "corpus")) == 2


def test_a_deleted_entry_stays_deleted_when_segments_are_merged(filled, tmp_path):
    folder = tmp_path / "cache"
    shutil.copytree(filled, folder)
    deleted = prune(Cache(folder), most_bytes=0)
    assert len(deleted) == 10
    assert folders_in(folder) == []
    assert not [key for stage in KINDS for key in keys_in(folder, stage)]


# ------------------------------------------------------------------ locks and users


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF])
def test_without_locks_runs_go_on_and_nothing_is_deleted(tmp_path, monkeypatch, number):
    cache, asked = Cache(tmp_path), []

    def refuse(file, operation):
        asked.append(operation)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    cache.lock(exclusive=False)
    with pytest.raises(InputError, match="has no locks"):
        cache.lock(exclusive=True)
    assert len(asked) == 2
    fill(tmp_path, 1)
    assert is_right(cache, "train", 0)


@pytest.mark.parametrize("exclusive", [True, False])
def test_the_lock_is_open_for_reading_and_writing(tmp_path, monkeypatch, exclusive):
    """NFS gives locks to share only on files open for reading, others only for writing."""
    modes = []
    monkeypatch.setattr(locks.fcntl, "flock", lambda file, _: modes.append(file.mode))
    Cache(tmp_path).lock(exclusive=exclusive)
    assert modes == ["a+"]


OTHER_USER = """
import os, sys; from pathlib import Path
from tests.pipeline import test_cache_index as tests
from pipeline.cache import verify
from pipeline.engine.cache import Cache
folder, group, task = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
os.setgroups([group]); os.setgid(12345); os.umask(0o022); os.setuid(12345)
cache = Cache(folder)
cache.lock(exclusive=False)
assert all(tests.is_right(cache, stage, 0) for stage in tests.KINDS)
cache.sweep()
if task == "write":
    tests.fill(folder)
    (shard,) = [p for p in folder.glob("extract/files/*/*/*/*") if p.stat().st_uid == 0]
    os.link(shard, shard.with_name("linked"))
    shard.with_name("linked").unlink()
elif task == "verify":
    assert verify(cache) == 0
else:
    try:
        tests.fill(folder)
    except tests.InputError as error:
        print(error)
"""


@pytest.fixture
def folder():
    """A folder that others may enter, as pytest's own is not."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        made = Path(parent) / "cache"
        made.mkdir()
        yield made


@pytest.fixture
def as_other():
    """Runs a script as another user, who is in a group that the folder may belong to."""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")

    def run(folder: Path, task: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", OTHER_USER, str(folder), "23456", task],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_cache_may_be_shared_by_a_group(folder, as_other):
    os.chown(folder, -1, 23456)
    folder.chmod(0o2770)
    fill(folder, 1)
    as_other(folder, "write")
    assert all(is_right(Cache(folder), stage, 1) for stage in KINDS)
    for path in folder.rglob("*"):
        assert (path.stat().st_gid, path.stat().st_mode & 0o060) == (23456, 0o060), path
    as_other(folder, "verify")


def test_a_cache_may_be_read_only_with_all_results_in_it(folder, as_other):
    fill(folder, 1)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    folder.chmod(0o755)
    assert "cannot be used (Permission denied)" in as_other(folder, "read")
