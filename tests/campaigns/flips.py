"""Bits that flip in checkpoints and in the item cache: none may be used."""

import os
import shutil
from pathlib import Path

import numpy as np

from models.training.state_file import DamagedStateError, read_state, write_state
from pipeline.cache import verify
from pipeline.engine.cache import Cache
from tests.campaigns.tally import Tally
from tests.helpers.entries import keys_in
from tests.models.training.test_state_file import STATE
from tests.pipeline.test_cache_index import KINDS, fill, fill_closed, is_right


def flips(count: int, generator: np.random.Generator, folder: Path) -> Tally:
    """Flip a bit in a checkpoint and one in a cache, so many times each."""
    tally = Tally()
    write_state(folder / "whole.state", STATE)
    fill_closed(folder / "whole")
    for _ in range(count):
        _checkpoint(tally, generator, folder)
        _cache(tally, generator, folder)
    return tally


def flip(path: Path, generator: np.random.Generator) -> str:
    """Flip one bit of a file, which keeps its times; returns which one."""
    content, status = bytearray(path.read_bytes()), path.stat()
    at = int(generator.integers(8 * len(content)))
    content[at // 8] ^= 1 << at % 8
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return f"bit {at} of {path.name}"


def _checkpoint(tally: Tally, generator: np.random.Generator, folder: Path) -> None:
    path = folder / "damaged.state"
    shutil.copyfile(folder / "whole.state", path)
    which = flip(path, generator)
    try:
        read_state(path)
    except DamagedStateError:
        tally.note("checkpoint", "training begins anew")
    except Exception as error:
        tally.note("checkpoint", "error", f"{which}: {error!r}")
    else:
        tally.note("checkpoint", "used", f"{which}: used")


def _cache(tally: Tally, generator: np.random.Generator, folder: Path) -> None:
    cache = folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    shutil.copytree(folder / "whole", cache)
    files = sorted(path for path in cache.rglob("*") if path.is_file() and path.name != "lock")
    path = files[generator.integers(len(files))]
    stage, which = path.relative_to(cache).parts[0], flip(path, generator)
    try:
        for number in range(2):
            is_right(Cache(cache), stage, number)
        noticed = verify(Cache(cache)) >= 1 or len(keys_in(cache, stage)) < 2
        fill(cache)
        healed = all(is_right(Cache(cache), of, number) for of in KINDS for number in range(2))
    except Exception as error:
        tally.note(f"cache, {stage}", "error", f"{which}: {error!r}")
        return
    fault = "" if noticed and healed else f"{which}: noticed {noticed}, healed {healed}"
    tally.note(f"cache, {stage}", "computed again" if not fault else "used", fault)
