"""Keys of results: hashes of all that they depend on."""

from collections.abc import Callable, Sequence
from typing import Any

from features.hashes import hash_of, hash_of_sources


def key_of(function: Callable[..., Any], *inputs: Any, rows: Sequence[tuple[str, str]] = ()) -> str:
    """Hash of what a job's result depends on.

    Args:
        function: that computes it, of `features` or `models`; its code and all that it imports.
        inputs: JSON-serialisable: hashes of what is read, and values of settings.
        rows: of tables that it uses, each a table's kind and a name.
    """
    code = [hash_of_sources(package) for package in ("features", "models")]
    return hash_of(function.__qualname__, code, inputs, list(rows))
