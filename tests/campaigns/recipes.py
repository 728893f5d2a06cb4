"""Every odd file that the tests can make: used or refused in a sentence, as it is documented."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from features.errors import InputError
from features.media import decoding as media
from pipeline.params import load_params
from tests.campaigns.tally import Tally
from tests.helpers.zoo import ZOO, Kind
from tests.pipeline.test_params_messages import TRAPS

READERS: dict[str, Callable[[Path], object]] = {
    "probe": media.probe,
    "pictures": lambda path: sum(1 for _ in media.frames(path)),
    "times": media.frame_times,
    "sound": media.sound,
}


def recipes(count: int, generator: np.random.Generator, folder: Path) -> Tally:
    """Make so many odd files, all of them where there are no more, and see what becomes of each."""
    tally = Tally()
    kinds: list[Kind | tuple[str, str]] = [*ZOO, *TRAPS]
    for index in generator.permutation(len(kinds))[:count]:
        kind = kinds[index]
        if isinstance(kind, Kind):
            _media(tally, kind, folder)
        else:
            _settings(tally, *kind, folder)
    return tally


def refusal_of(read: Callable[[Path], object], path: Path) -> str:
    """Why a file is refused; empty where it is read.

    Raises:
        ValueError: it is not said in a sentence with a remedy.
    """
    try:
        read(path)
    except InputError as error:
        if not (error.reason and error.remedy):
            raise ValueError("a refusal without a reason or a remedy") from error
        return error.reason
    return ""


def _media(tally: Tally, kind: Kind, folder: Path) -> None:
    fault, outcome = "", kind.outcome.partition(",")[0]
    try:
        path = kind.make(folder)
        refusals = [refusal_of(read, path) for read in READERS.values()]
        reasons = [reason for reason in refusals if reason]
        if outcome == "used" and kind.outcome == "used" and reasons:
            fault = f"{kind.file} is refused: {reasons[0]}"
        if outcome == "refused" and not any(re.search(kind.reason, reason) for reason in reasons):
            fault = f"{kind.file} is not refused as documented: {reasons}"
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    except Exception as error:
        fault = f"{kind.file}: {error!r}"
    tally.note(f"media, {outcome}", "as documented" if not fault else "otherwise", fault)


def _settings(tally: Tally, text: str, message: str, folder: Path) -> None:
    path, fault = folder / "params.yaml", ""
    path.write_text(text)
    try:
        reason = refusal_of(load_params, path)
        if not re.search(message, reason) or "\n" in reason:
            fault = f"{text[:60]!r}: {reason!r}"
    except Exception as error:
        fault = f"{text[:60]!r}: {error!r}"
    tally.note("params.yaml, refused", "as documented" if not fault else "otherwise", fault)
