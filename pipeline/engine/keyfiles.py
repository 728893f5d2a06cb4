"""Key files: small texts that say what code a stage runs, so that DVC runs it when that changes.

A line is `code MODULE DIGEST`, `library NAME VERSION`, `row KIND NAME DIGEST` or `settings NAME
DIGEST`: a diff of two versions says why a stage is run.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.engine.closure import Code
from pipeline.engine.stamps import CodeChangedError, check_loaded


def write_all(folder: Path, files: Mapping[str, Iterable[str]]) -> None:
    """Write key files, and remove all others.

    Args:
        folder: of the files.
        files: lines by path below it.
    """
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        if file.relative_to(folder).as_posix() not in files:
            file.unlink()
    for name, lines in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)  # it may be a link into DVC's cache
        file.write_text("".join(f"{line}\n" for line in lines))


def check_file(file: Path, code: Code) -> None:
    """Make sure that a stage runs the code of its key file, by which DVC will know its results.

    Where there is no such file, DVC does not run the stage, and there is nothing to compare.

    Args:
        file: the key file.
        code: that the stage is about to run.

    Raises:
        CodeChangedError: a module is another one.
    """
    check_loaded(code.files)
    if not file.exists():
        return
    for line in file.read_text().splitlines():
        kind, name, value = line.split(" ", 2)
        current = {"code": code.modules, "library": code.libraries}.get(kind, {}).get(name, value)
        if current != value:
            raise CodeChangedError(
                f"the code is not that of {file} ({name} changed)", "run `dvc repro`"
            )
