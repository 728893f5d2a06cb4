"""A zoo of bad and odd media files, made on the spot, and what is to become of each."""

import os
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

from tests.helpers.media_factory import flat_frames, make_video, tone

FRAMES, FPS, SECONDS = 15, 30, 0.5
"""Of the pictures and of the sound of a file that nothing is said about."""

Outcome = Literal["used", "used, sound missing", "used, picture missing", "refused"]
Stage = Literal["folder", "corpus", "faces", "lld"]


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        file: its name, unlike that of any other kind.
        what: what is odd about it, for the reader.
        write: writes it.
        outcome: what becomes of it.
        reason: regular expression of the reason of a refusal.
        stage: the first that refuses it; `folder` is the listing of a corpus, which
            skips it (a folder) or ends with it (a link that leads outside).
        frames: number of times of a file that is used.
        start: time of the first frame in seconds.
        sound: start and length of the sound in seconds.
    """

    file: str
    what: str
    write: Callable[[Path], object]
    outcome: Outcome = "used"
    reason: str = ""
    stage: Stage | None = None
    frames: int = FRAMES
    start: float = 0.0
    sound: tuple[float, float] = (0.0, SECONDS)

    def make(self, folder: Path) -> Path:
        """Write the file into a folder and return its path."""
        path = folder / self.file
        self.write(path)
        return path


# ------------------------------------------------------------------ what files are made of


def clip(path: Path, count: int = FRAMES, *, seconds: float = SECONDS, **options) -> Path:
    """A good file of pictures and a tone, but for the options of `make_video`."""
    return make_video(path, **{"frames": flat_frames(count), "sound": tone(seconds), **options})


def mute(path: Path, count: int = FRAMES, **options) -> Path:
    """As `clip`, but without sound."""
    return clip(path, count, **{"sound": None, **options})


def loud(path: Path, samples: NDArray[np.float32], **options) -> Path:
    """A good file with that sound, uncompressed."""
    return clip(path, sound=samples, audio_codec="pcm_f32le", **options)


def noise(count: int = 30) -> NDArray[np.uint8]:
    """Pictures that take many bytes each."""
    return np.random.default_rng(0).integers(0, 256, (count, 48, 64, 3), np.uint8)


def _returned(make: Callable[[Path], object], path: Path) -> Path:
    make(path)
    return path


def _written(content: bytes | str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content.encode() if isinstance(content, str) else content)


def _edited(make: Callable[[Path], Path], edit: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        make(path)
        path.write_bytes(edit(path.read_bytes()))

    return write


def _replaced(make: Callable[[Path], Path], old: bytes, new: bytes) -> Callable[[Path], None]:
    """A file with every occurrence of some bytes replaced by as many others."""

    def edit(content: bytes) -> bytes:
        assert len(old) == len(new)
        assert old in content
        return content.replace(old, new)

    return _edited(make, edit)


def _cut(content: bytes) -> bytes:
    return content[: len(content) * 6 // 10]


def _flipped(content: bytes) -> bytes:
    """Every fourth byte of a stretch in the middle inverted."""
    data = np.frombuffer(content, np.uint8).copy()
    data[len(data) * 4 // 10 : len(data) * 6 // 10 : 4] ^= 0xFF
    return data.tobytes()


def _retimed(make: Callable[[Path], Path], times: list[float]) -> Callable[[Path], None]:
    """A Matroska file of one stream whose blocks get these times in seconds."""

    def edit(content: bytes) -> bytes:
        data = bytearray(content)
        for at, time in zip(_blocks(content), times, strict=True):
            data[at : at + 2] = round(1000 * time).to_bytes(2, "big", signed=True)
        return bytes(data)

    return _edited(make, edit)


def _blocks(content: bytes) -> Iterator[int]:
    """Where the 16-bit times of the blocks of a Matroska file are, all in one cluster."""
    at = content.index(b"\x1f\x43\xb6\x75") + 4  # the cluster
    at += 9 - content[at].bit_length()
    while at < len(content) and content[at] in (0xBF, 0xE7, 0xAB, 0xA3, 0xA0, 0xA1, 0x9B):
        name, width = content[at], 9 - content[at + 1].bit_length()
        size = int.from_bytes(content[at + 1 : at + 1 + width], "big") & ((1 << 7 * width) - 1)
        at += 1 + width
        if name in (0xA3, 0xA1):
            yield at + 1
        at += 0 if name == 0xA0 else size  # a group: its block comes first


def _covered(path: Path) -> None:
    """Sound with a cover picture."""
    with av.open(f"file:{path}", "w") as container:
        audio = container.add_stream("aac", rate=16_000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(flat_frames(1)[0])
        container.mux(cover.encode(picture.reformat(format="yuvj420p")))
        for first in range(0, 8192, 1024):
            frame = av.AudioFrame.from_ndarray(
                tone(SECONDS)[None, first : first + 1024].copy(), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 16_000, first
            container.mux(audio.encode(frame))
        container.mux(audio.encode())


def _joined(path: Path, **second) -> None:
    """A transport stream that goes on, after its length, as another one."""
    common = {"muxer": "mpegts", "codec_options": NO_B}
    first = clip(path, **common).read_bytes()
    times = [(FRAMES + i) / FPS for i in range(FRAMES)]
    clip(path, times=times, audio_offset=SECONDS, **common, **second)
    path.write_bytes(first + path.read_bytes())


def _slow(path: Path) -> None:
    """A sample a second for five hours."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(1)
        file.writeframes(bytes(5 * 3600))


