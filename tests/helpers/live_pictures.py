"""The pictures of a file as live hands them on."""

from fractions import Fraction
from pathlib import Path

import av

from pipeline.streaming.pictures import Picture
from pipeline.streaming.source import Player, Source, Wishes


class _Taken(list[Picture]):
    """Keeps what comes."""

    def found(self, *_: object) -> None:
        """Nothing is done about it."""

    def picture(self, second: float, frame: av.VideoFrame, aspect: Fraction) -> None:
        """Keep it."""
        self.append(Picture(len(self), second, frame, aspect))

    def sound(self, *_: object) -> None:
        """None is asked for."""


def pictures_of(path: Path) -> list[Picture]:
    """All pictures of a file, read without a pace."""
    taken = _Taken()
    Player(Source.of(str(path)), Wishes(pictures=True, sound=False, paced=False), taken).play()
    return taken
