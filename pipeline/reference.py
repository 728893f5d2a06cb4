"""Write the reference pages of the docs from the settings and the tables themselves."""

import argparse
import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from features.corpora.registry import CORPORA
from features.extractors.registry import EXTRACTORS
from features.hashes import PROJECT
from features.licences import Licence
from features.tables import Row, Table
from models.ablation.registry import STRATEGIES
from models.evaluation.registry import METRICS
from models.networks.registry import NETWORKS
from models.settings.network import NetworkSize
from models.settings.presets import PRESETS
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors
from pipeline.params import Params

FOLDER = PROJECT / "docs/reference"
WRITTEN = "<!-- Written by `python -m pipeline.reference`; change the code, not this page. -->"

ROWS: Mapping[str, tuple[Table[Any], Mapping[str, str]]] = {
    "Corpora": (CORPORA, {}),
    "Extractors": (EXTRACTORS, {"of": "modalities", "licence": "licence"}),
    "Networks": (NETWORKS, {"forms of presence": "presence"}),
    "Strategies": (STRATEGIES, {"paper": "paper"}),
    "Metrics": (METRICS, {"meaning": "meaning", "of": "kinds"}),
}
"""The tables that are shown as such, and which fields of their rows, by their headings."""

OPTIONS: Mapping[str, tuple[Table[Any], str]] = {
    "corpus": (CORPORA, "settings"),
    "streams": (EXTRACTORS, "settings"),
    "models.options": (NETWORKS, "options"),
}
"""Settings that the rows of a table bring along, and the field that names their class."""

_ENTRY = re.compile(r"(?m)^    (\w+):(.*(?:\n {6,}\S.*)*)")


def main() -> None:
    """Run the command."""
    argparse.ArgumentParser(prog="python -m pipeline.reference", description=__doc__).parse_args()
    with stage_errors(goes_on=False):
        FOLDER.mkdir(exist_ok=True)
        for name, page in pages().items():
            (FOLDER / name).write_text(page, encoding="utf-8")
        say(f"wrote {', '.join(pages())} to {FOLDER}")


def pages() -> dict[str, str]:
    """The pages, by the names of their files."""
    return {"settings.md": _settings_page(), "tables.md": _tables_page()}


# ------------------------------------------------------------------ settings


def _settings_page() -> str:
    parts = ["# All settings of params.yaml", WRITTEN]
    parts.append(
        "`python -m pipeline.params` checks the file, `python -m pipeline.params --write` fills in "
        "what it leaves out. The names that values are taken from stand in [tables](tables.md)."
    )
    meanings = described(Params)
    for name, field in Params.model_fields.items():
        parts += [f"## {name}", f"{capitalised(meanings[name])}"]
        parts += list(_of_class(name, _class_in(field.annotation)))
        for place, (table, which) in OPTIONS.items():
            if place.partition(".")[0] == name:
                parts += list(_of_rows(place, table, which))
    return "\n\n".join(parts) + "\n"


def _of_rows(place: str, table: Table[Any], which: str) -> Iterator[str]:
    """The settings that rows bring along, a class once."""
    shown: dict[type[BaseModel], list[str]] = {}
    for name, row in table.items():
        given = getattr(row, which)
        found = Row(code=given).load() if isinstance(given, str) and given else given
        if isinstance(found, type) and issubclass(found, BaseModel) and found.model_fields:
            shown.setdefault(found, []).append(name)
    for settings, names in shown.items():
        of = ", ".join(f"`{name}`" for name in names)
        yield f"### {place}: {of}"
        yield from _of_class(place, settings, deeper=False)


def _of_class(
    place: str, settings: type[BaseModel] | None, *, deeper: bool = True
) -> Iterator[str]:
    """A table of the settings of a class, then those of the classes within."""
    if settings is None:
        return
    meanings = described(settings)
    rows, within = [], []
    for name, field in settings.model_fields.items():
        inner = _class_in(field.annotation)
        if inner is not None and deeper and f"{place}.{name}" not in OPTIONS:
            within.append((f"{place}.{name}", inner))
        meaning = meanings.get(name, f"see {place}.{name}" if inner is not None else "")
        rows.append((f"`{name}`", default_of(field), meaning))
    yield table_of_texts(("setting", "default", "what it is"), rows)
    for inner_place, inner in within:
        if inner.model_fields and described(inner):
            yield f"### {inner_place}"
            yield from _of_class(inner_place, inner)


