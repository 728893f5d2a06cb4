"""Whether a media file ends where it says, or was broken off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from features.media.mp4 import has_damaged_tables

TAIL_TOLERANCE = 0.5
"""Seconds by which a stream may end before the end its container states."""

EXACT_TOLERANCE = 0.1
"""Likewise where programs write the last frame's end; a frame and a half where that is more."""

_EXACT = {"avi", "matroska,webm"}

_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")  # hours:minutes:seconds

_WHOLE = {"asf", "matroska,webm"}
"""Formats that state the length of the whole: one of the streams reaches it, others end earlier."""

_TOGETHER = {"asf", "avi", "flv", "matroska,webm"}
"""Formats in which a packet cut short tells that all streams are."""


class Reading:
    """How far the streams of a file have been read, and whether that is all of them.

    Args:
        path: of the file.
        container: opened.
        stream: the one that is decoded.
    """

    def __init__(
        self, path: Path, container: InputContainer, stream: av.VideoStream | av.AudioStream
    ) -> None:
        self._path, self._container, self._stream = path, container, stream
        self._ticks = {s.index: float(s.time_base or 0) for s in container.streams}
        self._ends: dict[int, float] = {}  # by stream, of the packet that lasts longest
        self._cut: dict[int, bool] = {}  # by stream, of the last packet
        # In decoding order: where the first packet is shown, its time, and the last one's end.
        self._decoding: tuple[float, float, float] | None = None
        self._reached = self._overlaps = 0.0

    def take(self, packet: av.Packet) -> None:
        """Note a packet of any stream."""
        if not packet.size:
            return
        index = packet.stream.index
        tick, lasts = self._ticks.get(index, 0.0), packet.duration or 0
        self._cut[index] = packet.is_corrupt
        at = packet.dts if packet.pts is None else packet.pts
        if at is not None:
            self._ends[index] = max(self._ends.get(index, 0.0), (at + lasts) * tick)
        if index == self._stream.index and packet.dts is not None:
            shown, first = (at or 0) * tick, packet.dts * tick
            if self._decoding is not None:
                shown, first, _ = self._decoding
            self._decoding = shown, first, (packet.dts + lasts) * tick

    def decoded(self, frame: av.VideoFrame | av.AudioFrame) -> float:
        """Note a frame; gives the second that is reached: its start, or of sound its end."""
        if frame.time is not None:
            self._overlaps += max(0.0, self._reached - frame.time)
            self._reached = frame.time
            if isinstance(frame, av.AudioFrame):  # Matroska rounds durations to milliseconds
                self._reached += frame.samples / frame.sample_rate
        return self._reached

    def is_cut_off(self) -> bool:
        """Whether the file ends, now that all is read, before it should."""
        form = self._container.format.name
        together = self._cut.values() if form in _TOGETHER else [self._cut.get(self._stream.index)]
        if form == "wav" and _is_of_unknown_length(self._path):
            return False
        breaks = _BREAKS.get(form)
        if any(together) or (breaks is not None and breaks(self._path)):
            return True
        stated = None if form == "asf" else _stated_end(self._stream)
        if stated is not None and stated - self._end() > self._tolerance([self._stream]):
            return True
        length = self._container.duration or 0
        if form not in _WHOLE or not self._ends:
            return False
        start = min(0, self._container.start_time or 0)
        tolerance = self._tolerance([*self._container.streams.video, self._stream])
        return (length + start) / av.time_base - max(self._ends.values()) > tolerance

    def _tolerance(self, streams: Iterable[av.VideoStream | av.AudioStream]) -> float:
        """Seconds that may be missing at the end, of the slowest of some streams."""
        if self._container.format.name not in _EXACT:
            return TAIL_TOLERANCE
        frames = (1.5 * _frame_duration(stream) for stream in streams)
        return self._overlaps + max(EXACT_TOLERANCE, *frames)  # a clock that ran back is behind

    def _end(self) -> float:
        """Second at which the stream ends, by its frames, its packets or their decoding order."""
        ends = [self._reached, self._ends.get(self._stream.index, 0.0)]
        if self._decoding is not None:
            shown, first, last = self._decoding
            ends.append(shown + last - first)
        return max(ends)


