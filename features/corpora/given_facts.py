"""What is known of the features that a corpus gives, and what is wrong with them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.corpora.item import Corpus, Item
from features.corpora.listing import NOTES
from features.errors import InputError
from features.hashes import hash_of
from features.media.rates import AUDIO_ONLY_RATE
from features.settings import Modality

LONGEST_RATIO, LONGEST_SURPLUS = 2.0, 5.0
"""A stream that lasts so many times as long as another, and so many seconds more, has times that
are not seconds, or a wrong rate."""
GAP_SECONDS, GAP_STEPS = 1.0, 10.0
"""A gap is longer than either: seconds, and median steps."""


@dataclass(frozen=True)
class GivenStream:
    """What is known of one stream of an item.

    Attributes:
        name: of the stream.
        modality: audio or video.
        width: numbers of a row.
        rate: rows a second.
        seconds: from the first row on to the end of the last; 0 of a single row.
        gap: seconds of the longest pause between rows; 0 for none.
        is_present: whether there is anything in any row.
        content: hash of all that its rows depend on.
    """

    name: str
    modality: Modality
    width: int
    rate: float
    seconds: float
    gap: float
    is_present: bool
    content: str


def given_streams(
    item: Item, corpus: Corpus, used: Mapping[str, Modality]
) -> tuple[GivenStream, ...]:
    """What is known of an item's features.

    Args:
        item: the item.
        corpus: that gives them.
        used: the modality of the streams that params.yaml takes, by their names in the corpus.

    Raises:
        InputError: a file is missing, damaged or says something impossible; names it.
    """
    assert corpus.features is not None
    streams = corpus.features(item.name)
    known = []
    for name, modality in used.items():
        if name not in streams:
            continue
        stream = streams[name]
        steps = np.diff(stream.times)
        step = float(np.median(steps)) if len(steps) else 1 / AUDIO_ONLY_RATE
        known.append(
            GivenStream(
                name=name,
                modality=modality,
                width=stream.rows.shape[1],
                rate=1 / step,
                seconds=float(stream.times[-1] - stream.times[0]) + step if len(steps) else 0.0,
                gap=_gap(steps, step),
                is_present=bool(stream.present.any()),
                content=_content(corpus, item.name, name),
            )
        )
    return tuple(known)


def _content(corpus: Corpus, item: str, stream: str) -> str:
    if corpus.content is not None:
        return corpus.content(item, stream)
    return hash_of(corpus.identity, item)


def _gap(steps: NDArray[np.float64], step: float) -> float:
    longest = float(steps.max()) if len(steps) else 0.0
    return longest if longest > max(GAP_SECONDS, GAP_STEPS * step) else 0.0


def facts_of_features(streams: Sequence[GivenStream]) -> dict[str, object]:
    """A row of the table of items, of one whose features are all there is.

    Its rate is that of its pictures, or else of its first stream.

    Raises:
        InputError: its streams last so differently that one has wrong times.
    """
    check_lengths({stream.name: stream.seconds for stream in streams})
    present = {stream.modality for stream in streams if stream.is_present}
    shown = [stream for stream in streams if stream.modality == "video" and stream.seconds]
    timed = [*shown, *(stream for stream in streams if stream.seconds)]
    rate = timed[0].rate if timed else float(AUDIO_ONLY_RATE)
    return {
        "sha256": hash_of([[stream.name, stream.content] for stream in streams]),
        "crops_sha256": "",
        "has_video": "video" in present,
        "has_audio": "audio" in present,
        "width": 0,
        "height": 0,
        "rate": rate,
        "seconds": max([stream.seconds for stream in streams], default=0.0) or 1 / rate,
        "notes": NOTES.join(notes_of(streams)),
        "without_picture": 0.0,
        "without_sound": 0.0,
    }


def facts_beside_media(
    facts: Mapping[str, object], streams: Sequence[GivenStream]
) -> dict[str, object]:
    """A row of the table of items, of one whose features lie beside its media.

    Raises:
        InputError: a stream lasts so differently that it has wrong times.
    """
    lengths = {stream.name: stream.seconds for stream in streams}
    check_lengths({"its file": float(str(facts["seconds"])), **lengths})
    notes = [str(facts["notes"]), *notes_of(streams)]
    return {
        **facts,
        "features_sha256": hash_of([[stream.name, stream.content] for stream in streams]),
        "notes": NOTES.join(filter(None, notes)),
    }


def notes_of(streams: Iterable[GivenStream]) -> list[str]:
    """What is unusual about streams, a sentence each."""
    gaps = [f"{stream.name} has gaps, which count as missing" for stream in streams if stream.gap]
    absent = [f"{stream.name} is present nowhere" for stream in streams if not stream.is_present]
    return gaps + absent


def check_lengths(seconds: Mapping[str, float]) -> None:
    """Refuse times that are not in seconds.

    Args:
        seconds: how long each stream, or the item's file, lasts; 0 where that is not known.

    Raises:
        InputError: one lasts much longer than another.

    >>> check_lengths({"face": 3.0, "voice": 3.1, "vector": 0.0})
    """
    known = sorted((length, name) for name, length in seconds.items() if length > 0)
    if not known:
        return
    (shortest, first), (longest, last) = known[0], known[-1]
    if longest > LONGEST_RATIO * shortest and longest - shortest > LONGEST_SURPLUS:
        raise InputError(
            f"{last} lasts {longest:g} s, but {first} {shortest:g} s",
            "correct times (seconds) or rate (rows a second)",
        )


def odd_widths(streams: Mapping[str, Sequence[GivenStream]]) -> dict[str, InputError]:
    """Items whose rows have another width than those of most items.

    Args:
        streams: of every item, by its name.
    """
    counts: dict[str, Counter[int]] = {}
    for known in streams.values():
        for stream in known:
            counts.setdefault(stream.name, Counter())[stream.width] += 1
    usual = {name: widths.most_common(1)[0][0] for name, widths in counts.items()}
    return {
        item: InputError(
            f"its {stream.name} has {stream.width} numbers a row, other items have "
            f"{usual[stream.name]}",
            "extract all items alike",
        )
        for item, known in streams.items()
        for stream in known
        if stream.width != usual[stream.name]
    }
