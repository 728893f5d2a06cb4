"""A virtual environment with a package of one's own in it."""

import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path


def make_environment(folder: Path) -> Path:
    """Make an environment that has what this one has; the folder of its programs."""
    command = (sys.executable, "-m", "venv", "--without-pip", folder)
    subprocess.run(command, check=True)
    (_site(folder) / "taken_over.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder / "bin"


def install(folder: Path, name: str, version: str, modules: Mapping[str, str]) -> None:
    """Install a package into an environment, as its wheel is unpacked."""
    package, about = _site(folder) / name, _site(folder) / f"{name}-1.dist-info"
    for place in (package, about):
        place.mkdir(exist_ok=True)
    files = {package / "__init__.py": ""}
    files |= {package / f"{module}.py": content for module, content in modules.items()}
    files[about / "METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    for file, content in files.items():
        file.write_text(content)
    record = [f"{file.relative_to(_site(folder))},," for file in [*files, about / "RECORD"]]
    (about / "RECORD").write_text("\n".join(record) + "\n")


def _site(folder: Path) -> Path:
    (site,) = (folder / "lib").glob("python*/site-packages")
    return site