def _frame_duration(stream: av.VideoStream | av.AudioStream) -> float:
    """Seconds that a frame lasts, as far as the container tells."""
    if isinstance(stream, av.VideoStream):
        return float(1 / stream.average_rate) if stream.average_rate else TAIL_TOLERANCE
    return (stream.codec_context.frame_size or 0) / (stream.sample_rate or 1)


def _stated_end(stream: av.VideoStream | av.AudioStream) -> float | None:
    """End of a stream in seconds according to its container, None where that is unknown."""
    if stream.duration and stream.time_base:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    # Matroska has no duration for a stream, but muxers leave one in this tag.
    clock = _CLOCK.fullmatch(stream.metadata.get("DURATION", ""))
    if clock is None:
        return None
    hours, minutes, seconds = map(float, clock.groups())
    return 3600 * hours + 60 * minutes + seconds


# ---------------------------------------------------------------------- parts of files


def _is_of_unknown_length(path: Path) -> bool:
    """Whether a WAV was written to a pipe: its length is one that stands for none."""
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":  # RF64 has its length elsewhere
            return False
        file.seek(12)
        while len(head := file.read(8)) == 8:
            size = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                return _stands_for_none(size)
            file.seek(size + size % 2, 1)
    return False


def _breaks_off(path: Path) -> bool:
    """Whether an AVI is shorter than its parts say."""
    length = path.stat().st_size
    return any(end > length for end in _part_ends(path))


_TAG_HEAD = 11
"""Bytes."""


def _has_broken_tags(path: Path) -> bool:
    """Whether an FLV's tags do not lie one after the other: each states the length of the last.

    Programs that state lengths without a tag's head are let be.
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        file.seek(5)
        at, before = int.from_bytes(file.read(4), "big"), 0
        while at + 15 <= length:
            file.seek(at)
            head = file.read(15)
            if int.from_bytes(head[:4], "big") not in (before, before - _TAG_HEAD):
                return True
            before = _TAG_HEAD + int.from_bytes(head[5:8], "big")
            at += 4 + before
    return False


def _part_ends(path: Path) -> Iterator[int]:
    """Where the RIFF parts of a file end by their own words, in bytes."""
    at = 0
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8 and head[:4] == b"RIFF":
            size = int.from_bytes(head[4:], "little")
            if _stands_for_none(size):
                return
            at += 8 + size
            yield at
            at += size % 2
            file.seek(at)


_TS_SYNC, _TS_PACKETS = 0x47, (188, 192, 204)
"""How an MPEG-TS packet begins, and its bytes: alone, behind a time (M2TS), before a checksum."""


def _ends_in_packet(path: Path) -> bool:
    """Whether an MPEG-TS ends within a packet; False where its packets are not found."""
    with path.open("rb") as file:
        start = np.frombuffer(file.read(16 * max(_TS_PACKETS)), np.uint8) == _TS_SYNC
    for size in _TS_PACKETS:
        rows = start[: len(start) // size * size].reshape(-1, size)
        begins = rows.mean(axis=0) if len(rows) > 1 else np.zeros(1)
        if begins.max() > 0.5:
            before = 4 if size == 192 else 0
            return (path.stat().st_size - int(begins.argmax()) + before) % size != 0
    return False


_BREAKS: Mapping[str, Callable[[Path], bool]] = {
    "avi": _breaks_off,
    "flv": _has_broken_tags,
    "mov,mp4,m4a,3gp,3g2,mj2": has_damaged_tables,
    "mpegts": _ends_in_packet,
}
"""What tells of a format that a part of a file is missing or damaged."""


def _stands_for_none(size: int) -> bool:
    """Whether programs that write to a pipe put this where a length would be.

    >>> [_stands_for_none(size) for size in (0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF, 64_000)]
    [True, True, True, True, False]
    """
    return size == 0 or 0x7FFF0000 <= size <= 0x80000000 or size >= 0xFFFF0000
