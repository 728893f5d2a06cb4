"""Keys of results: hashes of all that they depend on.

A key is made before the work begins, of the inputs, the values of settings, the rows of tables, the
code that the job's function can reach and the versions of the libraries that this code imports.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from pydantic import BaseModel

from features.hashes import Pin, hash_of
from features.tables import Row, only, table_of
from pipeline.engine.closure import Code, code_of
from pipeline.engine.stamps import Stamp, check_loaded, check_unchanged

WORDS = "words"
"""In the metadata of a row's field: what people read, which is not part of keys."""

Rows = Sequence[tuple[str, str]]
"""Rows of tables, each a table's kind and a name."""

_CODE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):[A-Za-z_][\w.]*")


class Key(str):
    """A key, and what it was made of.

    Attributes:
        rows: of tables that the job uses.
        files: of the code, as it was read, by names of modules.
    """

    rows: Rows
    files: Mapping[str, Stamp]

    def __new__(cls, text: str, rows: Rows, files: Mapping[str, Stamp]) -> "Key":
        """Make a key of its text."""
        key = super().__new__(cls, text)
        key.rows, key.files = rows, files
        return key

    def __reduce__(self) -> tuple[type["Key"], tuple[str, Rows, Mapping[str, Stamp]]]:
        """How it reaches workers."""
        return Key, (str(self), self.rows, self.files)

    def check(self) -> None:
        """Make sure that the code is still as it was read.

        Raises:
            CodeChangedError: it is not.
        """
        check_unchanged(self.files)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Compute the result: tables hand out the key's rows, and the code is the key's.

        Raises:
            CodeChangedError: it is not, or did not stay so.
        """
        check_loaded(self.files)
        self.check()
        with only(self.rows):
            yield
        self.check()


def computing(key: str) -> AbstractContextManager[None]:
    """What `Key.computing` does; nothing for a hash of no code."""
    return key.computing() if isinstance(key, Key) else nullcontext()


def key_of(
    function: Callable[..., Any] | str, *inputs: Any, rows: Rows = (), pin: Pin | None = None
) -> Key:
    """Hash of what a job's result depends on.

    Args:
        function: that computes it, of `features` or `models`, or its `package.module:name`.
        inputs: JSON-serialisable: hashes of what is read, and values of settings.
        rows: of tables that it uses.
        pin: stands for the code where its digest is the pin's.

    Raises:
        CodeChangedError: code changed since this process began.
    """
    rows = tuple(sorted(set(rows)))
    name = name_of(function)
    code = code_of_job(name, rows)
    check_loaded(code.files)
    counted: Any = code.modules
    if pin is not None and pin.digest == code.digest:
        counted = pin.number
    values = [[kind, row, fields_of(table_of(kind)[row])] for kind, row in rows]
    text = hash_of(name, counted, code.libraries, values, inputs)
    return Key(text, rows, code.files)


def digest_of_code(function: Callable[..., Any] | str, rows: Rows = ()) -> str:
    """What a pin says of a job's code."""
    return code_of_job(name_of(function), tuple(sorted(set(rows)))).digest


def name_of(function: Callable[..., Any] | str) -> str:
    """A function as `package.module:name`.

    >>> name_of(name_of)
    'pipeline.engine.keys:name_of'
    """
    if isinstance(function, str):
        return function
    if isinstance(function, partial):
        return name_of(function.func)
    return f"{function.__module__}:{function.__qualname__}"


def code_of_job(function: str, rows: Rows) -> Code:
    """The code that a function and the rows it uses can reach.

    Args:
        function: as `package.module:name`.
        rows: sorted.
    """
    return code_of(
        [
            function.partition(":")[0],
            *(module for kind, name in rows for module in _modules_of(table_of(kind)[name])),
        ]
    )


def fields_of(row: Row, *, words: bool = False) -> dict[str, Any]:
    """The fields of a row that are part of keys; those that are words only on request."""
    return {
        field.name: _value(getattr(row, field.name))
        for field in dataclasses.fields(row)
        if words or not (field.name == "title" or field.metadata.get(WORDS))
    }


def _value(value: Any) -> Any:
    """A value of a row's field as JSON."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): _value(inner) for key, inner in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(_value(inner) for inner in value)
    if isinstance(value, list | tuple):
        return [_value(inner) for inner in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _value(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return name_of(value) if callable(value) else value


def _modules_of(row: Row) -> set[str]:
    """Modules of the `package.module:name` that a row has."""
    return {
        match.group(1)
        for text in _texts(fields_of(row))
        if (match := _CODE.fullmatch(text)) is not None
    }


def _texts(value: Any) -> Iterable[str]:
    """All strings within a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
