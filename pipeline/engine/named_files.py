"""Whether the files and folders that settings name are there."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from features.errors import InputError
from features.settings import NamedFile, Settings
from pipeline.engine.yaml_file import YamlFile

_EXPERIMENTS = (".dvc", "tmp", "exps")
"""Where DVC runs `--temp` and `--queue` experiments, with the files that git follows alone."""

_ELSEWHERE = (
    "which does not exist in the folder that DVC made for this experiment: write its whole path"
)


def check_files(settings: Settings, file: YamlFile) -> None:
    """Look for every file and folder that settings name, and compare the hashes.

    Args:
        settings: all of a file.
        file: that file.

    Raises:
        InputError: some are missing, cannot be read or have another content; names the keys.
    """
    wrong = []
    for place, named in named_files(settings):
        problem = _problem(named)
        if problem:
            key = ".".join((*place, named.key))
            where = file.where((*place, named.key))
            wrong.append(f"{key} is {named.path!r}, {problem} ({where})")
    if wrong:
        raise InputError("; ".join(wrong), f"correct the path or the file, or {file.path.name}")


def named_files(
    settings: object, place: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], NamedFile]]:
    """Every file that settings and the sections within them name, with the section's place."""
    if isinstance(settings, Settings):
        for named in settings.files():
            yield place, named
    if isinstance(settings, BaseModel):
        for name in type(settings).model_fields:
            yield from named_files(getattr(settings, name), (*place, name))
    elif isinstance(settings, Mapping):
        for name, section in settings.items():
            yield from named_files(section, (*place, str(name)))


def _problem(named: NamedFile) -> str:
    """Why a file cannot be used; empty where it can."""
    path = Path(named.path)
    try:
        if not path.exists():
            return _ELSEWHERE if _is_in_an_experiment(path) else "which does not exist"
        if path.is_dir() and named.sha256 is not None:
            return "which is a folder, not a file"
        if path.is_dir():
            os.scandir(path).close()
        actual = named.sha256 and named.hashed(path)
    except (OSError, ValueError) as error:  # no permission; a name that is too long, or has a NUL
        return f"which cannot be read ({getattr(error, 'strerror', None) or error})"
    return "" if actual == named.sha256 else f"which has the sha256 {actual}, not {named.sha256}"


def _is_in_an_experiment(path: Path) -> bool:
    """Whether a path is relative to a folder of an experiment's own."""
    parts, count = Path.cwd().parts, len(_EXPERIMENTS)
    windows = (parts[first : first + count] for first in range(len(parts)))
    return not path.is_absolute() and _EXPERIMENTS in windows
