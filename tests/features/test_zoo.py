import os
import resource

import numpy as np
import pytest

from features.errors import InputError
from features.media import decoding as media
from features.media import tone
from features.media.rates import SAMPLE_RATE
from tests.helpers.media_factory import flat_frames
from tests.helpers.zoo import FRAMES, HDR, ZOO, Kind, clip

REFUSED = [kind for kind in ZOO if kind.outcome == "refused"]
USED = [kind for kind in ZOO if kind.outcome != "refused"]
GREYS = np.array([picture[0, 0, 0] for picture in flat_frames(120)], float)

READERS = {
    "probe": media.probe,
    "frames": lambda path: list(media.frames(path)),
    "small frames": lambda path: list(media.frames(path, height=24)),
    "frame_times": media.frame_times,
    "sound": media.sound,
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    return {kind.file: kind.make(folder) for kind in ZOO}


def refusal(read, path) -> InputError | None:
    try:
        read(path)
    except InputError as error:
        return error
    return None


def of(kinds):
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.file[:32])


def test_the_zoo_is_large_and_every_refusal_has_its_reason():
    assert len(ZOO) >= 50
    assert len({kind.file for kind in ZOO}) == len(ZOO)
    assert len({kind.write for kind in REFUSED}) == len(REFUSED)
    assert all(kind.reason and kind.stage for kind in REFUSED)
    assert not any(kind.reason or kind.stage for kind in USED)


@of(ZOO)
def test_nothing_crashes_or_prints(paths, kind, capfd):
    refusals = [refusal(read, paths[kind.file]) for read in READERS.values()]
    assert all(kind.file in error.reason and error.remedy for error in refusals if error)
    assert capfd.readouterr() == ("", "")


@of(REFUSED)
def test_refused_where_it_should_be(paths, kind: Kind):
    path = paths[kind.file]
    if kind.stage in ("folder", "corpus"):
        refusing, passing = ["probe", "frame_times"], []
    elif kind.stage == "faces":
        refusing = ["frames", "small frames"] if media.probe(path).has_video else ["frame_times"]
        passing = ["probe"]
    else:
        refusing, passing = ["sound"], ["probe", "frames", "frame_times"]
    for name in refusing:
        with pytest.raises(InputError, match=kind.reason):
            READERS[name](path)
    for name in passing:
        READERS[name](path)


@of(USED)
def test_used_on_the_clock_of_the_container(paths, kind: Kind):
    path = paths[kind.file]
    info = media.probe(path)
    assert info.has_video == (kind.outcome != "used, picture missing")
    assert info.has_audio == (kind.outcome != "used, sound missing")
    times = media.frame_times(path)
    assert len(times) == kind.frames
    assert times[0] == pytest.approx(kind.start, abs=2e-3)
    assert (np.diff(times) > 0).all()


@of([kind for kind in USED if kind.outcome != "used, picture missing"])
def test_pictures_of_used_files(paths, kind: Kind):
    times, pictures = zip(*media.frames(paths[kind.file]), strict=True)
    np.testing.assert_array_equal(times, media.frame_times(paths[kind.file]))
    assert all(picture.dtype == np.uint8 for picture in pictures)
    assert all(picture.shape[2] == 3 for picture in pictures)
    given = np.tile(GREYS[:FRAMES], 2) if kind.file == "growing.ts" else GREYS[: kind.frames]
    if transfer := HDR.get(kind.file.removesuffix(".mkv")):
        given = tone.curve(transfer)[np.array(given * 257, int)].astype(float)
    tolerance = 20 if kind.file == "palette.mp4" else 6  # that palette has 8 levels
    means = np.array([picture.mean(axis=(0, 1)) for picture in pictures])
    np.testing.assert_allclose(means, np.tile(given[:, None], 3), atol=tolerance)


@of([kind for kind in USED if kind.outcome != "used, sound missing"])
def test_sound_of_used_files(paths, kind: Kind):
    samples, start = media.sound(paths[kind.file])
    given_start, seconds = kind.sound
    assert start == pytest.approx(given_start, abs=2e-3)
    # Coders of sound work in blocks, and put one before the first.
    assert -1e-3 <= len(samples) / SAMPLE_RATE - seconds <= 0.08
    level = np.sqrt(np.square(samples[1600:2800]).mean())
    # A sine of 1.5 that is clipped at 1 has this level, one of 0.5 has the other.
    expected = {"silence.mp4": 0.0, "clipping.mkv": 0.838}.get(kind.file, 0.354)
    assert level == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("file", "shape"),
    [
        ("odd-size.mkv", (47, 63)),
        ("turned-90.mp4", (64, 48)),
        ("turned-180.mp4", (48, 64)),
        ("grey.mkv", (48, 64)),
        ("anamorphic.mp4", (48, 85)),
        ("anamorphic.vp9.mp4", (48, 85)),
        ("anamorphic.ts", (48, 85)),
    ],
)
def test_shapes(paths, file, shape):
    assert next(media.frames(paths[file]))[1].shape == (*shape, 3)
    width = 43 if file.startswith("anamorphic") else round(shape[1] * 24 / shape[0])
    assert next(media.frames(paths[file], height=24))[1].shape == (24, width, 3)


def test_pictures_that_grow_are_read_at_their_sizes_or_at_one(paths):
    path = paths["growing.ts"]
    shapes = [picture.shape[:2] for _, picture in media.frames(path)]
    assert shapes == [(48, 64)] * FRAMES + [(96, 128)] * FRAMES
    assert {picture.shape[:2] for _, picture in media.frames(path, height=24)} == {(24, 32)}


@pytest.mark.parametrize("file", ["huge.mkv", "huge.mp4"])
def test_huge_pictures_are_never_in_memory(paths, file):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError):
        list(media.frames(paths[file]))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * 1024 < 16384 * 16384


@pytest.mark.parametrize("file", ["http:example.mp4", "concat:a|b.mp4", "pipe:0.mp4", "%d.mp4"])
def test_a_relative_name_is_a_file_and_no_address(tmp_path, monkeypatch, file):
    clip(tmp_path / file)
    monkeypatch.chdir(tmp_path)
    assert media.probe(file).frames == FRAMES


def test_a_name_that_is_not_utf_8(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff\xfe.mp4")
    clip(tmp_path / "plain.mp4").rename(path)
    assert media.probe(path).frames == FRAMES


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission(tmp_path):
    path = clip(tmp_path / "secret.mp4")
    path.chmod(0)
    with pytest.raises(InputError, match=r"secret\.mp4 cannot be read"):
        media.probe(path)


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        media.probe(tmp_path / ("n" * 300 + ".mp4"))
