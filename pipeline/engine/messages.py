"""What is wrong with a file of settings, in plain words, with key, value and line."""

import datetime
import reprlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from features.errors import did_you_mean
from pipeline.engine.yaml_file import YamlFile

NUMBER = "must be a number"
WHOLE_NUMBER = "must be a whole number without a point"
TEXT = "must be text (in quotes)"
SECTION = "must be keys with values"
LIST = "must be a list, such as [1, 2]"

WORDS: Mapping[str, str] = {
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "finite_number": "must be a finite number",
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "int_type": WHOLE_NUMBER,
    "int_parsing": WHOLE_NUMBER,
    "int_parsing_size": WHOLE_NUMBER,
    "int_from_float": WHOLE_NUMBER,
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": TEXT,
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must be of the form {pattern}",
    "string_unicode": "must be readable text",
    "string_not_ascii": "must be of plain letters (ASCII)",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "none_required": "must be null",
    "too_short": "must have {min_length} or more entries",
    "too_long": "must have {max_length} or fewer entries",
    "list_type": LIST,
    "tuple_type": LIST,
    "set_type": LIST,
    "frozen_set_type": LIST,
    "iterable_type": LIST,
    "dict_type": SECTION,
    "mapping_type": SECTION,
    "model_type": SECTION,
    "model_attributes_type": SECTION,
    "dataclass_type": SECTION,
    "dataclass_exact_type": SECTION,
    "union_tag_invalid": "must be of one of the kinds {expected_tags}",
    "union_tag_not_found": "must say which kind it is, in {discriminator}",
    "recursion_loop": "must not stand within itself",
}
"""What must be, by pydantic's kind of error; what stands in braces comes from its context."""

_LONGEST = 60
_short = reprlib.Repr()
_short.maxstring = _short.maxother = _LONGEST


def sentences(
    error: ValidationError, file: YamlFile, moved: Mapping[str, str] | None = None
) -> list[str]:
    """A sentence, without a full stop, for every key that is wrong, in the file's order.

    Args:
        error: what the file's content was refused with.
        file: the file.
        moved: keys of the past, `*` standing for any one part, and what to write in their place.
    """
    # A union refuses a value once for each of its members: they are one sentence.
    by_claim: dict[tuple[tuple[Hashable, ...], str], list[_Words]] = {}
    for detail in error.errors(include_url=False):
        place = place_of(detail, file.content)
        words = _words(detail, place, moved or {})
        by_claim.setdefault((place, words.claim), []).append(words)
    by_line = sorted(by_claim.items(), key=lambda entry: file.line(entry[0][0]) or 0)
    return [_sentence(words, file.where(place)) for (place, _), words in by_line]


@dataclass(frozen=True)
class _Words:
    """Parts of a sentence.

    Attributes:
        claim: what is the case.
        must: what has to be the case.
        advice: what may help.
    """

    claim: str
    must: str = ""
    advice: str = ""


def _sentence(words: Sequence[_Words], where: str) -> str:
    """One sentence about one key."""
    musts = dict.fromkeys(part.must for part in words if part.must)
    must = " or ".join(musts).replace(" or must be ", " or ")
    advice = "; ".join(dict.fromkeys(part.advice for part in words if part.advice))
    return f"{words[0].claim}{must and f', {must}'} ({where}){advice and f': {advice}'}"


def place_of(detail: ErrorDetails, content: Any) -> tuple[Hashable, ...]:
    """The keys that lead to what is wrong, without what pydantic says of members of a union."""
    place: list[Hashable] = []
    parts = detail["loc"]
    for part, rest in zip_longest(parts, parts[1:]):
        if isinstance(part, str) and part.startswith("["):  # our own tags, and `[key]`
            continue
        within = _entry(content, part)
        if within is _NONE:
            is_whole = detail["input"] is content and detail["type"] != "missing"
            if not isinstance(content, dict | list) or is_whole or _has(content, rest):
                continue  # a member of a union
        place.append(part)
        content = within
    return tuple(place)


_NONE = object()


def _entry(content: Any, part: int | str) -> Any:
    """A key's value or an item; _NONE where it is missing."""
    if isinstance(content, dict):
        # Pydantic writes a key that is neither a string nor a number as text.
        return next((value for key, value in content.items() if str(key) == str(part)), _NONE)
    if isinstance(content, list) and isinstance(part, int) and part < len(content):
        return content[part]
    return _NONE


def _has(content: Any, part: int | str | None) -> bool:
    """Whether a section has a key, or a list an item."""
    return part is not None and _entry(content, part) is not _NONE


def _words(detail: ErrorDetails, place: Sequence[Hashable], moved: Mapping[str, str]) -> _Words:
    """What to say of one error."""
    key = ".".join(map(str, place)) or "the file"
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if detail["loc"][-1:] == ("[key]",):
        must = str(context["error"]) if kind == "value_error" else TEXT
        return _Words(f"{'.'.join(map(str, place[:-1]))} has the name {shown(value)}", must)
    match kind:
        case "missing":
            return _Words(f"{key} is missing")
        case "value_error":  # one of the whole file names its keys itself
            return _Words(f"{key}: {context['error']}" if place else str(context["error"]))
        case "unknown_key":
            advice = _of_unknown(place, context["keys"], moved)
            return _Words(f"{key} is not a known key", advice=advice)
    is_empty = value is None or (isinstance(value, str | list | dict) and not value)
    return _Words(f"{key} is {'empty' if is_empty else shown(value)}", _must(detail))


def _of_unknown(place: Sequence[Hashable], keys: Sequence[str], moved: Mapping[str, str]) -> str:
    """What may help where a key is unknown."""
    for pattern, advice in moved.items():
        parts = pattern.split(".")
        if len(parts) == len(place) and all(
            part in ("*", str(key)) for part, key in zip(parts, place, strict=True)
        ):
            return advice
    return did_you_mean(str(place[-1]), keys) or f"the keys there are {', '.join(keys)}"


def _must(detail: ErrorDetails) -> str:
    """What a value must be."""
    if detail["type"] in WORDS:
        context = detail.get("ctx", {}).items()
        words = {
            key: _number(value) if isinstance(value, float) else value for key, value in context
        }
        return WORDS[detail["type"]].format_map(words)
    message = detail["msg"]
    for beginning in ("Input should ", "String should ", "should ", "must "):
        if message.startswith(beginning):
            return f"must {message.removeprefix(beginning)}"
    return f"is refused: {message}"


def _number(value: float) -> str:
    """A limit, without needless digits.

    >>> _number(1.0), _number(1 / 30), _number(1e6)
    ('1', '0.03333', '1000000')
    """
    return str(int(value)) if value == int(value) else f"{value:.4g}"


def shown(value: Any) -> str:
    """A value as params.yaml would have it, shortened.

    >>> shown(True), shown(None), shown("yes"), shown(1.5)
    ('true', 'null', "'yes'", '1.5')
    """
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case datetime.date():
            return f"{value} (a date, unless in quotes)"
    text = " ".join(_short.repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
