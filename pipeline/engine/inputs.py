"""Work on files that were listed before: they must still be what they were."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from features.errors import InputError
from features.hashes import hash_of_file


def from_file(path: Path, sha256: str, compute: Callable[[Path], None], out: Path) -> None:
    """Compute from a media file, making sure that it is the one that the corpus stage listed.

    Args:
        path: of the file.
        sha256: of its content, as it was listed.
        compute: fills the folder it is given.
        out: that folder.

    Raises:
        InputError: it is gone, has another content, or changed meanwhile.
    """
    with _still_there(path):
        before = path.stat()
        is_same = hash_of_file(path) == sha256
    if is_same:
        compute(out)
        with _still_there(path):
            after = path.stat()
        is_same = (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
    if not is_same:
        raise InputError(f"{path} has changed since the corpus stage", "run `dvc repro` again")


@contextmanager
def _still_there(path: Path) -> Iterator[None]:
    """Turn a file that is gone into one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path} is no longer there", "run `dvc repro corpus`") from error
