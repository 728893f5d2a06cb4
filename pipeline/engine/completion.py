"""Completing a file of settings with every default, in the form in which DVC writes it."""

import io
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node

from pipeline.engine.yaml_file import YamlFile, entry_of

Edit = tuple[int, int, str]
"""From where to where in a text, and what is put there."""


def complete(file: YamlFile, schema: type[BaseModel]) -> bool:
    """Add every key that a file lacks, with its default, and write it as DVC does.

    What the user names (the entries of a dict, the items of a list) stays as it is, and so do
    comments, but for those within braces.

    Args:
        file: a file that is valid; one that lacks nothing is not written.
        schema: of the file.

    Returns:
        Whether the file lacked any.
    """
    if not isinstance(file.root, MappingNode):
        raise TypeError(f"{file.path} has no keys")
    edits = list(_edits(file.text, file.root, file.content, schema, column=0))
    if edits:
        _replace(file.path, as_dvc_writes(_edited(file.text, edits)))
    return bool(edits)


def as_dvc_writes(text: str) -> str:
    r"""YAML in the form in which `dvc exp run -S` writes it, so that it changes one line alone.

    Lists that hold comments stay as they are: DVC would lose them.

    >>> print(as_dvc_writes("a: null  # so\nb: ['x']"), end="")
    a:       # so
    b:
    - x
    """
    yaml = YAML()
    yaml.default_flow_style = False
    content = yaml.load(text)
    _free_lists(content)
    written = io.StringIO()
    yaml.dump(content, written)
    return written.getvalue()


def _free_lists(section: CommentedMap) -> None:
    """Take the style from the lists within a section, as DVC does."""
    for key, value in section.items():
        if isinstance(value, CommentedMap):
            _free_lists(value)
        elif key not in section.ca.items and not _has_comments(value):
            section[key] = _freed(value)


def _freed(value: Any) -> Any:
    """A value of Python's own types."""
    if isinstance(value, dict):
        return {key: _freed(part) for key, part in value.items()}
    return [_freed(part) for part in value] if isinstance(value, list) else value


def _has_comments(value: Any) -> bool:
    """Whether anything in a list or in what it holds has a comment."""
    if not isinstance(value, dict | list):
        return False
    parts = value.values() if isinstance(value, dict) else value
    comments = getattr(value, "ca", None)
    tokens = (comments.comment, *comments.items.values()) if comments else ()
    # A blank line is a comment too, to ruamel.
    return any("#" in str(token) for token in tokens) or any(map(_has_comments, parts))


def _edited(text: str, edits: Iterable[Edit]) -> str:
    """A text with its edits; of two at one place, the first stays first."""
    pieces = []
    done = 0
    for start, end, new in sorted(edits, key=lambda edit: edit[0]):
        pieces += [text[done:start], new]
        done = end
    return "".join([*pieces, text[done:]])


def _edits(
    text: str,
    node: CollectionNode,
    content: Mapping[str, Any],
    schema: type[BaseModel],
    column: int,
) -> Iterator[Edit]:
    """What to put into a text so that a section has every key.

    Args:
        text: of the file.
        node: of the section.
        content: of the section.
        schema: of the section.
        column: where its keys begin, if they are not there yet.
    """
    if node.flow_style:
        whole = _merged(content, schema)
        if whole != content:
            end = _end_of_line(text, node.end_mark.index)
            comment = text[node.end_mark.index : end].rstrip()
            yield node.start_mark.index, end, comment + _lines(whole, column)
        return
    if node.value:
        column = node.value[0][0].start_mark.column
    for name, section in _sections(schema):
        key_and_value = entry_of(node, name)
        if key_and_value is not None:
            key, value = key_and_value
            inner = key.start_mark.column + 2
            assert isinstance(value, CollectionNode)  # the file is valid
            yield from _edits(text, value, content[name], section, inner)
    lacking = _lacking(content, schema)
    if lacking:
        end = _end_of_line(text, _end_of(text, node))
        yield end, end, _lines(lacking, column)


def _sections(schema: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """The sections within a section, by key."""
    for name, field in schema.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation


def _lacking(content: Mapping[str, Any], schema: type[BaseModel]) -> dict[str, Any]:
    """The defaults of what a section does not set."""
    return {
        name: _plain(field.get_default(call_default_factory=True))
        for name, field in schema.model_fields.items()
        if name not in content and not field.is_required()
    }


def _merged(content: Mapping[str, Any], schema: type[BaseModel]) -> dict[str, Any]:
    """A section with every key."""
    within = {
        name: _merged(content[name], section)
        for name, section in _sections(schema)
        if name in content
    }
    return {**content, **within, **_lacking(content, schema)}


def _lines(keys: Mapping[str, Any], column: int) -> str:
    """Keys and values as YAML that begins on a new line; a blank line before each top section."""
    between = "\n" if column else "\n\n"
    return "".join(
        between + textwrap.indent(_dump({key: value}), column * " ") for key, value in keys.items()
    )


def _dump(keys: Mapping[str, Any]) -> str:
    """Keys and values as YAML."""
    yaml = YAML()
    yaml.default_flow_style = False
    written = io.StringIO()
    yaml.dump(keys, written)
    return written.getvalue().strip()


def _end_of(text: str, node: CollectionNode) -> int:
    """Where the last value of a section ends."""
    key: Node = node
    value: Node = node
    while isinstance(value, CollectionNode) and value.value and not value.flow_style:
        last = value.value[-1]
        key, value = last if isinstance(last, tuple) else (last, last)
    # An alias is where its anchor is, and what is empty where the next thing is.
    is_here = value.value and value.start_mark.index >= key.start_mark.index
    behind = (value if is_here else key).end_mark.index
    return len(text[:behind].rstrip("\n"))


def _end_of_line(text: str, index: int) -> int:
    """Where the line ends that an index is in."""
    end = text.find("\n", index)
    return len(text) if end < 0 else end


def _plain(value: Any) -> Any:
    """A default as the file has it: what it sets, and of a whole section the defaults too."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {
            name: _plain(
                getattr(value, name)
                if name in value.model_fields_set
                else field.get_default(call_default_factory=True)
            )
            for name, field in fields.items()
        }
    if isinstance(value, Mapping):
        return {name: _set_alone(entry) for name, entry in value.items()}
    return [_set_alone(item) for item in value] if isinstance(value, list | tuple) else value


def _set_alone(value: Any) -> Any:
    """What an entry or an item sets, without the rest of its keys."""
    return value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.chmod(path.stat().st_mode)
    new.replace(path.resolve())
