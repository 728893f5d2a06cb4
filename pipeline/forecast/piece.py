"""A small piece of a recording: some seconds out of its middle, as they are coded."""

from pathlib import Path

import av

from features.errors import InputError
from features.media.container import packets

SHORT_SECONDS = 20.0
"""Files up to this length are taken whole where they cannot be cut."""


def cut(source: Path, target: Path, *, start: float, seconds: float) -> None:
    """Copy the packets of a stretch of a file, from the picture that it can begin with.

    Args:
        source: a media file.
        target: the piece, a Matroska file.
        start: about where the stretch begins, on the container's clock.
        seconds: that it lasts.

    Raises:
        InputError: the codecs do not go into Matroska.
    """
    try:
        with av.open(str(source)) as given, av.open(str(target), "w") as out:
            streams = [*given.streams.video[:1], *given.streams.audio[:1]]
            copies = {stream.index: out.add_stream_from_template(stream) for stream in streams}
            given.seek(round(max(0.0, start) * av.time_base))
            first: float | None = None
            for packet in packets(given, *streams):
                if packet.dts is None or packet.time_base is None:
                    continue
                at = float(packet.dts * packet.time_base)
                first = at if first is None else first
                if at > first + seconds:
                    break
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    except (av.FFmpegError, ValueError) as error:
        raise InputError(f"{source} cannot be cut ({error})", "nothing needs to be done") from error
