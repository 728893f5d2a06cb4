"""The code that a function can reach: its module, and all that is imported from there on.

Nothing is imported to find that out. Modules outside the standard library and the installed
packages are followed; of installed ones the version counts.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import distributions, packages_distributions, version
from pathlib import Path

from features.hashes import hash_of
from features.tables import is_installed, locate
from pipeline.engine import trees
from pipeline.engine.remembered import remembered
from pipeline.engine.stamps import Stamp, stamp_of
from pipeline.engine.trees import Import, Tree, read_tree

UNCOUNTED = ("pipeline.engine", "pipeline.forecast", "pipeline.keys", "pipeline.params")
"""How work is run, what is said of it, and who reads params.yaml: no result depends on them."""


@dataclass(frozen=True)
class Code:
    """What was read of some code.

    Attributes:
        modules: digest of each module, and of each data file beside one, by name.
        libraries: what is imported of others, with versions, by name: `cv2` is
            `opencv-python-headless 4.11`.
        files: each of the files, as it was when it was read, by the name of its module.
    """

    modules: dict[str, str]
    libraries: dict[str, str]
    files: dict[str, Stamp]

    @property
    def digest(self) -> str:
        """Hash of the code without the libraries."""
        return hash_of(self.modules)

    def lines(self) -> list[str]:
        """A line a module and a library, sorted."""
        return [
            *(f"code {name} {digest}" for name, digest in sorted(self.modules.items())),
            *(f"library {name} {release}" for name, release in sorted(self.libraries.items())),
        ]


def code_of(modules: Iterable[str]) -> Code:
    """The code that can be reached from some modules.

    Raises:
        ValueError: there is no such module.
    """
    return _code_of(tuple(sorted(set(modules))))


def forget() -> None:
    """Read all files again when they are next asked for."""
    for read in (_code_of, _file_of, _tree_of, _data_beside):
        read.cache_clear()


@cache
def _code_of(roots: tuple[str, ...]) -> Code:
    for root in roots:
        if _file_of(root) is None:
            raise ValueError(f"there is no module {root}")
    sources: dict[str, Path] = {}
    libraries: dict[str, str] = {}
    waiting = [part for root in roots for part in _with_packages(root)]
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        if name in sources or top in libraries or not is_counted(name):
            continue
        file = _file_of(name)
        if file is None or is_library(file):
            libraries[top] = _version_of(top)
        elif file.suffix == ".py":
            sources[name] = file
            waiting += _imported_by(name, file)
    trees = {name: _tree_of(file)[0] for name, file in sources.items()}
    modules = {name: tree.digest for name, tree in trees.items() if not tree.is_empty}
    files = {name: _tree_of(file)[1] for name, file in sources.items()}
    for name, file in sources.items():
        for beside, (digest, stamp) in _data_of(file).items():
            modules[f"{name}/{beside}"], files[f"{name}/{beside}"] = digest, stamp
    return Code(modules, libraries, files)


def is_counted(name: str) -> bool:
    """Whether a module can be part of a key.

    >>> is_counted("features.settings"), is_counted("pipeline.engine.jobs"), is_counted("json")
    (False, False, False)
    >>> is_counted("features.hashes")
    True
    """
    if name.partition(".")[0] in sys.stdlib_module_names or is_settings(name):
        return False
    return not any(name == uncounted or name.startswith(f"{uncounted}.") for uncounted in UNCOUNTED)


def is_settings(name: str) -> bool:
    """Whether a module holds nothing but what a user may set, by its name or its package's.

    >>> is_settings("models.settings.network"), is_settings("features.corpora.corpus_settings")
    (True, True)
    """
    return any(part == "settings" or part.endswith("_settings") for part in name.split("."))


def _imported_by(name: str, file: Path) -> Iterator[str]:
    """Modules that a module imports, their packages included."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for imported in _tree_of(file)[0].imports:
        base = _absolute(imported, package)
        yield from _with_packages(base)
        if imported.name and is_counted(base):
            # `from package import name`: the name may be a module.
            inner = f"{base}.{imported.name}"
            place = _file_of(base)
            if place is not None and not is_library(place) and _file_of(inner) is not None:
                yield inner


def _absolute(imported: Import, package: str) -> str:
    """The module after `from`, without its dots: each but the first is a package upwards."""
    if not imported.level:
        return imported.module
    parts = package.split(".")
    parts = parts[: len(parts) - (imported.level - 1)]
    return ".".join([*parts, *filter(None, [imported.module])])


def _with_packages(module: str) -> list[str]:
    """`a`, `a.b` and `a.b.c` of `a.b.c`: importing it runs them all."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


@cache
def _file_of(module: str) -> Path | None:
    return locate(module)


@cache
def is_library(file: Path) -> bool:
    """Whether a file belongs to the standard library or to an installed distribution."""
    return is_installed(file)


@cache
def _tree_of(file: Path) -> tuple[Tree, Stamp]:
    content, stamp = _read(file)
    key = hash_of(_how_trees_are_read(), sha256(content).hexdigest())
    return Tree.of_json(remembered(file, "tree", key, lambda: read_tree(content).as_json())), stamp


@cache
def _how_trees_are_read() -> str:
    """What a tree depends on beside the module's source."""
    return hash_of(sys.version, sha256(Path(trees.__file__).read_bytes()).hexdigest())


def _data_of(file: Path) -> dict[str, tuple[str, Stamp]]:
    """Digest and stamp of the data files beside a module that its code names."""
    beside = _data_beside(file.parent)
    files = {}
    for name in beside & _tree_of(file)[0].strings:
        content, stamp = _read(file.parent / name)
        files[name] = (sha256(content).hexdigest(), stamp)
    return files


@cache
def _data_beside(folder: Path) -> frozenset[str]:
    """Names of the files in a folder that are not code."""
    files = (path for path in folder.iterdir() if path.is_file())
    return frozenset(path.name for path in files if path.suffix not in (".py", ".pyc"))


def _read(file: Path) -> tuple[bytes, Stamp]:
    """A file's content, and the stamp that it had when it was read."""
    while True:
        before = stamp_of(file)
        content = file.read_bytes()
        if stamp_of(file) == before:
            return content, before


@cache
def _version_of(name: str) -> str:
    """Distribution and version of what is imported by a name; `none` where it is not installed."""
    owners = _owners_by_name().get(name) or _owners(name)
    if not owners:
        return "none"
    return ", ".join(f"{owner} {version(owner)}" for owner in sorted(set(owners)))


@cache
def _owners_by_name() -> Mapping[str, list[str]]:
    """Distributions by what is imported of them; which there are is told by names of folders."""
    found = [names for path in sys.path if (names := _distributions_in(path))]
    key = hash_of(sys.version, found)
    owners: Mapping[str, list[str]] = remembered(
        Path(__file__), "owners", key, lambda: dict(packages_distributions())
    )
    return owners


def _distributions_in(folder: str) -> list[str]:
    """Names of what in a folder says which distributions are installed there, with versions."""
    with suppress(OSError):
        names = os.listdir(folder or ".")  # noqa: PTH208
        return sorted(n for n in names if n.endswith((".dist-info", ".egg-info")))
    return []


def _owners(name: str) -> list[str]:
    """Distributions whose lists of files have a package or a module, where no index has it."""
    if locate(name) is None:
        return []
    names = []
    for distribution in distributions():
        record = distribution.read_text("RECORD") or ""
        if any(line.startswith((f"{name}/", f"{name}.")) for line in record.splitlines()):
            names.append(distribution.metadata["Name"])
    return names