def _leaping(path: Path) -> None:
    """Sound with three gaps of 25 minutes, each of which would be let pass."""
    with av.open(f"file:{path}", "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for part in range(4):
            samples = tone(0.064)[None].copy()
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = 16_000, Fraction(1, 16_000)
            frame.pts = part * 1500 * 16_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _poisoned() -> NDArray[np.float32]:
    sound = tone(SECONDS)
    sound[4000] = np.nan
    return sound


def _of_length(size: int) -> Callable[[Path], None]:
    """A WAV as a program writes it to a pipe: with this in place of its length."""

    def edit(content: bytes) -> bytes:
        at, four = content.index(b"data") + 4, size.to_bytes(4, "little")
        return content[:4] + four + content[8:at] + four + content[at + 4 :]

    return _edited(partial(clip, frames=None, audio_codec="pcm_s16le"), edit)


def _untagged(part: float, **options) -> Callable[[Path], None]:
    """Two seconds without lengths of streams, broken off after a part of the bytes."""

    def edit(content: bytes) -> bytes:
        whole = content.replace(b"DURATION", b"DURATIOX")
        return whole[: int(len(whole) * part)]

    return _edited(partial(clip, frames=noise(60), seconds=2.0, **options), edit)


def _cut_between_chunks(content: bytes) -> bytes:
    """An AVI broken off after its 30th picture; its index, at the end, is gone."""
    at = 0
    for _ in range(30):
        at = content.index(b"00dc", at + 1)
    size = int.from_bytes(content[at + 4 : at + 8], "little")
    return content[: at + 8 + size + size % 2]


def channels(path: Path, count: int) -> None:
    """A MOV of pictures, or a WAV, whose channels have no layout; all have the same tone."""
    with av.open(f"file:{path}", "w") as container:
        video = container.add_stream("mpeg4", rate=FPS) if path.suffix == ".mov" else None
        audio = container.add_stream("pcm_s16le", rate=16_000, layout=f"{count} channels")
        if video is not None:
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            for picture in flat_frames(FRAMES):
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture)))
            container.mux(video.encode())
        samples = (tone(SECONDS) * 32767).astype(np.int16).repeat(count)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=f"{count} channels")
        frame.sample_rate, frame.pts = 16_000, 0
        container.mux(audio.encode(frame))
        container.mux(audio.encode())


