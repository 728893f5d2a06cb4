"""Reading a CSV that somebody wrote, so that no value slips into another row or column."""

from pathlib import Path

import pandas as pd

from features.errors import InputError

MOST_BYTES = 64 << 20


def read_table(file: Path) -> pd.DataFrame:
    """All values of a CSV with a header, as text without space around it; row i is line i + 2.

    A missing value is an empty text. Empty lines count as rows, but for those at the end.

    Raises:
        InputError: the file is no CSV, or its rows have more values than there are columns.
    """
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            reason = f"{file} has {size / 2**20:.0f} MiB, more than any table of labels"
            raise InputError(reason, "check that it is the right file")
        table = pd.read_csv(
            file, dtype=str, keep_default_na=False, skip_blank_lines=False, skipinitialspace=True
        ).fillna("")
    except (ValueError, OSError) as error:
        problem = " ".join(str(error).split())
        raise InputError(f"{file} is not a readable CSV ({problem})", "fix the file") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first column for an index
        raise InputError(f"{file} row 2 has more values than there are columns", "fix the file")
    table.columns = table.columns.str.strip()
    table = table.apply(lambda column: column.str.strip())
    filled = table.index[(table != "").any(axis=1)]
    return table.iloc[: filled.max() + 1 if len(filled) else 0]
