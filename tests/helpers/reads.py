"""Which files each stage of a project reads, noted while `dvc repro` runs."""

from collections import defaultdict
from pathlib import Path

HOOK = """
import os, sys

def note():
    place, arguments = os.environ["NOTED_READS"], sys.orig_argv
    if "-m" in arguments:
        module = arguments[arguments.index("-m") + 1]
        if module.startswith("pipeline."):
            rest = arguments[arguments.index("-m") + 2 :]
            os.environ["NOTED_STAGE"] = "@".join([module.removeprefix("pipeline."), *rest])
    stage = os.environ.get("NOTED_STAGE")
    if stage is None:
        return
    seen, log = set(), open(f"{place}/{os.getpid()}.{stage}", "a")
    def hook(event, arguments):
        if event != "open" or not isinstance(arguments[0], (str, bytes)):
            return
        path = os.fsdecode(arguments[0])
        is_read = not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if is_read and path not in seen:
            seen.add(path)
            log.write(os.path.abspath(path) + "\\n")
            log.flush()
    sys.addaudithook(hook)

if "NOTED_READS" in os.environ:
    note()
"""


def environment(folder: Path) -> dict[str, str]:
    """What a process and its children need to note their reads in a folder."""
    (folder / "hook").mkdir(parents=True, exist_ok=True)
    (folder / "hook/sitecustomize.py").write_text(HOOK)
    return {"PYTHONPATH": str(folder / "hook"), "NOTED_READS": str(folder)}


def reads_of(folder: Path, project: Path) -> dict[str, set[str]]:
    """Paths below a project that each stage opened for reading, by `stage` or `stage@name`."""
    found: dict[str, set[str]] = defaultdict(set)
    for log in folder.glob("*.*"):
        for line in log.read_text().splitlines():
            path = Path(line)
            if path.is_relative_to(project):
                found[log.name.partition(".")[2]].add(path.relative_to(project).as_posix())
    return found
