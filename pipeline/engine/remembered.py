"""What was worked out of files before, kept beside Python's own compiled modules.

It is used where the files are still what they were, by their content; nothing of it is a result.
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from features.files import whole


def remembered(source: Path, what: str, key: str, work: Callable[[], Any]) -> Any:
    """What some work comes to: as it was kept with the same key, else done now and kept.

    Args:
        source: the module that it is of; it is kept beside its compiled form.
        what: ending of the file that keeps it.
        key: hash of all it depends on.
        work: returns JSON.
    """
    file = Path(cache_from_source(str(source))).with_suffix(f".{what}")
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads(file.read_bytes())
        if kept["key"] == key:
            return kept["value"]
    value = work()
    if not sys.dont_write_bytecode and os.access(source.parent, os.W_OK):
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            with whole(file) as place:
                place.write_text(json.dumps({"key": key, "value": value}))
    return value
