"""A full disk and full memory, as each library says so, end in one sentence."""

import errno
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.engine.disk import is_disk_full
from pipeline.engine.jobs import stage_errors

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
