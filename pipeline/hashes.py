"""SHA-256 of what results depend on: values, files, code."""

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from features.verify import hash_of_file

PROJECT = Path(__file__).resolve().parents[1]


def hash_of(*parts: Any) -> str:
    """SHA-256 of JSON-serialisable parts."""
    content = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def versions(libraries: Iterable[str]) -> list[str]:
    """Installed versions of libraries, for keys of what they compute."""
    return [version(library) for library in libraries]


def hash_of_sources(package: str | Path) -> str:
    """SHA-256 of the Python files of a package: its results are stale when its code changes.

    Args:
        package: a folder of this project, or any other by its whole path.
    """
    folder = PROJECT / package
    files = sorted(folder.rglob("*.py"))
    return hash_of([[file.relative_to(folder).as_posix(), hash_of_file(file)] for file in files])
