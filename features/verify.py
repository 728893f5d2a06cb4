"""A file's hash: whether one that was downloaded is the one that was meant."""

import hashlib
from pathlib import Path

from features.errors import InputError


def hash_of_file(path: str | Path) -> str:
    """SHA-256 of a file's content, in hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify_sha256(path: str | Path, sha256: str, what: str, remedy: str) -> None:
    """Check a file's content before anything parses it.

    Args:
        path: the file.
        sha256: what the hash of its content must be, in hexadecimal.
        what: kind of file, for messages: `weight file`.
        remedy: what to do when it cannot be read: where such a file comes from, which key takes it.

    Raises:
        InputError: the file cannot be read or has another hash.
    """
    try:
        found = hash_of_file(path)
    except OSError as error:
        raise InputError(f"{what} {path} cannot be read ({error.strerror})", remedy) from error
    if found != sha256.lower():
        reason = f"{what} {path} has sha256 {found}, expected {sha256.lower()}"
        raise InputError(reason, "download it again or correct the sha256")
