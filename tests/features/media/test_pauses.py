"""The camera and the microphone are off for a while, as files hold that."""

import numpy as np
import pandas as pd
import pytest

from features.corpora.census import pauses_of, unusual
from features.media.decoding import frame_times, sound
from features.media.pauses import pauses
from tests.helpers.media_factory import flat_frames, make_film, make_video, tone

CODINGS = {
    "mp4": {},
    "mkv": {"audio_codec": "pcm_s16le"},
    "webm": {"video_codec": "libvpx", "audio_codec": "libopus", "sound_rate": 16_000},
    "hevc.mp4": {
        "video_codec": "libx265",
        "codec_options": {"x265-params": "log-level=none:pools=none:frame-threads=1"},
    },
}


def lengths(stretches):
    return [last - first for first, last in stretches]


@pytest.mark.parametrize("name", CODINGS)
def test_the_camera_off(tmp_path, name):
    path = make_film(tmp_path / f"off.{name}", 8.0, no_picture=[(1.5, 6.5)], **CODINGS[name])
    found = pauses(path)
    np.testing.assert_allclose(found.without_picture, [(1.52, 6.52)], atol=0.025)
    assert found.without_sound == ()
    assert len(frame_times(path)) == 75, "as many pictures as there are"
    assert len(sound(path)[0]) / 16_000 == pytest.approx(8.0, abs=0.1), "and all of the sound"


@pytest.mark.parametrize("stretch", [(0.0, 3.0), (5.0, 8.0)])
def test_the_camera_on_late_or_off_early(tmp_path, stretch):
    path = make_film(tmp_path / "off.mp4", 8.0, no_picture=[stretch])
    np.testing.assert_allclose(pauses(path).without_picture, [stretch], atol=0.07)


def test_the_microphone_off_in_mp4(tmp_path):
    """Its packet before a gap lasts through it."""
    path = make_film(tmp_path / "mute.mp4", 8.0, no_sound=[(2.0, 4.5)])
    np.testing.assert_allclose(pauses(path).without_sound, [(2.0, 4.5)], atol=0.13)


@pytest.mark.parametrize("stretch", [(0.0, 3.0), (2.0, 4.5), (5.0, 8.0)])
def test_the_microphone_off(tmp_path, stretch):
    path = make_film(tmp_path / "mute.mkv", 8.0, no_sound=[stretch], audio_codec="pcm_s16le")
    found = pauses(path)
    np.testing.assert_allclose(found.without_sound, [stretch], atol=0.065)
    assert found.without_picture == ()
    samples, start = sound(path)
    level, at = np.abs(samples), start + np.arange(len(samples)) / 16_000
    first, last = stretch
    assert level[(at > first + 0.1) & (at < last - 0.1)].max(initial=0) < 1e-3
    assert level[(at < first) | (at > last + 0.1)].max() > 0.4


def test_both_off(tmp_path):
    path = make_film(
        tmp_path / "both.mkv",
        8.0,
        no_picture=[(1.0, 2.0), (4.0, 7.0)],
        no_sound=[(3.0, 5.0)],
        audio_codec="pcm_s16le",
    )
    found = pauses(path)
    np.testing.assert_allclose(lengths(found.without_picture), [1.0, 3.0], atol=0.05)
    np.testing.assert_allclose(lengths(found.without_sound), [2.0], atol=0.07)


def test_nothing_off(tmp_path):
    jittered = np.cumsum(np.resize([0.02, 0.05, 0.03], 30)).tolist()
    path = make_video(tmp_path / "on.mp4", flat_frames(30), times=jittered, sound=tone(1.0))
    assert pauses(path) == pauses(make_film(tmp_path / "film.mp4", 2.0))
    assert lengths(pauses(path).without_picture) == []


def test_a_slow_recording_does_not_pause(tmp_path):
    """A picture a second, as of a shared screen."""
    path = make_video(tmp_path / "slow.mp4", flat_frames(5), 1, sound=tone(5.0))
    assert lengths(pauses(path).without_picture) == []


def test_no_stream_is_off_throughout(tmp_path):
    sound_alone = pauses(make_video(tmp_path / "sound.mp4", None, sound=tone(2.0)))
    assert lengths(sound_alone.without_picture) == pytest.approx([2.0], abs=0.1)
    pictures_alone = pauses(make_video(tmp_path / "mute.mp4", flat_frames(30)))
    assert lengths(pictures_alone.without_sound) == pytest.approx([1.0], abs=0.05)


def table(**columns):
    usual = {
        "item": ["a", "b", "c"],
        "has_video": True,
        "has_audio": True,
        "seconds": 60.0,
        "without_picture": 0.0,
        "without_sound": 0.0,
        "notes": "",
    }
    return pd.DataFrame(usual | columns)


def test_pauses_are_named_from_the_longest_on():
    facts = table(without_picture=[1.0, 20.0, 60.0], has_video=[True, True, False])
    assert pauses_of(facts) == ["no picture comes for 21.0 s of 180.0 s: b (20.0 s), a (1.0 s)"]
    assert pauses_of(table(without_sound=[0.0, 0.0, 2.0])) == [
        "there is no sound for 2.0 s of 180.0 s: c (2.0 s)"
    ]
    assert pauses_of(table()) == []


def test_what_is_unusual_is_said_once_with_its_items():
    facts = table(
        notes=["2 sound tracks: number 1 is used", "", "HDR; 2 sound tracks: number 1 is used"]
    )
    assert unusual(facts) == ["2 sound tracks: number 1 is used: a, c", "HDR: c"]
