"""A full disk and full memory, as each library says so, end in one sentence."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.engine.disk import is_disk_full
from pipeline.engine.jobs import stage_errors
from tests.helpers.project import ROOT

TOO_LARGE = np.zeros(1 << 16)  # 512 kB
FULL = Path("/dev/full")

needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")


def by_torch(path):
    torch.save({"a": torch.from_numpy(TOO_LARGE)}, path)


def by_numpy(path):
    with path.open("wb") as file:
        TOO_LARGE.tofile(file)


def by_zip(path):
    with path.open("wb") as file:
        np.savez(file, a=TOO_LARGE)


def by_state(path):
    from models.training.state_file import write_state

    write_state(path, {"a": torch.from_numpy(TOO_LARGE)})


def by_weights(path):
    from models.recogniser import save_weights

    save_weights(path.parent, {"a": torch.from_numpy(TOO_LARGE)})


@needs_full
@pytest.mark.parametrize("write", [by_torch, by_numpy, by_zip])
def test_a_full_disk_is_known_whoever_writes(write, capsys):
    with pytest.raises(SystemExit) as caught, stage_errors():
        write(FULL)
    assert caught.value.code == 1
    said = capsys.readouterr()
    assert "the disk is full" in said.out + said.err
    assert "Traceback" not in said.out + said.err


@pytest.mark.parametrize("write", [by_state, by_weights])
def test_a_writer_that_fails_says_why(write, tmp_path, monkeypatch):
    """The folder can hold nothing: what is opened for writing is the full device."""
    (tmp_path / "model.safetensors").symlink_to(FULL)
    real = Path.open

    def opened(path, mode="r", *rest, **more):
        return real(FULL if "w" in mode else path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(OSError, match="No space left") as caught:
        write(tmp_path / "a.state")
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:626] . unexpected pos 64 vs 0"),
    ],
)
def test_errors_of_other_libraries(error):
    assert is_disk_full(error)
    outer = ValueError("a codec failed")
    outer.__cause__ = error
    assert is_disk_full(outer)
    assert not is_disk_full(ValueError("a codec failed"))


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")],
)
def test_no_memory_is_a_sentence(error, capsys):
    with pytest.raises(SystemExit), stage_errors():
        raise error
    said = capsys.readouterr()
    assert "there is not enough memory" in said.out + said.err


# ------------------------------------------------------------------ a disk that is full

ON_A_FULL_DISK = """
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from features.files import whole
from features.stores.jpeg import jpeg_codecs
from features.stores.writing import new_item
from pipeline.engine.disk import is_disk_full

disk = Path(sys.argv[1])
noise = np.random.default_rng(0).integers(0, 255, (40, 96, 96, 3), np.uint8)


def shards():
    with new_item(disk / "item", {}) as writer:
        writer.rows("x", noise.shape, np.uint8).append(noise)


def jpeg():
    with new_item(disk / "crops", {}) as writer:
        writer.rows("x", noise.shape, np.uint8, **jpeg_codecs(100, 96)).append(noise)


def parquet():
    with whole(disk / "a.parquet") as place:
        pd.DataFrame({"x": noise.ravel()}).to_parquet(place)


def csv():
    with whole(disk / "a.csv") as place:
        pd.DataFrame({"x": noise.ravel()}).to_csv(place)


def png():
    figure = Figure(figsize=(20, 20))
    figure.subplots().imshow(noise[0], interpolation="nearest")
    with whole(disk / "a.png") as place:
        figure.savefig(place, format="png", dpi=200)


for write in (shards, jpeg, parquet, csv, png):
    try:
        write()
        print(write.__name__, "nothing was raised")
    except Exception as error:
        print(write.__name__, is_disk_full(error))
print(sorted(path.name for path in disk.iterdir() if path.is_file()))
"""


def test_stores_tables_and_figures_on_a_disk_that_is_full(tmp_path):
    """A file system of 64 KB, which this user may make in a name space of its own."""
    mount = f"mount -t tmpfs -o size=64k tmpfs {tmp_path} && exec "
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    try:
        subprocess.run([*inside, f"{mount} true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may make no file system here")
    script = tmp_path.parent / "full.py"
    script.write_text(ON_A_FULL_DISK)
    command = f"{mount} {sys.executable} {script} {tmp_path}"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([*inside, command], check=False, capture_output=True, text=True, env=env)
    names = ("shards", "jpeg", "parquet", "csv", "png")
    assert ran.stdout.splitlines() == [*(f"{name} True" for name in names), "[]"], ran.stderr
