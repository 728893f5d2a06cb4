"""Low-level descriptors (LLD) of sound by openSMILE, 100 rows a second.

Row k describes the sound around 0.01·k + 0.010 s after the first sample. A set is ComParE 2013
(IS13, 65 columns), ComParE_2016 (the same with repaired jitter and shimmer), or a user's config.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.extractors.opensmile.feeding import run_in_parts
from features.extractors.opensmile.user_config import hash_of_config, user_config
from features.extractors.settings import OpenSMILESettings
from features.media.decoding import LONGEST_HOURS, MAX_SAMPLE
from features.media.rates import SAMPLE_RATE

if TYPE_CHECKING:
    import opensmile

DESCRIPTORS = 65
"""Columns of IS13 and ComParE_2016, without deltas."""

ROW_RATE = 100
"""Rows per second."""

LONGEST_WINDOW = 0.06
"""Seconds of sound that the first row of IS13 needs (the window of F0, jitter and shimmer)."""

_HOP = SAMPLE_RATE // ROW_RATE

_CORES = {
    "IS13": "is09-13/IS13_ComParE_core.lld.conf.inc",
    "ComParE_2016": "compare/ComParE_2016_core.lld.conf.inc",
}
"""Where opensmile's package keeps the descriptors of its sets."""

_LLD_ONLY = """\
[componentInstances:cComponentManager]
instance[dataMemory].type = cDataMemory
instance[join].type = cVectorConcat
\\{{\\cm[source{{?}}:sound]}}
\\{{{core}}}
[join:cVectorConcat]
reader.dmLevel = is13_lld_nzsmo;is13_lldA_smo;is13_lldB_smo
writer.dmLevel = lld
includeSingleElementFields = 1
\\{{\\cm[sink{{?}}:rows]}}
"""
"""The package's own configs also compute 6373 functionals, with every row kept in memory."""

_CONFIG_REMEDY = (
    "follow the template of opensmile.Smile for custom configs, with its source and sink"
)

_DELTA = re.compile(r"(?=\[)|$")
"""Where openSMILE puts the `_de` of a delta: `mfcc_sma_de[1]`."""


def row_count(samples: int) -> int:
    """Rows that IS13 and ComParE_2016 have of so many samples: floor((N − 960) / 160) + 2."""
    shortest = round(LONGEST_WINDOW * SAMPLE_RATE)
    return (samples - shortest) // _HOP + 2 if samples >= shortest else 0


def identity(settings: OpenSMILESettings) -> str:
    """What tells one set from another: its name, or the SHA-256 of a config and all it includes.

    Raises:
        InputError: as `names` does, for what can be seen without running the config.
    """
    if settings.set in _CORES:
        return settings.set
    _user_config(settings.set, settings.sha256)
    return str(settings.sha256)


def names(settings: OpenSMILESettings) -> tuple[str, ...]:
    """Names of the columns in their order, as openSMILE gives them; deltas end in `_de`.

    Raises:
        InputError: a config file is missing, has another SHA-256, is not one that openSMILE takes,
            or does not write 100 rows a second.
    """
    columns = tuple(_extractor(settings).smile.feature_names)
    if not settings.deltas:
        return columns
    return columns + tuple(_DELTA.sub("_de", name, count=1) for name in columns)


def extract_lld(samples: NDArray[np.float32], settings: OpenSMILESettings) -> NDArray[np.float32]:
    """Compute the descriptors of a whole recording.

    A part of a recording gives other rows than the whole (RASTA filtering starts up during the
    first 0.8 s), so pass all of it at once. Two hours take 1.3 GB, samples
    and rows included. A user's config gets its sound at once, which takes 0.3 MB a second, or 0.8
    MB where it computes functionals as well.

    Args:
        samples: (N,) at 16 kHz, mono. Values outside the range of 16 bits are clipped: openSMILE
            would let them wrap around.
        settings: which set, and whether its deltas follow it.

    Returns:
        (rows, columns), all finite; `row_count(N)` rows of the sets known by name.

    Raises:
        ValueError: the samples are not one-dimensional or not all finite.
        InputError: the sound is longer than `media.LONGEST_HOURS`; or a user's config is wrong, as
            for `names`, or gives values that are not finite.
    """
    if samples.ndim != 1:
        raise ValueError(f"samples must be (N,), not {samples.shape}")
    if len(samples) > LONGEST_HOURS * 3600 * SAMPLE_RATE:
        hours = len(samples) / SAMPLE_RATE / 3600
        reason = f"{hours:.1f} hours of sound, of which openSMILE takes {LONGEST_HOURS} at most"
        raise InputError(reason, "cut the file into parts, or exclude it")
    extractor = _extractor(settings)
    if settings.set in _CORES:
        rows = run_in_parts(extractor.smile, clipped(samples), row_count(len(samples)), _HOP)
    else:
        rows = extractor.run(clipped(samples))
    expected = extractor.rows_of_a_second + (len(samples) - SAMPLE_RATE) // _HOP
    too_short = len(rows) == 0 and len(samples) < SAMPLE_RATE
    if not too_short and abs(len(rows) - expected) > 1:
        reason = f"{settings.set} gives {len(rows)} rows of {len(samples)} samples, not {expected}"
        raise InputError(reason, "use a config that writes a row every 10 ms, whatever the sound")
    finite = np.isfinite(rows).all(axis=0)
    if not finite.all():
        column = names(settings)[int(np.argmin(finite))]
        raise InputError(f"{settings.set} gives {column} that is not finite", "fix the config")
    return np.hstack((rows, deltas_of(rows))) if settings.deltas else rows


