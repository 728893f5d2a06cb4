"""A YAML file as it was read: its content, and the line of every key."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from features.errors import InputError

MERGE = "tag:yaml.org,2002:merge"
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")

LONGEST_NUMBER = 40
"""Characters of a number; a float that was written out has at most 24."""


@dataclass(frozen=True)
class YamlFile:
    """What a YAML file says.

    Attributes:
        path: of the file.
        text: its characters.
        content: what it says, in Python's own types.
        root: its syntax; None where it is empty.
    """

    path: Path
    text: str
    content: Any
    root: Node | None = field(repr=False)

    def line(self, place: Sequence[Hashable]) -> int | None:
        """The line, from 1, of a key, or of the nearest section around it; None for the whole file.

        Args:
            place: keys and indices, from the top.
        """
        node, line = self.root, None
        for part in place:
            entry = entry_of(node, part)
            if entry is None:
                break
            key, node = entry
            line = key.start_mark.line + 1
        return line

    def where(self, place: Sequence[Hashable]) -> str:
        """The file and the line, for messages."""
        line = self.line(place)
        return f"{self.path}" if line is None else f"{self.path} line {line}"


def read_yaml(path: Path) -> YamlFile:
    """Read a YAML file.

    Raises:
        InputError: the file is missing, cannot be read, or is not YAML; names the line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"there is no {path} here", "run from the top of the project") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "fix the file") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path} line {line} is not text in UTF-8", "fix the file") from error
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> YamlFile:
    """Read YAML.

    Args:
        text: the YAML.
        path: the file that the text is of, for messages.

    Raises:
        InputError: it is not YAML; names the line.
    """
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
        _refuse_traps(root, path)
        content = None if root is None else yaml.constructor.construct_document(root)
    except MarkedYAMLError as error:
        problem = " ".join(str(error.problem or error.context).split())
        mark = error.problem_mark or error.context_mark
        where = f" line {mark.line + 1}" if mark else ""
        raise InputError(f"{path}{where} is not valid YAML: {problem}", "fix the file") from error
    except YAMLError as error:
        problem = " ".join(str(error).split())
        raise InputError(f"{path} is not valid YAML: {problem}", "fix the file") from error
    except RecursionError as error:
        raise InputError(f"{path} has too many levels, one within another", "fix it") from error
    except (ValueError, LookupError, OverflowError) as error:  # such as the 45th of a month
        problem = str(error).partition(";")[0]
        raise InputError(f"{path} has an impossible value: {problem}", "fix it") from error
    return YamlFile(path, text, content, root)


def entry_of(node: Node | None, part: Hashable) -> tuple[Node, Node] | None:
    """The nodes of a key and its value, or twice that of an item; None where it is missing."""
    if isinstance(node, SequenceNode):
        if isinstance(part, int) and 0 <= part < len(node.value):
            return node.value[part], node.value[part]
        return None
    if not isinstance(node, MappingNode):
        return None
    merged: list[Node] = []
    for key, value in node.value:
        if key.tag == MERGE:
            merged += value.value if isinstance(value, SequenceNode) else [value]
        elif isinstance(key, ScalarNode) and key.value == str(part):
            return key, value
    return next((entry for mapping in merged if (entry := entry_of(mapping, part))), None)


def _refuse_traps(root: Node | None, path: Path) -> None:
    """Refuse what parses, and cannot be used: a thing within itself, a number without end."""
    finished: set[int] = set()
    within: set[int] = set()

    def refuse(node: Node, problem: str) -> None:
        raise InputError(f"{path} line {node.start_mark.line + 1}: {problem}", "fix the file")

    def visit(node: Node) -> None:
        if id(node) in within:
            refuse(node, "an alias stands within its anchor")
        if isinstance(node, ScalarNode):
            if node.tag in NUMBERS and len(node.value) > LONGEST_NUMBER:
                refuse(node, f"a number has {len(node.value)} digits")
        elif id(node) not in finished:
            within.add(id(node))
            for child in node.value:
                for part in child if isinstance(child, tuple) else (child,):
                    visit(part)
            within.remove(id(node))
            finished.add(id(node))

    if root is not None:
        visit(root)
