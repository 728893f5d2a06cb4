"""SHA-256 of what results depend on: values, files, code."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import InputError

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Pin:
    """A number that stands for the code of an expensive job.

    While the digest of the code is the pin's, the number is part of keys in its place. Where the
    digests differ the code counts, so a forgotten pin costs time and never a wrong result. A digest
    is renewed when golden outputs are equal; where they are not, the number is raised too.

    Attributes:
        number: raised when the code gives other results than before.
        digest: of all the code that the job can reach.
    """

    number: int
    digest: str


def hash_of(*parts: Any) -> str:
    """SHA-256 of JSON-serialisable parts."""
    content = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def hash_of_file(path: str | Path) -> str:
    """SHA-256 of a file's content, in hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify_sha256(path: str | Path, sha256: str, kind: str, remedy: str) -> None:
    """Check a file's content before anything parses it.

    Args:
        path: the file.
        sha256: what the hash of its content must be, in hexadecimal.
        kind: kind of file, for messages: `weight file`.
        remedy: what to do when it cannot be read: where such a file comes from, which key takes it.

    Raises:
        InputError: the file cannot be read or has another hash.
    """
    try:
        actual = hash_of_file(path)
    except OSError as error:
        raise InputError(f"{kind} {path} cannot be read ({error.strerror})", remedy) from error
    if actual != sha256.lower():
        reason = f"{kind} {path} has sha256 {actual}, expected {sha256.lower()}"
        raise InputError(reason, "download it again or correct the sha256")


def sealed(content: bytes) -> bytes:
    """Some bytes, and behind them the 32 of their SHA-256."""
    return content + hashlib.sha256(content).digest()


def unsealed(whole: bytes) -> bytes | None:
    """The bytes that were sealed; None where one of them is another, or is missing.

    >>> unsealed(sealed(b"weights")), unsealed(sealed(b"weights")[:-1])
    (b'weights', None)
    """
    content, digest = whole[:-32], whole[-32:]
    return content if hashlib.sha256(content).digest() == digest else None
