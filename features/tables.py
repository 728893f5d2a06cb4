"""Tables of what can be added: a row a thing, and its code as `package.module:name`.

Names, schema, messages and legends are derived from a table, so a row is all that is added. Where
a name has the form `package.module:name` it is a row of the user's own, from `extensions/` or from
an installed package.
"""

import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Generic, TypeVar

from features.errors import InputError, did_you_mean

EXTENSIONS = "extensions"
"""Folder of a user's own modules, beside Lacuna's packages."""

PACKAGES = ("features", "models", "reports", "pipeline", "tests")
"""Lacuna's own packages, whose names no module of a user's can have."""

SITES = ("site-packages", "dist-packages")
"""Names of the folders on Python's path that packages are installed into."""

_CODE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_USED: ContextVar[frozenset[tuple[str, str]] | None] = ContextVar("rows", default=None)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What all rows have.

    Attributes:
        code: `package.module:name`, imported when it is used.
        title: what people read; no part of any key.
    """

    code: str
    title: str = ""

    def load(self) -> Any:
        """What the code names.

        Raises:
            InputError: the module of a user's own row has no such name, or fails to import.
        """
        module, _, name = self.code.partition(":")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError, SyntaxError) as error:
            raise InputError(f"{self.code} cannot be loaded ({error})", "fix the module") from error


RowT = TypeVar("RowT", bound=Row)


class Table(Mapping[str, RowT], Generic[RowT]):
    """Rows by name.

    While a job computes, only the rows that it names are handed out (`only`): what a result depends
    on is in its key.

    Args:
        kind: what a row is, in the singular, for messages: `network`.
        rows: by name.
        of_user: makes a row of a user's `package.module:name`; None where users add none.
    """

    def __init__(
        self, kind: str, rows: Mapping[str, RowT], of_user: Callable[[str], RowT] | None = None
    ) -> None:
        self.kind = kind
        self._rows = dict(rows)
        self._of_user = of_user
        _TABLES[kind] = self

    def __getitem__(self, name: str) -> RowT:
        """The row of a name.

        Raises:
            InputError: there is no such row, or a job asks for a row that it does not name.
        """
        used = _USED.get()
        if used is not None and (self.kind, name) not in used:
            raise InputError(
                f"a job uses the {self.kind} {name}, which is not among its rows",
                "name the row where the job is made",
            )
        if name in self._rows:
            return self._rows[name]
        if self._of_user is not None and ":" in name:
            check_code(name)
            return self._of_user(name)
        raise InputError(self.unknown(name), "correct the name")

    def __iter__(self) -> Iterator[str]:
        """Names of the rows, those of users left out."""
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def unknown(self, name: str) -> str:
        """A sentence that says that there is no such row, and lists the rows."""
        user_code = ", or package.module:name of your own" if self._of_user is not None else ""
        question = did_you_mean(name, self._rows)
        guess = f"{question} Choose" if question else "choose"
        return f"there is no {self.kind} {name!r}: {guess} {', '.join(self._rows)}{user_code}"

    def checked(self, name: str) -> str:
        """The name itself, for validators of settings; imports nothing.

        Raises:
            ValueError: it is not a row.
        """
        if name in self._rows:
            return name
        if self._of_user is None or ":" not in name:
            raise ValueError(self.unknown(name))
        try:
            check_code(name)
        except InputError as error:
            raise ValueError(str(error)) from error
        return name


_TABLES: dict[str, Table[Any]] = {}


def table_of(kind: str) -> Table[Any]:
    """The table whose rows are of a kind, once its module is imported.

    Raises:
        KeyError: there is no such table, or its module is not imported.
    """
    return _TABLES[kind]


def tables() -> list[Table[Any]]:
    """The tables whose modules are imported, by their kinds."""
    return [_TABLES[kind] for kind in sorted(_TABLES)]


@contextmanager
def only(rows: Iterable[tuple[str, str]]) -> Iterator[None]:
    """Have tables hand out no other rows than these, each a table's kind and a name."""
    token = _USED.set(frozenset(rows))
    try:
        yield
    finally:
        _USED.reset(token)


def check_code(code: str) -> None:
    """Refuse a user's `package.module:name` that cannot be, without importing anything.

    Raises:
        InputError: it has another form, collides with a package of Lacuna, or its module is neither
            in `extensions/` nor in an installed package.
    """
    remedy = "write package.module:name, such as extensions.mynet:MyNet"
    if not _CODE.fullmatch(code):
        raise InputError(f"{code!r} is not a package.module:name", remedy)
    module, _, _ = code.partition(":")
    top = module.split(".")[0]
    if top in PACKAGES:
        raise InputError(f"{module} is in Lacuna's package {top}, not a module of your own", remedy)
    file = locate(module)
    if file is None:
        raise InputError(
            f"there is no module {module}", "put it into extensions/, or install its package"
        )
    if top != EXTENSIONS and not is_installed(file):
        raise InputError(
            f"{module} lies in {file.parent}, where a change of it would run no stage",
            "move it into extensions/, or install its package",
        )


def locate(module: str) -> Path | None:
    """The file of a module, found without importing it or its packages; None if it has none.

    A package's file is its `__init__.py`, or its folder where it has none.
    """
    path: list[str] | None = None
    file: Path | None = None
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:end]), path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ())
        if spec.origin and spec.has_location:
            file = Path(spec.origin)
        else:
            file = Path(path[0]) if path else None
    return file


def is_installed(file: Path) -> bool:
    """Whether a file belongs to an installed package or the standard library.

    Packages of the system, of the user, and those that a virtual environment takes over from
    another one are installed too.
    """
    paths = sysconfig.get_paths()
    places = {paths[name] for name in ("purelib", "platlib", "stdlib")}
    places |= {path for path in sys.path if Path(path).name in SITES}
    found = file.resolve()
    return any(found.is_relative_to(Path(place).resolve()) for place in places)
