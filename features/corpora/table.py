"""Reading a CSV that somebody wrote, so that no value slips into another row or column.

Spreadsheets write CSVs in several ways. Read are values separated by commas, semicolons or tabs
(the header tells, or a first line `sep=;`), with decimal commas where no comma separates, in UTF-8
or UTF-16.
"""

import codecs
import re
from io import StringIO
from pathlib import Path

import pandas as pd

from features.errors import InputError

MOST_BYTES = 64 << 20
MOST_COLUMNS = 1000

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
"""From the likeliest on, with their names."""

DECIMAL = "decimal"
"""Attribute of a table and its columns: the sign before decimals."""

_ENCODINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SEPARATOR = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)


def read_table(file: Path) -> pd.DataFrame:
    """All values of a CSV with a header, as text without space around it.

    Row i is line i + 2, as spreadsheets number them: a line `sep=` does not count. A missing value
    is an empty text. Empty lines count as rows, but for those at the end; columns without a name
    and a value are left out. The attribute DECIMAL says what is before decimals.

    Raises:
        InputError: the file is no CSV, has more than MOST_COLUMNS columns, or its rows have more
            values than there are columns.
    """
    text, separator = _read(file)
    try:
        table = pd.read_csv(
            StringIO(text),
            sep=separator,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            skipinitialspace=True,
        ).fillna("")
    except ValueError as error:
        raise _unreadable(file, error) from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first column for an index
        reason = (
            f"{file} row 2 has more values than there are columns, with {SEPARATORS[separator]} "
            "between them"
        )
        raise InputError(reason, "fix the file")
    # What pandas calls columns without a name.
    kept = [
        name != f"Unnamed: {number}" or (table[name] != "").any()
        for number, name in enumerate(table.columns)
    ]
    table = table.loc[:, kept]
    table.columns = table.columns.str.strip()
    table = table.apply(lambda column: column.str.strip())
    filled = table.index[(table != "").any(axis=1)]
    table = table.iloc[: filled.max() + 1 if len(filled) else 0]
    table.attrs[DECIMAL] = "." if separator == "," else ","
    return table


def _read(file: Path) -> tuple[str, str]:
    """The text of a CSV from its header on, and what separates its values."""
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            reason = f"{file} has {size / 2**20:.0f} MiB, more than any table of labels"
            raise InputError(reason, "check that it is the right file")
        content = file.read_bytes()
        encoding = next((name for mark, name in _ENCODINGS.items() if content.startswith(mark)), "")
        text = content.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        reason = f"{file} is not a readable CSV (it is no text in UTF-8 or UTF-16)"
        raise InputError(reason, "save it as CSV UTF-8") from error
    except OSError as error:
        raise _unreadable(file, error) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    first, _, rest = text.partition("\n")
    stated = _SEPARATOR.fullmatch(first)
    if stated is not None:
        text, separator = rest, stated[1]
        if separator not in SEPARATORS:
            names = ", ".join(SEPARATORS.values())
            reason = f"{file} has {separator!r} between its values; read are {names}"
            raise InputError(reason, "save it with one of these")
    else:
        counts = {sign: _columns(first, sign) for sign in SEPARATORS}
        separator = next((sign for sign, count in counts.items() if count > 1), ",")
    columns = _columns(text.split("\n", 1)[0], separator)
    if columns > MOST_COLUMNS:
        reason = f"{file} has {columns:,} columns, more than any table of labels"
        raise InputError(reason, "check that it is the right file")
    return text, separator


def _columns(header: str, separator: str) -> int:
    """How many columns a header has.

    >>> _columns('path;"a;b";end', ";")
    3
    """
    outside = re.sub(r'"[^"]*"', "", header)
    return outside.count(separator) + 1


def _unreadable(file: Path, error: Exception) -> InputError:
    problem = " ".join(str(error).split())
    return InputError(f"{file} is not a readable CSV ({problem})", "fix the file")
