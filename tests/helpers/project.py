"""A project of its own for tests that run stages: a copy of the code with a tiny demo corpus."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
CODE = (
    "dvc.yaml",
    "params.yaml",
    "requirements.lock",
    "pipeline",
    "features",
    "models",
    "reports",
    "extensions",
    ".dvcignore",
)
TINY = {
    "corpus": {"demo": {"speakers": 4, "clips": 4, "seconds": 3.0}},
    "streams": {
        "fc6": {"precision": "fp32"}
    },  # measured again in each process, `auto` may choose differently
    "train": {"seeds": [0], "epochs": 3, "network": {"dim": 16, "ffn": 16}},
    "evaluate": {"trials": 2},
}


def merge(into: dict, changes: dict) -> None:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


class Project:
    """A checkout that commands can be run in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "item-cache"
        self.reads = folder / "noted-reads"
        self.environment: dict[str, str] = {}
        ignored = shutil.ignore_patterns("__pycache__", "results")
        for name in CODE:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=ignored)
            else:
                shutil.copy(source, folder / name)
        (folder / ".dvc").mkdir()
        for name in (".gitignore", "config"):
            shutil.copy(ROOT / ".dvc" / name, folder / ".dvc" / name)
        shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
        (folder / ".gitignore").write_text("/data/\n/item-cache/\n/noted-reads/\n__pycache__/\n")

    def params(self, changes: dict) -> None:
        """Change params.yaml."""
        yaml = YAML()
        content = yaml.load(self.folder / "params.yaml")
        merge(content, changes)
        yaml.dump(content, self.folder / "params.yaml")

    def replace(self, **sections: dict) -> None:
        """Put whole sections of params.yaml in the place of what is there."""
        yaml = YAML()
        content = yaml.load(self.folder / "params.yaml")
        yaml.dump({**content, **sections}, self.folder / "params.yaml")

    def start(self, *command: str, conversation: bool = False) -> "subprocess.Popen[str]":
        """Start a command, on request one that listens; `python` is that of the tests."""
        search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={
                **os.environ,
                "LACUNA_CACHE": str(self.cache),
                "PATH": search,
                "COLUMNS": "200",
                **self.environment,
            },
            stdin=subprocess.PIPE if conversation else None,
            stdout=subprocess.PIPE,
            stderr=None if conversation else subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, fails: bool = False) -> str:
        """Run a command to its end and return what it printed."""
        process = self.start(*command)
        output, _ = process.communicate()
        assert (process.returncode != 0) == fails, output
        return output

    def git(self, message: str) -> None:
        """Commit everything."""
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        if not (self.folder / ".git").exists():
            self.run("git", "init", "-q")
        self.run("git", "add", "-A")
        self.run("git", *identity, "commit", "-q", "-m", message)