def tracks(path: Path, *, first_sound: str = "aac", default: int = 1) -> None:
    """Two picture and two sound tracks, of which one of each is flagged as the default one.

    The other ones are black and silent.
    """
    with av.open(f"file:{path}", "w") as container:
        videos = [container.add_stream("libx264", rate=FPS) for _ in range(2)]
        codecs = [first_sound, "aac"]
        audios = [container.add_stream(codec, rate=16_000, layout="mono") for codec in codecs]
        flag = av.stream.Disposition.default
        for number in range(2):
            videos[number].width, videos[number].height = 64, 48
            videos[number].pix_fmt = "yuv420p"
            videos[number].codec_context.thread_count = 1
            for stream in (videos[number], audios[number]):
                stream.disposition = flag if number == default else 0
        grown = flat_frames(FRAMES)
        for number in range(2):
            for index, picture in enumerate(grown):
                shown = picture if number == default else np.zeros_like(picture)
                frame = av.VideoFrame.from_ndarray(shown)
                frame.pts, frame.time_base = index, Fraction(1, FPS)
                container.mux(videos[number].encode(frame))
            container.mux(videos[number].encode())
            heard = tone(SECONDS) * (number == default)
            for first in range(0, len(heard), 1024):
                samples = heard[None, first : first + 1024].astype(np.float32)
                sound = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
                sound.sample_rate, sound.pts = 16_000, first
                container.mux(audios[number].encode(sound))
            container.mux(audios[number].encode())


# ------------------------------------------------------------------ the zoo

PAUSED = [i / FPS + (2.0 if i >= 8 else 0.0) for i in range(FRAMES)]
"""Times of pictures that pause for 2 s."""

HDR = {"smpte2084": 16, "arib-std-b67": 18}
"""FFmpeg's names of transfer characteristics, and their numbers in ITU-T H.273."""

X265 = {"x265-params": "log-level=none:pools=none:frame-threads=1"}
FRONT = {"movflags": "faststart"}
PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nmute.mp4\n#EXT-X-ENDLIST\n"
NO_B = {"bf": "0"}
"""No frames that are coded out of order, so that times start at 0 without an edit list."""

OLD = {"video_codec": "mpeg4", "audio_codec": "pcm_s16le"}