def clipped(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The samples within the range of 16 bits; decoded sound is so already and is not copied."""
    low, high = samples.min(initial=0.0), samples.max(initial=0.0)
    if not np.isfinite((low, high)).all():
        raise ValueError("samples must be finite: openSMILE takes NaN for silence")
    if low < -1.0 or high > MAX_SAMPLE:
        samples = np.clip(samples, -1.0, MAX_SAMPLE)
    return samples.astype(np.float32, copy=False)


def deltas_of(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Slope of every column, Σ n·(x[t+n] − x[t−n]) / 10 over n = 1, 2, the borders replicated.

    openSMILE's own let those of the voicing columns shrink along the file.
    """
    if not len(rows):
        return rows
    x = np.pad(rows, ((2, 2), (0, 0)), mode="edge")
    return (((x[3:-1] - x[1:-3]) + 2 * (x[4:] - x[:-4])) / 10).astype(np.float32, copy=False)


@dataclass(frozen=True)
class _Extractor:
    """openSMILE with one set.

    Attributes:
        smile: opensmile's wrapper.
        rows_of_a_second: of sound.
        folder: of the config; gone with this object.
    """

    smile: opensmile.Smile
    rows_of_a_second: int
    folder: tempfile.TemporaryDirectory[str]

    def run(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rows of some samples, (rows, columns); none where they are too few for one."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Segment too short")
            rows = self.smile(samples, SAMPLE_RATE)[0].T
        if len(rows) == 1 and np.isnan(rows).all():  # opensmile's way to say so
            rows = rows[:0]
        return np.ascontiguousarray(rows, np.float32)


def smile_of(settings: OpenSMILESettings) -> opensmile.Smile:
    """Opensmile's wrapper of a set; `names` says what it raises."""
    return _extractor(settings).smile


def _extractor(settings: OpenSMILESettings) -> _Extractor:
    return _load(settings.set, settings.sha256)


@cache
def _load(name: str, sha256: str | None) -> _Extractor:
    """Make openSMILE ready, once per process; `names` says what it raises."""
    import opensmile

    folder = tempfile.TemporaryDirectory(prefix="lacuna-lld-")
    config = Path(folder.name) / "lld.conf"
    if name not in _CORES:
        config.write_text(_user_config(name, sha256), encoding="latin-1")
        return _probed(name, config, folder)
    root = Path(opensmile.__file__).parent / "core" / "config"
    config.write_text(_LLD_ONLY.format(core=root / _CORES[name]))
    # No functionals, so no level keeps all its rows, just enough to wait for the smoothed F0.
    lag = str(root / "shared" / "BufferModeRbLag.conf.inc")
    options = {"bufferModeConf": lag, "bufferModeRbLagConf": lag}
    smile = opensmile.Smile(str(config), "lld", options=options)
    return _Extractor(smile, row_count(SAMPLE_RATE), folder)


def _probed(name: str, config: Path, folder: tempfile.TemporaryDirectory[str]) -> _Extractor:
    """Try a user's config: it must run, and ten more seconds must give 1000 more rows."""
    import opensmile
    from opensmile.core.lib import OpenSmileException

    noise = np.random.default_rng(0).normal(0, 0.1, 11 * SAMPLE_RATE).astype(np.float32)
    try:
        extractor = _Extractor(opensmile.Smile(str(config), "lld"), 0, folder)
        short, long = (len(extractor.run(noise[: n * SAMPLE_RATE])) for n in (1, 11))
    except OpenSmileException as error:
        reason = f"{name} is not a config that openSMILE runs with a level named lld ({error})"
        raise InputError(reason, _CONFIG_REMEDY) from error
    if long - short != 10 * ROW_RATE:
        reason = f"{name} makes {long - short} rows of ten seconds of sound, not {10 * ROW_RATE}"
        raise InputError(reason, "set frameStep = 0.010 in it")
    return replace(extractor, rows_of_a_second=short)


def _user_config(name: str, sha256: str | None) -> str:
    """A user's config with all that it includes in its place, as the stream states it."""
    path = Path(name).expanduser()
    if not path.is_file():  # a folder would crash openSMILE
        known = " and ".join(_CORES)
        raise InputError(
            f"the openSMILE config {name} does not exist",
            f"check `set` of the stream; the sets known by name are {known}",
        )
    actual = hash_of_config(path)
    if actual != sha256:
        raise InputError(
            f"{name}, with what it includes, has the SHA-256 {actual}, not that of the stream",
            "check that it is the file you mean, and correct `sha256`",
        )
    return user_config(path)
