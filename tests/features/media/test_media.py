import gc
import os
import tracemalloc
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from features.errors import InputError
from features.media import container, tracks
from features.media import decoding as media
from features.media.rates import SAMPLE_RATE
from tests.helpers.media_factory import flat_frames, make_video, tone
from tests.helpers.zoo import channels
from tests.helpers.zoo import tracks as tracks_of

MP4 = {"movflags": "faststart"}
X265 = "log-level=none:pools=none:frame-threads=1"


@pytest.fixture
def clip(tmp_path):
    return make_video(tmp_path / "clip.mp4", flat_frames(30), 30, sound=tone(1.0))


def decode(path, **options):
    times, pictures = zip(*media.frames(path, **options), strict=True)
    return np.array(times), np.stack(pictures)


# ------------------------------------------------------------------ header


def test_probe_tells_what_is_there(clip):
    info = media.probe(clip)
    assert (info.has_video, info.has_audio, info.width, info.height) == (True, True, 64, 48)
    assert info.rate == 30
    assert info.frames == 30
    assert info.duration == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("missing", ["video", "audio"])
def test_probe_of_one_stream(tmp_path, missing):
    path = make_video(
        tmp_path / "one.mp4",
        None if missing == "video" else flat_frames(5),
        sound=None if missing == "audio" else tone(0.5),
    )
    info = media.probe(path)
    assert (info.has_video, info.has_audio) == (missing != "video", missing != "audio")
    assert info.frames == (0 if missing == "video" else 5)


def test_probe_estimates_a_number_of_frames_that_is_not_stated(tmp_path):
    assert media.probe(make_video(tmp_path / "clip.mkv", flat_frames(30))).frames == 30


@pytest.mark.parametrize("read", [media.probe, media.sound, media.frame_times, list])
@pytest.mark.parametrize("content", [b"", b"this is no video\n" * 50])
def test_not_media_is_an_input_error(tmp_path, content, read):
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.mp4 cannot be read"):
        read(media.frames(path) if read is list else path)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        media.probe(tmp_path / "none.mp4")


@pytest.mark.parametrize(("first", "used"), [(0, 1), (1, 2)])
def test_how_many_tracks_there_are_is_said(tmp_path, first, used):
    tracks_of(tmp_path / "tracks.mp4", default=first)
    assert media.probe(tmp_path / "tracks.mp4").notes == (
        f"2 picture tracks: number {used} is used",
        f"2 sound tracks: number {used} is used",
    )


def test_what_is_usual_needs_no_note(clip):
    assert media.probe(clip).notes == ()


def test_channels_without_a_layout_are_said(tmp_path):
    channels(tmp_path / "many.wav", 32)
    (note,) = media.probe(tmp_path / "many.wav").notes
    assert note == "32 channels of sound without a layout: their mean is used"


# ------------------------------------------------------------------ pictures


def test_frames_are_rgb_in_order(clip):
    times, pictures = decode(clip)
    np.testing.assert_allclose(times, np.arange(30) / 30, atol=1e-4)
    assert pictures.shape == (30, 48, 64, 3)
    assert pictures.dtype == np.uint8
    expected = np.array([picture[0, 0, 0] for picture in flat_frames(30)], float)
    np.testing.assert_allclose(pictures.mean(axis=(1, 2, 3)), expected, atol=3)


