"""The reference pages of the docs, which a command writes."""

import pytest
from pydantic import BaseModel

from features.extractors.registry import EXTRACTORS
from models.networks.registry import NETWORKS
from pipeline.params import Params
from pipeline.reference import FOLDER, described, pages


@pytest.mark.parametrize("name", pages())
def test_a_page_is_what_the_command_writes(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == pages()[name], "run `python -m pipeline.reference`"


def test_every_row_and_every_section_is_there() -> None:
    settings, tables = (pages()[name] for name in ("settings.md", "tables.md"))
    assert [name for name in Params.model_fields if f"\n## {name}\n" not in settings] == []
    assert [name for name in (*EXTRACTORS, *NETWORKS) if f"| `{name}` |" not in tables] == []


def classes_in(settings: type[BaseModel], seen: set[type[BaseModel]]) -> set[type[BaseModel]]:
    for field in settings.model_fields.values():
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
                classes_in(kind, seen | {kind})
                seen.add(kind)
    return seen


def test_every_setting_that_is_a_value_says_what_it_is() -> None:
    silent = [
        f"{kind.__name__}.{name}"
        for kind in classes_in(Params, set())
        for name, field in kind.model_fields.items()
        if name not in described(kind)
        and not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel))
    ]
    assert silent == []
