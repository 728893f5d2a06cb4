"""Where pictures and sound come from: files, pipes, addresses, cameras and microphones."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol

import av
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from numpy.typing import NDArray

from features.errors import InputError
from features.media.container import FORMATS, open_media, packets
from features.media.decoding import (
    LONGEST_HOURS,
    MAX_SAMPLE,
    resampler_for,
)
from features.media.pictures import pixel_aspect
from features.media.rates import AUDIO_ONLY_RATE, SAMPLE_RATE
from features.media.tracks import audio_stream, video_stream

BLOCK = 320
"""Samples of sound that are handed on at a time, 20 ms."""

TIMEOUT = 5.0
"""Seconds after which an address that sends nothing is taken to be gone."""

AGAIN = 1.0
"""Seconds after which a source that vanished is opened again."""

_DEVICE = re.compile(r"(v4l2|alsa|pulse|avfoundation|dshow|x11grab):(.+)")
_REMEDY = "check the source; `python -m pipeline.live --help` has its forms"

Kind = Literal["file", "pipe", "address", "device"]


@dataclass(frozen=True)
class Wishes:
    """What is wanted of a source.

    Attributes:
        pictures: whether pictures are.
        sound: whether sound is.
        paced: whether a file is played at its own pace.
    """

    pictures: bool
    sound: bool
    paced: bool = True


class Sink(Protocol):
    """Who takes what comes."""

    def found(self, pictures: bool, sound: bool, wishes: Wishes) -> None:
        """Which of the two the source has, of what is wanted of it."""
        ...

    def picture(self, second: float, frame: av.VideoFrame, aspect: Fraction) -> None:
        """A picture, decoded, and how many times as wide as high its pixels are."""
        ...

    def sound(self, start: float, samples: NDArray[np.float32]) -> None:
        """The next samples at 16 kHz; the first one ever was at second `start`."""
        ...


@dataclass(frozen=True)
class Source:
    """A source, by its name.

    Attributes:
        name: what FFmpeg opens.
        kind: file, pipe, address or device.
        form: FFmpeg's name of the device's kind; empty for all else.
    """

    name: str
    kind: Kind
    form: str = ""

    @classmethod
    def of(cls, text: str) -> "Source":
        """The source that a person names.

        >>> Source.of("-").kind, Source.of("rtsp://host/1").kind, Source.of("alsa:default").form
        ('pipe', 'address', 'alsa')
        """
        if text == "-":
            return cls("pipe:0", "pipe")
        if "://" in text:
            return cls(text, "address")
        if (device := _DEVICE.fullmatch(text)) is not None:
            return cls(device[2], "device", device[1])
        if re.fullmatch(r"\d+", text) and not Path(text).exists():
            mac = sys.platform == "darwin"
            return cls(text if mac else f"/dev/video{text}", "device", _camera(mac=mac))
        if text.startswith("/dev/video"):
            return cls(text, "device", "v4l2")
        return cls(text, "file")

    @property
    def returns(self) -> bool:
        """Whether it may vanish and come back."""
        return self.kind in ("address", "device")

    @contextmanager
    def open(self) -> Iterator[InputContainer]:
        """Open it.

        Raises:
            InputError: it cannot be opened.
        """
        if self.kind == "file":
            with open_media(self.name) as container:
                yield container
            return
        options: dict[str, Any] = {"metadata_errors": "replace"}
        if self.kind == "pipe":
            options["container_options"] = {
                "format_whitelist": FORMATS,
                "protocol_whitelist": "pipe",
            }
        elif self.kind == "address":
            options["timeout"] = (TIMEOUT, TIMEOUT)
            options["options"] = {"rw_timeout": str(round(TIMEOUT * 1e6))}
        try:
            container = av.open(self.name, format=self.form or None, **options)
        except (av.FFmpegError, OSError, ValueError) as error:
            cause = getattr(error, "strerror", None) or str(error)
            raise InputError(f"{self.name} cannot be opened ({cause})", _REMEDY) from error
        with container:
            yield container


def _camera(*, mac: bool) -> str:
    return "avfoundation" if mac else "v4l2"


class Player:
    """Reads a source once, from its beginning to its end, and hands on what comes.

    Args:
        source: what is read.
        wishes: what is wanted of it.
        sink: who takes it.
        is_stopped: asked between frames whether to end.
        clock: seconds.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        source: Source,
        wishes: Wishes,
        sink: Sink,
        *,
        is_stopped: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source, self._wishes, self._sink = source, wishes, sink
        self._is_stopped, self._clock, self._sleep = is_stopped, clock, sleep
        self._begun = clock()
        self._shift: float | None = None  # from the source's clock to the recording's
        self._picture: float | None = None  # second of the last picture
        self._start: float | None = None  # of the sound
        self._samples = 0
        self._origin = 0.0  # of a file's clock on the program's

    def play(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Read to the end; a source that may come back is opened again until it is stopped.

        Raises:
            InputError: it cannot be opened at first, or is damaged.
        """
        opened = False
        while not self._is_stopped():
            try:
                with self._source.open() as container:
                    opened = True
                    self._play(container)
            except InputError as error:
                if not (opened and self._source.returns):
                    raise
                say(f"{error.reason}; it is tried again")
            except (av.FFmpegError, OSError) as error:
                if not self._source.returns:
                    raise InputError(
                        f"{self._source.name} is damaged ({error})", _REMEDY
                    ) from error
                say(f"{self._source.name} is gone ({error}); it is tried again")
            if not self._source.returns:
                return
            self._shift = None  # it comes back with a clock of its own
            self._sleep(AGAIN)

    def _play(self, container: InputContainer) -> None:
        name = self._source.name
        video = video_stream(name, container) if self._wishes.pictures else None
        audio = audio_stream(name, container) if self._wishes.sound else None
        streams = [stream for stream in (video, audio) if stream is not None]
        if not streams:
            wanted = {"picture": self._wishes.pictures, "sound": self._wishes.sound}
            what = " and no ".join(kind for kind, is_wanted in wanted.items() if is_wanted)
            raise InputError(f"{name} has no {what}", "choose a model that does without")
        self._sink.found(video is not None, audio is not None, self._wishes)
        aspect = pixel_aspect(video) if video is not None else Fraction(1)
        step = float(1 / ((video.average_rate if video else None) or AUDIO_ONLY_RATE))
        resampler: Graph | None = None
        for stream in streams:
            stream.codec_context.thread_count = 1
        for packet in packets(container, *streams):
            for frame in packet.decode():
                if self._is_stopped():
                    return
                second = self._second(frame)
                if isinstance(frame, av.VideoFrame):
                    self._show(frame, second, aspect, step)
                elif isinstance(frame, av.AudioFrame):
                    if resampler is None:
                        resampler = resampler_for(name, frame, size=BLOCK)
                        self._begin_sound(second or 0.0)
                    resampler.push(frame)
                    self._hear(resampler)
        if resampler is not None:
            resampler.push(None)
            self._hear(resampler)

    def _second(self, frame: Any) -> float | None:
        """When a frame is, on the recording's clock; waits for that time where a file is paced."""
        if frame.time is None:
            return None
        if self._shift is None:
            since = self._clock() - self._begun
            # A camera counts from anywhere: what it says first is now.
            self._shift = since - frame.time if self._source.returns else 0.0
            self._origin = self._clock() - frame.time
        if self._source.kind == "file" and self._wishes.paced:
            self._sleep(max(0.0, self._origin + frame.time - self._clock()))
        return float(frame.time + self._shift)

    def _show(
        self, frame: av.VideoFrame, second: float | None, aspect: Fraction, step: float
    ) -> None:
        if self._picture is None:
            second = second or 0.0
        elif second is None or second <= self._picture:
            second = self._picture + step
        self._picture = second
        self._sink.picture(second, frame, aspect)

    def _begin_sound(self, second: float) -> None:
        """Sound begins, or comes back: what was missed is silence."""
        if self._start is None:
            self._start = second
            return
        missed = round((second - self._start) * SAMPLE_RATE) - self._samples
        missed = min(missed, LONGEST_HOURS * 3600 * SAMPLE_RATE)
        while missed > 0:
            self._hand_on(np.zeros(min(missed, SAMPLE_RATE), np.float32))
            missed -= SAMPLE_RATE

    def _hear(self, resampler: Graph) -> None:
        while True:
            try:
                block = resampler.pull().to_ndarray()[0]
            except (av.BlockingIOError, av.EOFError):
                return
            if not np.isfinite(block).all():
                raise InputError(f"{self._source.name} has samples that are not finite", _REMEDY)
            self._hand_on(np.clip(block, -1.0, np.float32(MAX_SAMPLE)))

    def _hand_on(self, samples: NDArray[np.float32]) -> None:
        assert self._start is not None
        self._samples += len(samples)
        self._sink.sound(self._start, samples)