_REFUSED = [
    Kind("empty.mp4", "zero bytes", _written(b""), "refused", "cannot be read", "corpus"),
    Kind("text.mp4", "text", _written("no video\n" * 99), "refused", "cannot be read", "corpus"),
    Kind(
        "random.mkv",
        "random bytes",
        _written(np.random.default_rng(0).bytes(5000)),
        "refused",
        "cannot be read",
        "corpus",
    ),
    Kind(
        "no-index.mp4",
        "no moov box",
        _replaced(clip, b"moov", b"xxxx"),
        "refused",
        "cannot be read",
        "corpus",
    ),
    Kind(
        "neither.mp4",
        "neither picture nor sound",
        _edited(
            mute,
            lambda c: (
                c.replace(b"vide", b"data").replace(b"avc1", b"zzz1").replace(b"vmhd", b"nmhd")
            ),
        ),
        "refused",
        "neither a picture nor a sound",
        "corpus",
    ),
    Kind(
        "picture-codec.mp4",
        "pictures in an unknown codec",
        _replaced(clip, b"avc1", b"zzz1"),
        "refused",
        "video in a codec",
        "corpus",
    ),
    Kind(
        "sound-codec.mkv",
        "sound in an unknown codec",
        _replaced(clip, b"A_AAC", b"A_ZZZ"),
        "refused",
        "audio in a codec",
        "corpus",
    ),
    Kind(
        "huge.mkv",
        "pictures said to be 16384×16384",
        _replaced(
            partial(mute, frames=flat_frames(2, height=256, width=256), video_codec="ffv1"),
            b"\xb0\x82\x01\x00\xba\x82\x01\x00",
            b"\xb0\x82\x40\x00\xba\x82\x40\x00",
        ),
        "refused",
        r"more than 33,177,600 pixels \(8K\)",
        "corpus",
    ),
    Kind(
        "huge.mp4",
        "pictures of 16384×16384, which the container does not say",
        _edited(
            partial(mute, video_codec="gif", pix_fmt="rgb8", muxer="gif"),
            lambda content: content[:6] + b"\x00\x40\x00\x40" + content[10:],
        ),
        "refused",
        r"more than 33,177,600 pixels \(8K\)",
        "corpus",
    ),
    Kind("playlist.mp4", "a playlist", _written(PLAYLIST), "refused", "cannot be read", "corpus"),
    Kind(
        "script.mp4",
        "a concatenation script",
        _written("ffconcat version 1.0\nfile mute.mp4\n"),
        "refused",
        "not among those read",
        "corpus",
    ),
    Kind("folder.mp4", "a folder", Path.mkdir, "refused", "no regular file", "folder"),
    Kind("pipe.mp4", "a named pipe", os.mkfifo, "refused", "no regular file", "corpus"),
    Kind(
        "device.mp4",
        "a link to a device",
        lambda path: path.symlink_to("/dev/zero"),
        "refused",
        "no regular file",
        "folder",
    ),
    Kind(
        "broken-link.mp4",
        "a link to nothing",
        lambda path: path.symlink_to("nothing.mp4"),
        "refused",
        "does not exist",
        "corpus",
    ),
    Kind(
        "cut.mp4",
        "broken off, moov in front",
        _edited(partial(clip, frames=noise(), seconds=1.0, options=FRONT), _cut),
        "refused",
        r"is (cut off|damaged) after \d+ video frames",
        "faces",
    ),
    Kind(
        "cut.mkv",
        "broken off",
        _edited(partial(clip, frames=noise(60), seconds=2.0), _cut),
        "refused",
        r"is (cut off|damaged) after \d+ video frames",
        "faces",
    ),
    Kind(
        "damaged.mp4",
        "bytes flipped in the middle",
        _edited(partial(mute, frames=noise()), _flipped),
        "refused",
        r"is damaged after \d+ video frames",
        "faces",
    ),
    Kind(
        "damaged-sound.mkv",
        "bytes flipped in the middle of the sound",
        _edited(partial(clip, frames=None, seconds=2.0, audio_codec="flac"), _flipped),
        "refused",
        r"is (cut off|damaged) after \d+ audio frames",
        "faces",
    ),
    Kind(
        "colours.mp4",
        "colours in YCgCo",
        partial(clip, codec_options={"colorspace": "ycgco"}),
        "refused",
        "colours that FFmpeg cannot convert",
        "faces",
    ),
    Kind(
        "jumps-back.mkv",
        "pictures that jump back by 5 s",
        _retimed(
            partial(mute, video_codec="mpeg4"),
            [i / FPS + (5.0 if i < 8 else 0.0) for i in range(FRAMES)],
        ),
        "refused",
        "jumps back in time after 8 video frames",
        "faces",
    ),
    Kind(
        "days.mkv",
        "a gap of a day in the sound",
        partial(clip, audio_gap=(0.2, 86_400.0), audio_codec="pcm_s16le"),
        "refused",
        r"jumps ahead in time after \d+ audio frames",
        "lld",
    ),
    Kind(
        "leaps.mkv",
        "gaps of 75 minutes together in the sound",
        _leaping,
        "refused",
        "jumps ahead in time after 3 audio frames",
        "faces",
    ),
    Kind(
        "slow-sound.wav",
        "20 kB of sound that last 5 hours",
        _slow,
        "refused",
        "more than 4 hours of sound",
        "faces",
    ),
    Kind(
        "nan.mkv",
        "NaN in float sound",
        partial(loud, samples=_poisoned()),
        "refused",
        "not finite",
        "lld",
    ),
    Kind(
        "two-rates.ts",
        "sound that changes its rate",
        partial(_joined, sound=tone(SECONDS, 32_000), sound_rate=32_000),
        "refused",
        "changes its sound format",
        "lld",
    ),
    *(
        Kind(
            f"cut-untagged.{suffix}",
            "broken off, and only the container states a length",
            _untagged(0.35, **options),
            "refused",
            r"is (cut off|damaged) after \d+ video frames",
            "faces",
        )
        for suffix, options in {
            "mkv": {},
            "webm": {"video_codec": "libvpx", "audio_codec": "libopus"},
            "flv": {"video_codec": "flv", "audio_codec": "pcm_s16le", "sound_rate": 11_025},
        }.items()
    ),
    *(
        Kind(
            f"lost-{what}-{number}.{suffix}",
            f"a {what} track so damaged that it looks like none",
            _replaced(partial(clip, **options), old, new),
            "refused",
            f"has a {what} track that is damaged",
            "corpus",
        )
        for number, (what, suffix, old, new, options) in enumerate(
            (
                ("picture", "mp4", b"trak", b"tr\xffk", {"sound": None}),
                ("picture", "mkv", b"V_MPEG4", b"\xa9_MPEG4", {}),
                ("picture", "avi", b"vids", b"v\xffds", OLD),
                ("sound", "mp4", b"trak", b"tr\xffk", {"frames": None}),
                ("sound", "mkv", b"A_AAC", b"\xbe_AAC", {}),
                ("sound", "avi", b"auds", b"a\xffds", OLD),
            )
        )
    ),
    Kind(
        "cut-between.avi",
        "broken off between two pictures, without its index",
        _edited(
            partial(mute, frames=noise(60), video_codec="mpeg4"),
            _cut_between_chunks,
        ),
        "refused",
        r"is cut off after \d+ video frames",
        "faces",
    ),
    Kind(
        "cut.wav",
        "a WAV broken off",
        _edited(partial(clip, frames=None, seconds=2.0, audio_codec="pcm_s16le"), _cut),
        "refused",
        r"is cut off after \d+ audio frames",
        "faces",
    ),
    Kind(
        "70-channels.mov",
        "70 channels of sound",
        partial(channels, count=70),
        "refused",
        "70 channels of sound, of which 64 can be mixed",
        "lld",
    ),
]

