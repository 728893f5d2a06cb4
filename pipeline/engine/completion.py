"""Completing a file of settings with every default, in the form in which DVC writes it."""

import io
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node
from ruamel.yaml.tokens import CommentToken

from pipeline.engine.yaml_file import YamlFile, entry_of

Edit = tuple[int, int, str]
"""From where to where in a text, and what is put there."""


@dataclass(frozen=True)
class _Section:
    """What a section has.

    Attributes:
        within: sections in it, by key.
        defaults: of its keys.
    """

    within: Mapping[str, "_Section"]
    defaults: Mapping[str, Any]


def complete(file: YamlFile, settings: BaseModel, *, entries_of: Sequence[str] = ()) -> bool:
    """Add every key that a file lacks, with its default, and write it as DVC does.

    The items of lists stay as they are, and so do the entries of dicts and comments, except for
    those within braces.

    Args:
        file: a file that is valid; one that lacks nothing is not written.
        settings: what the file comes to.
        entries_of: dicts at the top whose entries get their defaults too.

    Returns:
        Whether the file lacked any.
    """
    if not isinstance(file.root, MappingNode):
        raise TypeError(f"{file.path} has no keys")
    whole = _section_of(settings, entries_of)
    edits = list(_edits(file.text, file.root, file.content, whole, column=0))
    if edits:
        _replace(file.path, as_dvc_writes(_edited(file.text, edits).lstrip("\n")))
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
    # Blank lines behind a list are its own when it is read again.
    return text if written.getvalue() == text else as_dvc_writes(written.getvalue())


def _free_lists(section: CommentedMap) -> None:
    """Take the style from the lists within a section, as DVC does."""
    for key, value in section.items():
        if isinstance(value, CommentedMap):
            _free_lists(value)
        elif isinstance(value, CommentedSeq):
            behind = _comments(section.ca.items.get(key)).strip()
            within = _comments([*value.ca.items.values(), *value])
            if "\n" not in behind and "#" not in within:
                section[key] = _freed(value)


def _freed(value: Any) -> Any:
    """A value of Python's own types."""
    if isinstance(value, dict):
        return {key: _freed(part) for key, part in value.items()}
    return [_freed(part) for part in value] if isinstance(value, list) else value


def _comments(value: Any) -> str:
    """All comments in a value, and the line breaks around them."""
    match value:
        case CommentToken():
            return value.value
        case CommentedMap():
            inside = [value.ca.comment, *value.ca.items.values(), *value.values()]
        case CommentedSeq():
            inside = [value.ca.comment, *value.ca.items.values(), *value]
        case list():
            inside = value
        case _:
            return ""
    return "".join(map(_comments, inside))


def _edited(text: str, edits: Iterable[Edit]) -> str:
    """A text with its edits; of two at one place, the first stays first."""
    pieces = []
    done = 0
    for start, end, new in sorted(edits, key=lambda edit: edit[0]):
        pieces += [text[done:start], new]
        done = end
    return "".join([*pieces, text[done:]])


def _section_of(settings: BaseModel, entries_of: Sequence[str] = ()) -> _Section:
    """The sections and defaults of settings."""
    within = {}
    defaults = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            within[name] = _section_of(value)
        elif name in entries_of:
            entries = {key: _section_of(entry) for key, entry in value.items()}
            within[name] = _Section(entries, {})
        if not field.is_required():
            defaults[name] = _plain(field.get_default(call_default_factory=True))
    return _Section(within, defaults)


def _edits(
    text: str,
    node: CollectionNode,
    content: Mapping[str, Any],
    section: _Section,
    column: int,
) -> Iterator[Edit]:
    """What to put into a text so that a section has every key.

    Args:
        text: of the file.
        node: of the section.
        content: of the section.
        section: what it has.
        column: where its keys begin, if they are not there yet.
    """
    if node.flow_style:
        whole = _merged(content, section)
        if whole != content:
            end = _end_of_line(text, node.end_mark.index)
            comment = text[node.end_mark.index : end].rstrip()
            yield node.start_mark.index, end, comment + _lines(whole, column)
        return
    if node.value:
        column = node.value[0][0].start_mark.column
    for name, inner in section.within.items():
        key_and_value = entry_of(node, name)
        if key_and_value is not None:
            key, value = key_and_value
            assert isinstance(value, CollectionNode)  # the file is valid
            yield from _edits(text, value, content[name], inner, key.start_mark.column + 2)
    lacking = _lacking(content, section)
    if lacking:
        end = _end_of_line(text, _end_of(text, node))
        yield end, end, _lines(lacking, column)


def _lacking(content: Mapping[str, Any], section: _Section) -> dict[str, Any]:
    """The defaults of what a section does not set."""
    return {name: value for name, value in section.defaults.items() if name not in content}


def _merged(content: Mapping[str, Any], section: _Section) -> dict[str, Any]:
    """A section with every key."""
    within = {
        name: _merged(content[name], inner)
        for name, inner in section.within.items()
        if name in content
    }
    return {**content, **within, **_lacking(content, section)}


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
        return {name: _plain(entry) for name, entry in value.items()}
    return [_set_alone(item) for item in value] if isinstance(value, list | tuple) else value


def _set_alone(item: Any) -> Any:
    """What an item of a list sets, without the rest of its keys."""
    return item.model_dump(exclude_unset=True) if isinstance(item, BaseModel) else item


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.chmod(path.stat().st_mode)
    new.replace(path.resolve())
