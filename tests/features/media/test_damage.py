"""Files of which a part is gone, or whose header is damaged: none is used short in silence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from features.errors import InputError
from features.media.decoding import frame_times, probe, sound
from features.media.mp4 import has_damaged_tables
from features.media.pauses import Pauses, pauses
from tests.campaigns.fuzz import CONTAINERS, FPS, FRAMES
from tests.helpers.face_factory import portrait
from tests.helpers.media_factory import make_video, tone


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A second of picture and sound in every container."""
    folder, contents = tmp_path_factory.mktemp("whole"), {}
    picture, _ = portrait()
    for suffix, options in CONTAINERS.items():
        path = folder / f"a.{suffix}"
        sound_ = tone(FRAMES / FPS, options.get("sound_rate", 16_000))
        pictures = [np.roll(picture, 2 * i, axis=1) for i in range(FRAMES)]
        make_video(path, pictures, FPS, sound=sound_, **options)
        contents[suffix] = path.read_bytes()
    return contents


def tags(content: bytes) -> list[tuple[int, int]]:
    """Where the tags of an FLV begin and end, the length of the one before left out."""
    found, at = [], int.from_bytes(content[5:9], "big") + 4
    while at + 11 <= len(content):
        end = at + 11 + int.from_bytes(content[at + 1 : at + 4], "big")
        found.append((at, end))
        at = end + 4
    return found


def read(path: Path) -> tuple[int, float]:
    probe(path)
    return len(frame_times(path)), len(sound(path)[0]) / 16_000


def test_a_tag_of_an_flv_that_is_gone(whole: dict[str, bytes], tmp_path: Path) -> None:
    path, content = tmp_path / "a.flv", whole["flv"]
    first, end = tags(content)[6]
    path.write_bytes(content[: first + 20] + content[end - 30 :])
    with pytest.raises(InputError, match=r"is (cut off|damaged)"):
        read(path)


def test_an_flv_whose_program_states_lengths_without_heads_is_used(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    path, content = tmp_path / "a.flv", bytearray(whole["flv"])
    for first, end in tags(whole["flv"]):
        content[end : end + 4] = (end - first - 11).to_bytes(4, "big")
    path.write_bytes(content)
    assert read(path) == (FRAMES, 1.0)


@pytest.mark.parametrize(
    ("suffix", "at"), [("avi", 8), ("avi", 0)], ids=["the form of a RIFF", "RIFF itself"]
)
def test_a_container_that_looks_like_a_stream_alone(
    whole: dict[str, bytes], tmp_path: Path, suffix: str, at: int
) -> None:
    path, content = tmp_path / f"a.{suffix}", bytearray(whole[suffix])
    content[at] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged|cannot be read"):
        probe(path)


def test_a_track_of_an_mp4_that_is_gone_with_all_its_signs(
    whole: dict[str, bytes], tmp_path: Path
) -> None:
    path, content = tmp_path / "a.mp4", whole["mp4"]
    last = content.rindex(b"trak") - 4
    hole = int.from_bytes(content[last : last + 4], "big")
    path.write_bytes(content[:last] + content[last + hole :])
    with pytest.raises(InputError, match="has a header that is damaged"):
        probe(path)


@pytest.mark.parametrize(("suffix", "share"), [("webm", 0.85), ("mkv", 0.93)])
def test_the_last_tenths_of_a_second_are_missed(
    whole: dict[str, bytes], tmp_path: Path, suffix: str, share: float
) -> None:
    path, content = tmp_path / f"a.{suffix}", whole[suffix]
    path.write_bytes(content)
    assert read(path)[0] == FRAMES
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"is (cut off|damaged)"):
        read(path)


@pytest.mark.parametrize(
    ("name", "at", "bit"),
    [
        ("stsz", 12 + 4 * 8, 0x40),  # the size of the ninth picture: a gigabyte more
        ("stsz", 11, 0x04),  # how many there are
        ("stsc", 8 + 7, 0x02),  # how many lie in each of the first chunks
        ("stsc", 8 + 9, 0x04),  # the codec they are in
        ("stco", 8 + 4 * 7, 0x08),  # where the eighth chunk begins
        ("mdhd", -2, 0x02),  # the name of the header that has their clock
    ],
)
def test_an_mp4_whose_tables_do_not_agree(
    whole: dict[str, bytes], tmp_path: Path, name: str, at: int, bit: int
) -> None:
    content = bytearray(whole["mp4"])
    content[content.index(name.encode()) + 4 + at] ^= bit
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"is (cut off|damaged)"):
        frame_times(path)


@pytest.mark.parametrize("name", [b"stco", b"stsz"])
def test_an_mp4_a_table_of_which_is_empty(
    whole: dict[str, bytes], tmp_path: Path, name: bytes
) -> None:
    content = whole["mp4"]
    first = content.index(name) - 4
    size = int.from_bytes(content[first : first + 4], "big")
    rest = (size - 8).to_bytes(4, "big") + b"free" + bytes(size - 16)
    path = tmp_path / "clip.mp4"
    path.write_bytes(content[:first] + b"\0\0\0\x08" + name + rest + content[first + size :])
    assert has_damaged_tables(path)


@pytest.mark.parametrize(
    ("suffix", "begin", "end", "reason"),
    [
        ("mp4", lambda c: c.rindex(b"elst") + 8, len, r"is (cut off|damaged)"),
        (
            "avi",
            lambda c: c.index(b"auds") - 8,
            lambda c: c.index(b"strf", c.index(b"auds")) + 24,
            "damaged",
        ),
    ],
)
def test_a_sound_track_that_is_written_over(
    whole: dict[str, bytes],
    tmp_path: Path,
    suffix: str,
    begin: Callable[[bytes], int],
    end: Callable[[bytes], int],
    reason: str,
) -> None:
    content = bytearray(whole[suffix])
    first, last = begin(whole[suffix]), end(whole[suffix])
    content[first:last] = np.random.default_rng(0).bytes(last - first)
    path = tmp_path / f"clip.{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read(path)


@pytest.mark.parametrize("lost", [1, 100, 187])
def test_an_mpeg_ts_that_ends_in_a_packet_is_cut_off(
    whole: dict[str, bytes], tmp_path: Path, lost: int
) -> None:
    path = tmp_path / "clip.ts"
    path.write_bytes(whole["ts"] + whole["ts"][:-188])
    assert len(frame_times(path)) > FRAMES
    path.write_bytes(whole["ts"][:-lost])
    with pytest.raises(InputError, match=r"is (cut off|damaged)"):
        read(path)


def test_texts_of_an_flv_that_begin_late_are_let_be(tmp_path: Path) -> None:
    path, (picture, _) = tmp_path / "a.flv", portrait()
    moving = [np.roll(picture, 2 * i, axis=1) for i in range(60)]  # more than is looked into first
    make_video(path, moving, 25, sound=tone(2.4, 11_025), **CONTAINERS["flv"])
    text = b"\x02\x00\x0donTextData" + b"\0" * 4
    tag = bytes([18]) + len(text).to_bytes(3, "big") + b"\0" * 7 + text
    path.write_bytes(path.read_bytes() + tag + len(tag).to_bytes(4, "big"))
    assert read(path)[0] == 60
    assert pauses(path) == Pauses((), ())
