"""Features in files, played as they would come."""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from features.errors import InputError
from features.extractors.described import Described
from features.settings import Modality
from features.stores.streams import span_of_times
from models.recogniser import Card
from pipeline.prediction.given import Files, check_names, features_of, takes_features
from pipeline.streaming.assembling import Assembler

Handed = Callable[[Assembler], None]
"""Hands something that came to an assembler."""


def given_streams(card: Card, files: Files) -> dict[Modality, Described]:
    """The features that a model is given.

    Raises:
        InputError: they are missing, of another kind, or one vector that stands for a whole item.
    """
    check_names(card, files)
    found = {m: features_of(card, m, files) for m in card.streams if takes_features(card, m)}
    for modality, described in found.items():
        if len(described.times) == 1:
            raise InputError(
                f"the {modality} features of {card.name} are one vector, which does not come over "
                "time",
                "predict with `python -m pipeline.predict --features`",
            )
    return found


def played(
    streams: Mapping[Modality, Described],
    *,
    paced: bool,
    is_stopped: Callable[[], bool],
    clock: Callable[[], float],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Handed]:
    """Rows in the order of their times, the end of sound last.

    Args:
        streams: of each modality.
        paced: whether each row comes at its time; else at once.
        is_stopped: asked between rows whether to end.
        clock: seconds.
        sleep: waits for seconds.
    """
    begun = clock()
    order = sorted(
        (float(second), modality, row)
        for modality, described in streams.items()
        for row, second in enumerate(described.times)
    )
    for second, modality, row in order:
        if is_stopped():
            return
        if paced:
            sleep(max(0.0, begun + second - clock()))
        here = _part_of(streams[modality], slice(row, row + 1))
        if modality == "video":
            yield partial(_show, here, clock())
        else:
            start = float(streams[modality].times[0])
            yield partial(_hear, here, start, second, clock())
    if "audio" in streams:
        start, seconds = span_of_times(streams["audio"].times)
        nothing = _part_of(streams["audio"], slice(0))
        yield partial(_hear, nothing, start, start + seconds, clock())
        yield Assembler.end_of_sound


def _part_of(described: Described, rows: slice) -> Described:
    return Described(described.rows[rows], described.times[rows], described.present[rows])


def _show(row: Described, arrival: float, assembler: Assembler) -> None:
    number = assembler.picture(float(row.times[0]), arrival)
    assembler.rows_of_picture(number, [row])


def _hear(
    row: Described, start: float, reached: float, arrival: float, assembler: Assembler
) -> None:
    after_start = Described(row.rows, row.times - start, row.present)
    assembler.sound(start, reached, arrival, [after_start])