_NAMES = [
    "ümläut-视频-🎬.mp4",
    "-leading-dash.mp4",
    " blanks 'quotes\" and\na line break .mp4",
    "%d-%s-%03d.mp4",
    "http:example.mp4",
    "concat:a|b.mp4",
    "pipe:0.mp4",
    "*?[a]{b,c}$(id);&.mp4",
    "n" * 251 + ".mp4",
]

_USED = [
    *(Kind(name, "a hostile name", clip) for name in _NAMES),
    Kind("matroska.mp4", "Matroska named .mp4", partial(clip, muxer="matroska")),
    Kind("mp4.avi", "MP4 named .avi", partial(clip, muxer="mp4")),
    Kind(
        "fragmented.mp4",
        "fragmented",
        partial(mute, options={"movflags": "frag_keyframe"}, codec_options=NO_B),
        "used, sound missing",
    ),
    Kind("mute.mp4", "no sound", mute, "used, sound missing"),
    Kind("sound.mp4", "no picture", partial(clip, frames=None), "used, picture missing"),
    Kind("cover.mp4", "sound with cover art", _covered, "used, picture missing", frames=15),
    Kind(
        "late-sound.mp4",
        "sound that starts late",
        partial(clip, audio_offset=0.3, audio_codec="flac"),
        sound=(0.3, SECONDS),
    ),
    Kind(
        "late-picture.mp4",
        "pictures that start late",
        partial(clip, times=[0.4 + i / FPS for i in range(FRAMES)]),
        start=0.4,
    ),
    Kind("short-sound.mp4", "sound that ends early", partial(clip, seconds=0.2), sound=(0.0, 0.2)),
    Kind("long-sound.mp4", "sound that ends late", partial(clip, seconds=2.0), sound=(0.0, 2.0)),
    Kind(
        "overlap.mkv",
        "sound whose clock runs back by 0.3 s",
        _retimed(
            partial(clip, frames=None, seconds=1.024, audio_codec="pcm_s16le"),
            [i * 0.064 - (0.32 if i >= 8 else 0.0) for i in range(16)],
        ),
        "used, picture missing",
        frames=21,
        sound=(0.0, 0.704),
    ),
    Kind(
        "variable-rate.mp4",
        "variable frame rate",
        partial(clip, times=np.cumsum(np.resize([0.02, 0.05, 0.03], FRAMES)).tolist()),
        start=0.02,
    ),
    Kind(
        "duplicate-times.mkv",
        "duplicate times",
        _retimed(partial(mute, video_codec="mpeg4"), [i // 2 / 15 for i in range(FRAMES)]),
        "used, sound missing",
    ),
    Kind(
        "backward-times.mkv",
        "times that run backward",
        _retimed(
            partial(mute, video_codec="mpeg4"),
            [(i - 3 * (i % 4 == 3)) / FPS for i in range(FRAMES)],
        ),
        "used, sound missing",
    ),
    Kind("turned-90.mp4", "turned by 90°", partial(clip, display=(0, 1, -1, 0))),
    Kind("turned-180.mp4", "turned by 180°", partial(clip, display=(-1, 0, 0, -1))),
    Kind("mirrored.mp4", "mirrored", partial(clip, display=(-1, 0, 0, 1))),
    Kind(
        "odd-size.mkv",
        "63×47 pixels",
        partial(clip, frames=flat_frames(FRAMES, height=47, width=63), pix_fmt="yuv444p"),
    ),
    Kind("one-frame.mp4", "one frame", partial(clip, count=1), frames=1),
    Kind("two-frames.mp4", "two frames", partial(clip, count=2), frames=2),
    Kind("10-bit.mp4", "10 bits", partial(clip, pix_fmt="yuv420p10le")),
    Kind(
        "hevc.mp4",
        "HEVC",
        partial(
            clip,
            video_codec="libx265",
            codec_options=X265,
        ),
    ),
    Kind(
        "vp9.webm", "VP9 and Opus", partial(clip, video_codec="libvpx-vp9", audio_codec="libopus")
    ),
    Kind("old.avi", "MPEG-4 and PCM", partial(clip, video_codec="mpeg4", audio_codec="pcm_s16le")),
    Kind(
        "interlaced.ts",
        "interlaced",
        partial(clip, codec_options={"flags": "+ildct+ilme", **NO_B}),
        start=0.064,
    ),
    Kind(
        "palette.mp4",
        "GIF with its palette",
        partial(mute, video_codec="gif", pix_fmt="rgb8", fps=25, muxer="gif"),
        "used, sound missing",
    ),
    Kind("grey.mkv", "grey pictures", partial(clip, video_codec="ffv1", pix_fmt="gray")),
    Kind("full-range.mkv", "full range", partial(clip, video_codec="mjpeg", pix_fmt="yuvj420p")),
    Kind("240-fps.mp4", "240 frames a second", partial(clip, count=120, fps=240), frames=120),
    Kind("1-fps.mp4", "a frame a second", partial(clip, count=3, fps=1), frames=3),
    Kind("1-fps.mkv", "a frame a second", partial(clip, count=3, fps=1), frames=3),
    Kind(
        "growing.ts",
        "pictures that grow",
        partial(_joined, frames=flat_frames(FRAMES, height=96, width=128)),
        frames=2 * FRAMES,
        start=0.064,
        sound=(0.0, 2 * SECONDS),
    ),
    Kind("8-khz.mkv", "8 kHz", partial(loud, samples=tone(SECONDS, 8000), sound_rate=8000)),
    Kind(
        "22-khz.mkv", "22.05 kHz", partial(loud, samples=tone(SECONDS, 22_050), sound_rate=22_050)
    ),
    Kind("48-khz.mkv", "48 kHz", partial(loud, samples=tone(SECONDS, 48_000), sound_rate=48_000)),
    Kind("mono.mkv", "mono", partial(loud, samples=tone(SECONDS))),
    Kind("5.1.mkv", "5.1", partial(loud, samples=np.tile(tone(SECONDS), (6, 1)), layout="5.1")),
    Kind("silence.mp4", "silence", partial(clip, sound=np.zeros(8000, np.float32))),
    Kind("clipping.mkv", "beyond full scale", partial(loud, samples=3 * tone(SECONDS))),
    *(
        Kind(
            f"paused.{name}",
            "pictures that pause for 2 s, coded out of order",
            partial(clip, times=PAUSED, **options),
        )
        for name, options in {
            "mp4": {},
            "mov": {},
            "mkv": {},
            "hevc.mp4": {"video_codec": "libx265", "codec_options": X265},
            "hevc.mov": {"video_codec": "libx265", "codec_options": X265},
            "webm": {"video_codec": "libvpx", "audio_codec": "libopus"},
        }.items()
    ),
    *(
        Kind(
            f"held-{name}.mp4",
            "each picture held for 2 s",
            partial(clip, count=8, times=[2.0 * i for i in range(8)], codec_options=options),
            frames=8,
        )
        for name, options in {"in-order": NO_B, "out-of-order": {}}.items()
    ),
    *(
        Kind(
            f"anamorphic.{suffix}",
            f"pixels that are not square, as {who} states",
            partial(clip, aspect=Fraction(4, 3), **options),
            start=start,
        )
        for suffix, who, start, options in (
            ("mp4", "the container and the coded stream", 0.0, {}),
            ("vp9.mp4", "the container", 0.0, {"video_codec": "libvpx-vp9"}),
            ("ts", "the coded stream", 0.064, {"codec_options": NO_B}),
        )
    ),
    Kind("tracks.mp4", "the second tracks are the default ones", tracks),
    Kind("tracks.mkv", "the second tracks are the default ones", tracks),
    Kind("first-tracks.mp4", "the first tracks are the default ones", partial(tracks, default=0)),
    Kind(
        "first-undecodable.mp4",
        "a first sound track in an unknown codec",
        _replaced(partial(_returned, partial(tracks, first_sound="alac")), b"alac", b"zlac"),
    ),
    Kind("24-channels.wav", "24 channels", partial(channels, count=24), "used, picture missing"),
    Kind("32-channels.wav", "32 channels", partial(channels, count=32), "used, picture missing"),
    Kind("32-channels.mov", "32 channels", partial(channels, count=32)),
    *(
        Kind(
            f"pipe-{size:x}.wav",
            "a WAV of unknown length, from a pipe",
            _of_length(size),
            "used, picture missing",
        )
        for size in (0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
    ),
    *(
        Kind(
            f"short-sound.{suffix}",
            "sound that ends early, where only the container states a length",
            partial(clip, count=60, seconds=0.4, **options),
            frames=60,
            start=0.032 if suffix == "wmv" else 0.0,
            sound=(0.064, 0.352) if suffix == "wmv" else (0.0, 0.4),  # that coder loses its start
        )
        for suffix, options in {
            "wmv": {"video_codec": "wmv2", "audio_codec": "wmav2"},
            "mkv": {},
            "avi": {"video_codec": "mpeg4", "audio_codec": "pcm_s16le"},
        }.items()
    ),
    *(
        Kind(
            f"{transfer}.mkv",
            "high dynamic range",
            partial(clip, pix_fmt="yuv420p10le", codec_options={"color_trc": transfer}),
        )
        for transfer in HDR
    ),
]

ZOO = _REFUSED + _USED
"""All kinds but a file that changes between stages, which takes a pipeline to see."""