@pytest.mark.parametrize("height", [None, 24])
@pytest.mark.parametrize(
    ("suffix", "coding"),
    [
        ("mp4", {}),
        ("mp4", {"pix_fmt": "yuv444p"}),
        ("mp4", {"pix_fmt": "yuv420p10le"}),
        ("mkv", {"video_codec": "mjpeg", "pix_fmt": "yuvj420p"}),
        ("mkv", {"video_codec": "libx264rgb", "pix_fmt": "rgb24"}),
        ("webm", {"video_codec": "libvpx-vp9"}),
    ],
)
def test_channels_are_red_green_blue(tmp_path, suffix, coding, height):
    colours = np.array([(200, 30, 30), (30, 200, 30), (30, 30, 200)], np.uint8)
    picture = np.tile(colours.repeat(16, axis=0), (48, 1, 1))
    _, pictures = decode(
        make_video(tmp_path / f"c.{suffix}", [picture] * 3, **coding), height=height
    )
    patches = pictures[1][4:-4].reshape(-1, 3, pictures.shape[2] // 3, 3)[:, :, 2:-2]
    np.testing.assert_allclose(patches.mean(axis=(0, 2)), colours, atol=8)


@pytest.mark.parametrize(
    ("matrix", "red_weight"), [("smpte170m", 0.299), ("bt709", 0.2126), ("bt2020nc", 0.2627)]
)
def test_the_stated_colour_matrix_counts(tmp_path, matrix, red_weight):
    """What is coded by ITU-R BT.601 and called something else is taken for that."""
    picture = np.zeros((48, 64, 3), np.uint8) + np.array([200, 30, 30], np.uint8)
    path = tmp_path / "matrix.mp4"
    _, pictures = decode(make_video(path, [picture], codec_options={"colorspace": matrix}))
    luma = 0.299 * 200 + 0.701 * 30
    red_difference = (200 - luma) / (2 * (1 - 0.299))
    expected = luma + 2 * (1 - red_weight) * red_difference
    assert pictures[..., 0].mean() == pytest.approx(expected, abs=3)


@pytest.mark.parametrize(("pixels", "decoded"), [(64 * 48, True), (64 * 48 - 1, False)])
def test_pictures_up_to_a_size_are_decoded(monkeypatch, clip, pixels, decoded):
    monkeypatch.setattr(tracks, "MAX_PIXELS", pixels)
    monkeypatch.setitem(container.CODEC_OPTIONS, "max_pixels", str(pixels))
    if decoded:
        assert len(media.frame_times(clip)) == 30
    else:
        with pytest.raises(InputError, match="unknown size or of more than"):
            media.probe(clip)


def test_height_scales_and_keeps_shape(clip):
    _, pictures = decode(clip, height=24)
    assert pictures.shape == (30, 24, 32, 3)


@pytest.mark.parametrize("height", [None, 24])
@pytest.mark.parametrize(
    ("display", "shown"),
    [
        ((1, 0, 0, 1), "rg bw"),
        ((0, 1, -1, 0), "br wg"),
        ((-1, 0, 0, -1), "wb gr"),
        ((0, -1, 1, 0), "gw rb"),
        ((-1, 0, 0, 1), "gr wb"),
        ((1, 0, 0, -1), "bw rg"),
        ((0, 1, 1, 0), "rb gw"),
        ((0, -1, -1, 0), "wg br"),
    ],
)
def test_display_matrix_is_honoured(tmp_path, display, shown, height):
    """The corners are red, green, blue and white, row by row."""
    colours = {"r": (200, 0, 0), "g": (0, 200, 0), "b": (0, 0, 200), "w": (200, 200, 200)}
    picture = np.zeros((48, 48, 3), np.uint8)
    corners = [np.s_[:24, :24], np.s_[:24, 24:], np.s_[24:, :24], np.s_[24:, 24:]]
    for corner, name in zip(corners, "rgbw", strict=True):
        picture[corner] = colours[name]
    path = make_video(tmp_path / "turned.mp4", [picture] * 2, display=display)
    _, pictures = decode(path, height=height)
    scale = 48 // pictures.shape[1]
    for corner, name in zip(corners, shown.replace(" ", ""), strict=True):
        found = pictures[0].repeat(scale, 0).repeat(scale, 1)[corner][6:18, 6:18]
        np.testing.assert_allclose(found.mean(axis=(0, 1)), colours[name], atol=10)


@pytest.mark.parametrize("height", [None, 45, 90])
@pytest.mark.parametrize("aspect", [Fraction(16, 11), Fraction(3, 4)])
@pytest.mark.parametrize("display", [None, (0, 1, -1, 0)])
def test_pixels_that_are_not_square_are_shown_in_their_shape(tmp_path, height, aspect, display):
    """A square of white that was squeezed for the recording is a square again."""
    picture = np.zeros((90, 128, 3), np.uint8)
    side, wide = 48, round(48 / aspect)
    picture[20 : 20 + side, 30 : 30 + wide] = 235
    path = make_video(tmp_path / "squeezed.mp4", [picture] * 2, aspect=aspect, display=display)
    _, pictures = decode(path, height=height)
    shown = (90, round(128 * aspect)) if display is None else (round(128 * aspect), 90)
    scale = 1 if height is None else height / shown[0]
    np.testing.assert_allclose(pictures.shape[1:3], np.multiply(shown, scale), atol=1)
    white = pictures[0].mean(axis=2) > 117
    rows, columns = (white.sum(axis=axis).max() for axis in (0, 1))
    np.testing.assert_allclose([rows, columns], side * scale, atol=2)


@pytest.mark.parametrize("aspect", [Fraction(1, 5), Fraction(100, 1)])
def test_a_shape_of_pixels_that_cannot_be_is_not_taken(tmp_path, aspect):
    path = make_video(tmp_path / "wrong.mp4", flat_frames(2), aspect=aspect)
    assert decode(path)[1].shape[1:3] == (48, 64)


@pytest.mark.parametrize("height", [None, 32])
def test_display_rotation_is_honoured(tmp_path, height):
    left_is_white = np.full((48, 64, 3), 20, np.uint8)
    left_is_white[:, :32] = 230
    path = make_video(tmp_path / "turned.mp4", [left_is_white] * 3, display=(0, 1, -1, 0))
    _, pictures = decode(path, height=height)
    shape = (64, 48) if height is None else (32, 24)
    assert pictures.shape[1:3] == shape
    assert pictures[0, : shape[0] // 3].mean() > 200, "the left side is on top after a turn"
    assert pictures[0, -shape[0] // 3 :].mean() < 60


@pytest.mark.parametrize(
    ("transfer", "name", "signal", "nits"),
    [
        ("smpte2084", "PQ", 0.508078, 100.0),
        ("smpte2084", "PQ", 0.58069, 203.0),
        ("arib-std-b67", "HLG", 0.38, 26.0),
        ("arib-std-b67", "HLG", 0.75, 203.0),
    ],
)
def test_high_dynamic_range_is_brought_to_the_ordinary_one(tmp_path, transfer, name, signal, nits):
    """The signals are those that ITU-R BT.2408 gives for these luminances (HLG at 1000 cd/m²)."""
    picture = np.full((48, 64, 3), round(signal * 255), np.uint8)
    path = tmp_path / "hdr.ts"  # FFmpeg does not always write 10 bits of x265 into a MOV
    codec_options = {"color_trc": transfer, "x265-params": X265}
    make_video(
        path,
        [picture] * 2,
        video_codec="libx265",
        pix_fmt="yuv420p10le",
        codec_options=codec_options,
    )
    light = nits / 203
    light = min(light, 0.75) + 0.25 * (1 - np.exp(-max(0.0, light - 0.75) / 0.25))
    assert decode(path)[1].mean() == pytest.approx(255 * light ** (1 / 2.4), abs=4)
    (note,) = media.probe(path).notes
    assert note == f"high dynamic range ({name}): pictures are brought to the ordinary range"


def test_one_frame(tmp_path):
    path = make_video(tmp_path / "one.mp4", flat_frames(1))
    times, pictures = decode(path)
    assert times.tolist() == [0.0]
    assert len(pictures) == 1


def test_variable_rate_and_late_start(tmp_path):
    given = [0.5, 0.6, 0.65, 1.0, 1.25]
    path = make_video(tmp_path / "vfr.mp4", flat_frames(5), 25, times=given)
    np.testing.assert_allclose(decode(path)[0], given, atol=1e-3)
    np.testing.assert_array_equal(media.frame_times(path), decode(path)[0])


def test_frames_are_freed_as_they_are_read(clip):
    """Without waiting for the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        count = sum(1 for _ in media.frames(clip))
        alive = sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())
    finally:
        gc.enable()
    assert count == 30
    assert alive <= 4


@pytest.mark.parametrize("start", [0.2, 0.0, -0.04])
def test_time_stamps_that_do_not_advance_are_extrapolated(monkeypatch, clip, start):
    stamps = iter([start, None, start - 0.1, start + 0.1] + [None] * 26)

    class Restamped:
        def __init__(self, frame):
            self.frame, self.time = frame, next(stamps)

        def __getattr__(self, name):
            return getattr(self.frame, name)

    plain = media.decode
    monkeypatch.setattr(media, "decode", lambda *a: (Restamped(f) for f in plain(*a)))
    times = media.frame_times(clip)
    expected = start + np.array([0, 1 / 30, 2 / 30, 0.1, 0.1 + 1 / 30])
    np.testing.assert_allclose(times[:5], expected, atol=1e-12)
    assert (np.diff(times) > 0).all()


@pytest.mark.parametrize("tag", [b"xx:yy:zz.000000000", b"nan:00:00.00000000", b"unknown"])
def test_a_malformed_duration_tag_is_ignored(tmp_path, tag):
    path = make_video(tmp_path / "tag.mkv", flat_frames(30))
    content = path.read_bytes()
    duration = b"00:00:01.000000000"
    assert duration in content
    path.write_bytes(content.replace(duration, tag.ljust(len(duration), b"\0")))
    assert len(media.frame_times(path)) == 30


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_truncated_file_names_what_was_decoded(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (60, 48, 64, 3), np.uint8)
    whole = make_video(tmp_path / f"whole.{suffix}", noise, options=MP4, sound=tone(2.0))
    cut = tmp_path / f"cut.{suffix}"
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) * 6 // 10])
    decoded = []
    with pytest.raises(InputError, match=r"after \d+ video frames, at \d") as caught:
        decoded.extend(media.frames(cut))
    assert 0 < len(decoded) < 60
    assert f"after {len(decoded)} video frames" in str(caught.value)


def test_streams_that_turn_up_while_reading_are_ignored(clip):
    """PyAV's `demux` fails on them once it has flushed the streams that it knows."""

    class Growing:
        def __init__(self, opened):
            self.opened = opened

        def __getattr__(self, name):
            return getattr(self.opened, name)

        def demux(self):
            yield from self.opened.demux()
            raise IndexError

    with container.open_media(clip) as opened:
        stream = tracks.video_stream(clip, opened)
        assert len(list(container.decode(clip, Growing(opened), stream))) == 30


def test_no_picture_stream(tmp_path):
    path = make_video(tmp_path / "sound.mp4", None, sound=tone(1.0))
    with pytest.raises(InputError, match="no picture stream"):
        list(media.frames(path))


def test_timeline_of_a_sound_file(tmp_path):
    path = make_video(
        tmp_path / "late.mkv", None, sound=tone(1.0), audio_offset=0.25, audio_codec="pcm_s16le"
    )
    np.testing.assert_allclose(media.frame_times(path), 0.25 + np.arange(30) / 30, atol=1e-3)


# ------------------------------------------------------------------ sound


def test_no_sound_stream(tmp_path):
    samples, start = media.sound(make_video(tmp_path / "mute.mp4", flat_frames(3)))
    assert (samples.shape, samples.dtype, start) == ((0,), np.float32, 0.0)


def test_samples_are_kept_at_16_khz(tmp_path):
    given = tone(0.5)
    path = make_video(tmp_path / "s.wav", None, sound=given, audio_codec="pcm_s16le")
    samples, start = media.sound(path)
    assert start == 0
    np.testing.assert_allclose(samples, given, atol=1 / 32768)


def test_stereo_44100_is_resampled_in_place_and_mixed_by_mean(tmp_path):
    left, right = tone(0.5, 44_100, hertz=300), -0.5 * tone(0.5, 44_100, hertz=300)
    path = make_video(
        tmp_path / "s.wav",
        None,
        sound=np.stack([left, right]),
        sound_rate=44_100,
        audio_codec="pcm_s16le",
    )
    samples, _ = media.sound(path)
    assert abs(len(samples) - 8000) <= 1
    inner = slice(100, 7900)  # the resampler's filter is short of samples at the ends
    np.testing.assert_allclose(samples[inner], 0.25 * tone(0.5, hertz=300)[inner], atol=1e-3)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_late_sound_keeps_its_time(tmp_path, suffix):
    path = make_video(
        tmp_path / f"late.{suffix}", flat_frames(30), sound=tone(0.5), audio_offset=0.478
    )
    samples, start = media.sound(path)
    onset = start + np.argmax(np.abs(samples) > 0.1) / SAMPLE_RATE
    assert onset == pytest.approx(0.478, abs=0.005)


def test_gap_in_the_sound_is_silence(tmp_path):
    path = make_video(
        tmp_path / "gap.mkv",
        None,
        sound=tone(1.024),
        audio_gap=(0.5, 0.4),
        audio_codec="pcm_s16le",
    )
    samples, _ = media.sound(path)
    assert len(samples) == pytest.approx(1.424 * 16_000, abs=64)
    before, gap, after = samples[:8000], samples[8500:14400], samples[15000:]
    np.testing.assert_allclose(before, tone(0.5), atol=1e-3)
    assert np.abs(gap).max() < 1e-3
    assert np.sqrt(np.square(after).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_full_scale_is_clipped_to_16_bits(tmp_path):
    loud = 1.5 * np.sign(tone(0.2, hertz=50))
    path = make_video(tmp_path / "loud.wav", None, sound=loud, audio_codec="pcm_f32le")
    samples, _ = media.sound(path)
    assert samples.min() == -1
    assert samples.max() == np.float32(32767 / 32768)


def test_long_sound_is_held_once(tmp_path):
    """20 minutes take 77 MB of samples, and little more while they are decoded."""
    path = tmp_path / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 1200 * 16_000))
    tracemalloc.start()
    try:
        samples, _ = media.sound(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert samples.nbytes == 4 * 1200 * 16_000
    assert peak < 1.3 * samples.nbytes


def test_nan_is_refused(tmp_path):
    sound = tone(0.2)
    sound[100] = np.nan
    path = make_video(tmp_path / "nan.wav", None, sound=sound, audio_codec="pcm_f32le")
    with pytest.raises(InputError, match="not finite"):
        media.sound(path)


def test_truncated_sound(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    whole = make_video(tmp_path / "w.mp4", flat_frames(90), sound=noise, options=MP4)
    cut = tmp_path / "cut.mp4"
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="audio frames"):
        media.sound(cut)


# ------------------------------------------------------------------ real clips

CLIPS = os.environ.get("LACUNA_TEST_CLIPS")


@pytest.mark.skipif(not CLIPS, reason="LACUNA_TEST_CLIPS is not set")
@pytest.mark.parametrize(
    ("name", "count", "first", "rate", "sound_start"),
    [
        ("facenet_video.mp4", 105, 0.0, Fraction(25), 0.01),
        ("short_hamilton_clip.mp4", 275, 10214 / 11988, Fraction(2997, 100), 353 / 44_100),
    ],
)
def test_real_clips(name, count, first, rate, sound_start):
    path = Path(CLIPS) / name
    times = media.frame_times(path)
    assert len(times) == count
    assert times[0] == pytest.approx(first)
    np.testing.assert_allclose(np.diff(times), float(1 / rate), atol=1e-3)
    samples, start = media.sound(path)
    assert start == pytest.approx(sound_start)
    assert start + len(samples) / SAMPLE_RATE == pytest.approx(times[-1], abs=0.2)
