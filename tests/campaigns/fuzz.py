"""Damaged media files with a face in them, over six containers.

None may crash or hang the reader, end in anything but a sentence, take more than a gigabyte, or be
used for fewer pictures or less sound than the whole file has without a word.
"""

import multiprocessing
import resource
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from features.errors import InputError
from features.faces.extract import extract_faces
from features.media import decoding as media
from features.media.rates import SAMPLE_RATE
from features.settings import FaceSettings
from features.stores.writing import new_item
from tests.campaigns.tally import Tally
from tests.helpers.face_factory import portrait
from tests.helpers.media_factory import make_video, tone
from tests.helpers.zoo import NO_B

CONTAINERS = {
    "mp4": {},
    "mkv": {},
    "webm": {"video_codec": "libvpx", "audio_codec": "libopus"},
    "avi": {"video_codec": "mpeg4", "audio_codec": "pcm_s16le"},
    "flv": {"video_codec": "flv", "audio_codec": "pcm_s16le", "sound_rate": 11_025},
    "ts": {"muxer": "mpegts", "codec_options": NO_B},
}
FRAMES, FPS = 10, 10

SECONDS = 60.0
"""From here on a file hangs the reader."""

BYTES = 1 << 30

CUT_UNSEEN = ("ts", "flv")
"""Containers that state no length: broken off between two packets, a file is whole."""

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]


def fuzz(count: int, generator: np.random.Generator, folder: Path) -> Tally:
    """Damage and read so many files, the containers and the kinds of damage in turn."""
    tally, whole = Tally(), {}
    for suffix, options in CONTAINERS.items():
        picture, _ = portrait()
        pictures = [np.roll(picture, 2 * i, axis=1) for i in range(FRAMES)]
        rate = options.get("sound_rate", 16_000)
        path = folder / f"whole.{suffix}"
        make_video(path, pictures, FPS, sound=tone(FRAMES / FPS, rate), **options)
        whole[suffix] = path.read_bytes(), _measured(path)
    for number in range(count):
        suffix = list(CONTAINERS)[number % len(CONTAINERS)]
        name = list(DAMAGES)[number // len(CONTAINERS) % len(DAMAGES)]
        content, measured = whole[suffix]
        path = folder / f"{number}-{name}.{suffix}"
        damaged = DAMAGES[name](np.frombuffer(content, np.uint8).copy(), generator)
        path.write_bytes(damaged.tobytes())
        outcome, fault = _compared(read_apart(path), measured)
        if outcome == "used, shorter" and name == "cut" and suffix in CUT_UNSEEN:
            outcome, fault = "used up to its end, no length stated", ""
        tally.note(suffix, outcome, fault and f"{path.name}: {fault}")
        if not fault:
            path.unlink()
    return tally


# ------------------------------------------------------------------ damage


def _flip(data: Bytes, generator: np.random.Generator, end: int) -> Bytes:
    for at in generator.integers(0, 8 * end, generator.integers(1, 9)):
        data[at // 8] ^= 1 << at % 8
    return data


def _overwritten(data: Bytes, generator: np.random.Generator) -> Bytes:
    first = generator.integers(len(data))
    part = data[first : first + generator.integers(1, 1000)]
    part[:] = generator.integers(0, 256, len(part), np.uint8)
    return data


def _without(data: Bytes, generator: np.random.Generator) -> Bytes:
    first = int(generator.integers(len(data)))
    return np.delete(data, slice(first, first + int(generator.integers(1, 1000))))


DAMAGES: dict[str, Callable[[Bytes, np.random.Generator], Bytes]] = {
    "flips": lambda data, generator: _flip(data, generator, len(data)),
    "header": lambda data, generator: _flip(data, generator, min(1000, len(data))),
    "tail": lambda data, generator: _flip(data[::-1], generator, min(1000, len(data)))[::-1],
    "cut": lambda data, generator: data[: generator.integers(1, len(data))],
    "overwritten": _overwritten,
    "hole": _without,
}

# ------------------------------------------------------------------ reading


def _measured(path: Path) -> tuple[int, float, int]:
    """Pictures, seconds of sound and faces, as the stages see them."""
    info = media.probe(path)
    faces = 0
    if info.has_video:
        with TemporaryDirectory() as folder:
            with new_item(Path(folder) / "face", {}) as item:
                extract_faces(path, FaceSettings(every=5), item)
            faces = 1
    pictures = len(media.frame_times(path)) if info.has_video else 0
    sound = len(media.sound(path)[0]) / SAMPLE_RATE if info.has_audio else 0.0
    return pictures, sound, faces


def read_apart(path: Path) -> tuple[str, object]:
    """Read a file in a process of its own: "used" and what it has, or how it ended and why."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_reply, args=(path, theirs))
    with warnings.catch_warnings():  # that a process with threads forks
        warnings.simplefilter("ignore", DeprecationWarning)
        child.start()
    theirs.close()
    try:
        answer = ours.recv() if ours.poll(SECONDS) else ("hangs", f"{SECONDS:.0f} s")
    except EOFError:
        child.join()
        answer = "crashes", f"exit code {child.exitcode}"
    child.kill()
    child.join()
    return answer


def _reply(path: Path, connection: Connection) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        answer: tuple[str, object] = "used", _measured(path)
    except InputError as error:
        sentence = "\n" not in str(error) and error.reason and error.remedy
        answer = "refused" if sentence else "no sentence", str(error)
    except BaseException as error:
        answer = "traceback", repr(error)
    taken = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    connection.send(answer if taken <= BYTES else ("takes memory", f"{taken:,} bytes"))


def _compared(answer: tuple[str, object], whole: tuple[int, float, int]) -> tuple[str, str]:
    """The outcome for the table, and what is wrong with it."""
    outcome, what = answer
    if outcome == "refused":
        return outcome, ""
    if outcome != "used":
        return outcome, f"{outcome} ({what})"
    assert isinstance(what, tuple)
    pictures, sound, _ = what
    if pictures < whole[0] - 1 or sound < whole[1] - 0.1:
        return "used, shorter", f"{pictures} pictures and {sound:.2f} s of {whole[:2]}"
    # Muxers differ in when the last frame ends, so that the reader allows for a frame and a half.
    return "used" if pictures >= whole[0] else "used, one picture of ten lost", ""