def default_of(field: FieldInfo) -> str:
    """A default as YAML in one line; `(named)` where there is none, empty for what is made later.

    >>> default_of(FieldInfo(annotation=float, default=0.5)), default_of(FieldInfo(annotation=str))
    ('`0.5`', '(to be named)')
    """
    if field.is_required():
        return "(to be named)"
    value = field.default
    try:
        return "" if value in (PydanticUndefined, {}) else f"`{json.dumps(value)}`"
    except TypeError:  # settings of their own, shown below
        return ""


def described(settings: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a class and of its bases say of each setting.

    >>> class Example(BaseModel):
    ...     '''An example.
    ...
    ...     Attributes:
    ...         p: how often,
    ...             in all.
    ...     '''
    ...     p: float = 0.5
    >>> described(Example)
    {'p': 'how often, in all.'}
    """
    found: dict[str, str] = {}
    for base in reversed(settings.__mro__):
        _, _, attributes = inspect.cleandoc(base.__dict__.get("__doc__") or "").partition(
            "Attributes:\n"
        )
        for name, text in _ENTRY.findall(attributes):
            if name in settings.model_fields:
                found[name] = " ".join(text.split())
    return found


def _class_in(annotation: Any) -> type[BaseModel] | None:
    """The class of settings in a type such as `Demo | None` or `dict[str, Demo]`, if it is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [c for a in get_args(annotation) if (c := _class_in(a)) is not None]
    return found[0] if len(set(found)) == 1 else None


# ------------------------------------------------------------------ tables


def _tables_page() -> str:
    parts = ["# What there is to choose from", WRITTEN]
    parts.append("A row each; `extensions/README.md` shows how to add one of your own.")
    for title, (table, fields) in ROWS.items():
        rows = [
            (f"`{name}`", row.title, *(_shown(getattr(row, field)) for field in fields.values()))
            for name, row in table.items()
        ]
        parts += [f"## {title}", table_of_texts(("name", "title", *fields), rows)]
    return "\n\n".join([*parts, *_of_presets()]) + "\n"


def _of_presets() -> Iterator[str]:
    """A section each: sizes in a table, then what differs from the paper, a line a sentence."""
    yield "## Presets"
    yield "Sizes of a paper's networks. Below each stands what differs from the paper or is silent."
    sizes = tuple(NetworkSize.model_fields)
    for name, preset in PRESETS.items():
        yield f"### `{name}`: {preset.title}"
        rows = []
        for network, shape in preset.networks.items():
            values = (str(value) for value in shape.size.model_dump().values())
            options = (f"`{key}: {json.dumps(value)}`" for key, value in shape.options.items())
            rows.append((f"`{network}`", *values, ", ".join(options)))
        yield table_of_texts(("network", *sizes, "options"), rows)
        if preset.deviations:
            yield "\n".join(f"- {capitalised(sentence)}" for sentence in preset.deviations)


def _shown(value: Any) -> str:
    """A field of a row as people read it."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_shown(each)}" for name, each in value.items())
    if isinstance(value, tuple | list | frozenset | set):
        texts = [_shown(each) for each in value]
        return ", ".join(sorted(texts) if isinstance(value, frozenset | set) else texts)
    if isinstance(value, Licence):
        return value.text
    return "" if value is None else str(value)


# ------------------------------------------------------------------ texts


def table_of_texts(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table.

    >>> print(table_of_texts(("a", "b"), [("1", "2")]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    cells = [
        [" ".join(cell.replace("|", "\\|").split()) for cell in line] for line in (heads, *rows)
    ]
    lines = [f"| {' | '.join(line)} |" for line in cells]
    return "\n".join([lines[0], f"|{'---|' * len(heads)}", *lines[1:]])


def capitalised(text: str) -> str:
    """A sentence with a capital in front.

    >>> capitalised("which corpus.")
    'Which corpus.'
    """
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    main()
