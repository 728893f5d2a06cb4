r"""openSMILE configs of a user: one text with all that it includes, which writes no file.

openSMILE would look for what a config includes (`\{file}`) in the working directory first, and a
config may name components that read and write any file. So everything included is put in its place
here, comes from the config's own folder, counts in the hash, and only components that compute are
let through.
"""

import hashlib
import re
from importlib.util import find_spec
from pathlib import Path

from features.errors import InputError

_INCLUDE = re.compile(
    r"^[ \t]*\\\{(?:\\cm\[(\w+)(?:\(\w+\))?(?:\{([^}]*)\})?[^\]\n]*\]|([^\\\n}]+))\}[ \t\r]*$",
    re.MULTILINE,
)

_PASSED = ("source", "sink", "bufferModeRbConf", "frameModeFunctionalsConf")
"""Includes that opensmile's package fills in."""

_LEFT = re.compile(rf"\\\{{(?!\\cm\[(?:{'|'.join(_PASSED)})\W)")
"""An include in a form that is not replaced."""

_COMMENT = re.compile(r"^\s*(?:[;#%]|//)")

_REFUSED = (
    (re.compile(r"\bc\w*Sink\b"), "writes or sends what it gets"),
    (re.compile(r"\bc(?!ExternalAudioSource)\w*Source\b"), "reads something else than the item"),
    (re.compile(r"\bc\w*(?:Message|Interface)\w*"), "sends messages"),
    (re.compile(r"^\s*[\w.\[\]]*[fF]ile\w*\s*="), "names another file"),
    (
        re.compile(r"^\s*instance\[.*\.type\s*=(?!\s*c\w+\s*$)"),
        "hides a component",
    ),
    (re.compile(r"\\\s*$"), "goes on in the next line"),
    (_LEFT, "includes a file in a form that is not known"),
)
"""What no line may have, and why."""

_FIX = "take it out of the config: sound comes from `source`, rows leave by `sink`"


def hash_of_config(path: Path) -> str:
    """SHA-256 of a config with all that it includes in its place; of the file, if it is nothing.

    Raises:
        InputError: as for `user_config`.
    """
    return hashlib.sha256(user_config(path).encode("latin-1")).hexdigest()


def user_config(path: Path) -> str:
    """A user's config with all that it includes in its place.

    Args:
        path: of the config; it exists.

    Raises:
        InputError: it includes what is not in its folder, itself, or in a form that is not known;
            or it has components that read, write or send something else than rows of the item.
    """
    path = path.resolve()
    text = _with_includes(path, _folder_of(path), (), {})
    for line in text.split("\n"):
        if _COMMENT.match(line):
            continue
        for pattern, fault in _REFUSED:
            if match := pattern.search(line):
                raise InputError(f"{path}: {match[0].strip() or line.strip()} {fault}", _FIX)
    return text


def _folder_of(path: Path) -> Path:
    """Where all that a config includes must lie: beside it or deeper; or in opensmile's package."""
    package = find_spec("opensmile")
    if package is not None and package.origin is not None:
        configs = Path(package.origin).resolve().parent / "core" / "config"
        if path.is_relative_to(configs):
            return configs
    return path.parent


def _with_includes(
    path: Path, folder: Path, including: tuple[Path, ...], options: dict[str, Path]
) -> str:
    r"""Text of a config, every included file looked for beside the file that names it.

    Args:
        path: of the file, with all links followed.
        folder: that it must lie in.
        including: the files that led to it.
        options: of the config (`\cm[option{default}]`), and the file of each.
    """
    if fault := _fault_of(path, folder, including):
        raise InputError(f"{path}, included by {including[-1]}, {fault}", "fix the config")

    def included(match: re.Match[str]) -> str:
        option, default, literal = match.groups()
        if option in _PASSED:
            return match[0]
        target = path.parent / (literal or default or "")
        if option:
            target = options.setdefault(option, target)
        return _with_includes(target.resolve(), folder, (*including, path), options)

    return _INCLUDE.sub(included, path.read_bytes().decode("latin-1"))


def _fault_of(path: Path, folder: Path, including: tuple[Path, ...]) -> str:
    """Why a file cannot be included; endless inclusion, or a folder, would crash openSMILE."""
    if path in including:
        return "includes itself"
    if including and not path.is_relative_to(folder):
        return f"lies outside {folder}"
    return "" if path.is_file() else "is not a file"
