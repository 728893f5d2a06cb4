import pickle
import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from features.corpora import simulated
from features.corpora.item import Work
from features.corpora.settings import SimulatedSettings, SplitSettings
from features.corpora.simulated import PAUSES, features, truth
from features.task import AFFECT


def read(settings):
    return simulated.read(Path(), settings, SplitSettings(), Work())


DEFAULT = SimulatedSettings()
SMALL = SimulatedSettings(train=4, validation=2, test=3, frames=50)
STREAMS = ("picture", "sound")
TARGETS = list(AFFECT.outputs)
ARRAYS = [(stream, name) for stream in STREAMS for name in ("times", "rows", "present")]


@cache
def truths():
    """Speakers enough for the statistics of the generator."""
    return [truth(DEFAULT, f"train-{number:05d}") for number in range(400)]


def equal(first, second):
    pairs = ((getattr(f[stream], name) for f in (first, second)) for stream, name in ARRAYS)
    return all(np.array_equal(*pair) for pair in pairs)


# ------------------------------------------------------------------ the corpus


def test_items_of_a_corpus():
    corpus = read(SMALL)
    assert corpus.task == AFFECT
    names = [item.name for item in corpus.items]
    assert names == sorted(names)
    assert len({item.speaker for item in corpus.items}) == len(names) == 9
    assert [sum(item.split == part for item in corpus.items) for part in ("train", "test")] == [
        4,
        3,
    ]
    for item in corpus.items:
        picture, sound = (corpus.features(item.name)[stream] for stream in ("picture", "sound"))
        assert item.path is None
        assert list(item.labels) == [*TARGETS, "time"]
        assert item.labels["time"].isna().all()
        assert len(item.labels) == SMALL.frames
        assert (picture.rows.shape, sound.rows.shape) == ((50, 64), (50, 32))
        for stream in (picture, sound):
            assert stream.rows.dtype == np.float32
            assert np.isfinite(stream.rows).all()
            assert stream.present.all()
            np.testing.assert_allclose(stream.times, np.arange(50) / 30)
    assert corpus.gives == {"picture": "video", "sound": "audio"}


def test_labels_are_the_scaled_truth():
    for item in read(SMALL).items:
        scaled = 0.35 * truth(SMALL, item.name).affect
        np.testing.assert_array_equal(item.labels[TARGETS], np.clip(scaled, -1, 1))


def test_labels_stay_valid_at_any_scale():
    corpus = read(SMALL.model_copy(update={"label_scale": 5.0}))
    values = np.concatenate([item.labels[TARGETS] for item in corpus.items])
    assert np.abs(values).max() == 1


def test_the_same_settings_give_the_same_bytes():
    first, second = read(SMALL), read(SimulatedSettings(**SMALL.model_dump()))
    assert first.identity == second.identity
    for one, other in zip(first.items, second.items, strict=True):
        assert one == other
        assert one.labels.equals(other.labels)
        assert equal(first.features(one.name), second.features(one.name))


@pytest.mark.parametrize("count", ["train", "validation", "test"])
def test_a_speaker_is_the_same_in_a_larger_corpus(count):
    larger = SMALL.model_copy(update={count: 30})
    assert read(larger).identity == read(SMALL).identity
    for item in read(SMALL).items:
        assert equal(features(SMALL, item.name), features(larger, item.name))


def test_a_longer_corpus_begins_like_a_shorter_one():
    longer = SMALL.model_copy(update={"frames": 80, "faceless": 0.4, "soundless": 0.3})
    shorter = longer.model_copy(update={"frames": 50})
    one, other = features(shorter, "train-00000"), features(longer, "train-00000")
    for stream, name in ARRAYS:
        np.testing.assert_array_equal(
            getattr(one[stream], name), getattr(other[stream], name)[:50], err_msg=stream + name
        )


def test_speakers_and_seeds_differ():
    reseeded = SMALL.model_copy(update={"seed": 1})
    made = [features(SMALL, name) for name in ("train-00000", "train-00001", "test-00000")]
    made.append(features(reseeded, "train-00000"))
    for place, one in enumerate(made):
        for other in made[:place]:
            assert abs(np.corrcoef(*(f["picture"].rows.ravel() for f in (one, other)))[0, 1]) < 0.9
            assert not np.array_equal(one["sound"].rows, other["sound"].rows)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"frames": 51},
        {"video": 63},
        {"audio": 31},
        {"seen_valence": 0.5},
        {"heard_arousal": 0.4},
        {"frame_noise": 1.2},
        {"faceless": 0.1},
    ],
)
def test_identity_follows_settings(change):
    assert read(SMALL).identity != read(SMALL.model_copy(update=change)).identity


def test_features_can_be_asked_for_in_another_process():
    again = pickle.loads(pickle.dumps(read(SMALL).features))
    assert equal(again("test-00002"), features(SMALL, "test-00002"))


def test_the_default_corpus_is_made_item_by_item():
    tracemalloc.start()
    corpus = read(DEFAULT)
    for item in corpus.items[:5]:
        corpus.features(item.name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(corpus.items) == 230
    assert peak < 64 * 2**20


@pytest.mark.parametrize("settings", [{"frames": 0}, {"seen_valence": 1.0}, {"faceless": 0.95}])
def test_settings_out_of_range(settings):
    with pytest.raises(ValidationError):
        SimulatedSettings(**settings)


# ------------------------------------------------------------------ its statistics


def test_variance_and_the_share_of_it_between_speakers():
    paths = np.stack([known.affect for known in truths()])  # (speakers, frames, targets)
    assert np.abs(paths.mean(axis=(0, 1))).max() < 0.15
    np.testing.assert_allclose(paths.var(axis=(0, 1)), 1, atol=0.12)
    # Where paths forget at once, a speaker's mean is the speaker's offset.
    hasty = SimulatedSettings(time_constant=1)
    means = [truth(hasty, f"train-{number:05d}").affect.mean(axis=0) for number in range(400)]
    np.testing.assert_allclose(np.var(means, axis=0), 0.36, atol=0.08)


def test_paths_forget_in_150_frames():
    paths = np.stack([known.affect for known in truths()])
    for lag in (30, 75, 150, 300):
        expected = 0.36 + 0.64 * np.exp(-lag / 150)
        found = (paths[:, lag:] * paths[:, :-lag]).mean(axis=(0, 1))
        np.testing.assert_allclose(found, expected, atol=0.12, err_msg=str(lag))
    steps = np.diff(paths, axis=1).var(axis=(0, 1))
    np.testing.assert_allclose(steps, 2 * 0.64 * (1 - np.exp(-1 / 150)), rtol=0.02)


def test_views_have_their_correlations():
    affect, seen, heard = (
        np.concatenate([getattr(known, name) for known in truths()])
        for name in ("affect", "seen", "heard")
    )
    correlation = np.corrcoef(np.hstack((affect, seen, heard)).T)
    np.testing.assert_allclose(np.diag(correlation[:2, 2:4]), (0.52, 0.61), atol=0.05)
    np.testing.assert_allclose(np.diag(correlation[:2, 4:]), (0.10, 0.43), atol=0.05)
    # Nothing else is shared: valence and arousal, and the two modalities beyond them.
    assert abs(correlation[0, 1]) < 0.06
    assert abs(correlation[2, 5]) < 0.06
    np.testing.assert_allclose(np.diag(correlation[2:4, 4:]), (0.052, 0.262), atol=0.06)


def test_speakers_are_independent():
    means = np.stack([known.affect.mean(axis=0) for known in truths()])
    neighbours = np.corrcoef(means[:-1].T, means[1:].T)[:2, 2:]
    assert np.abs(neighbours).max() < 0.12


def test_speech_has_pauses():
    speaking = np.concatenate([known.speaking for known in truths()])
    assert abs(1 - speaking.mean() - PAUSES) < 0.02
    runs = np.diff(speaking.astype(int))
    assert abs((~speaking).sum() / (runs == -1).sum() - 20) < 1  # mean length of a pause


def made(settings, count=60):
    names = [f"train-{number:05d}" for number in range(count)]
    return [features(settings, name) for name in names], [truth(settings, name) for name in names]


def fit(inputs, targets):
    """Correlations of the best linear reading of inputs with targets, on the second half."""
    inputs = np.concatenate([np.hstack((x, np.ones((len(x), 1)))) for x in inputs])
    targets = np.concatenate(targets)
    half = len(inputs) // 2
    weights = np.linalg.lstsq(inputs[:half], targets[:half], rcond=None)[0]
    read_off = inputs[half:] @ weights
    return np.array([np.corrcoef(read_off[:, i], targets[half:, i])[0, 1] for i in range(2)])


def test_the_picture_shows_both_and_the_sound_arousal_while_there_is_speech():
    found, known = made(DEFAULT)
    seen = fit([f["picture"].rows for f in found], [k.seen for k in known])
    assert (seen > 0.4).all()
    assert (seen < 0.75).all()  # the noise of single frames: 1 / √(1 + 1.3²) = 0.61, and less
    spoken = [f["sound"].rows[k.speaking] for f, k in zip(found, known, strict=True)]
    silent = [f["sound"].rows[~k.speaking] for f, k in zip(found, known, strict=True)]
    heard = fit(spoken, [k.heard[k.speaking] for k in known])
    unheard = fit(silent, [k.heard[~k.speaking] for k in known])
    assert (heard > 0.8).all()
    assert (np.abs(unheard) < 0.2).all()


def test_frame_noise_is_new_in_every_frame():
    noisy, _ = made(DEFAULT, 3)
    quiet, _ = made(DEFAULT.model_copy(update={"frame_noise": 0.0}), 3)
    for one, other in zip(noisy, quiet, strict=True):
        change = [np.abs(np.diff(f["picture"].rows, axis=0)).mean() for f in (one, other)]
        assert change[0] > 2 * change[1]
        np.testing.assert_array_equal(one["sound"].rows, other["sound"].rows)


def test_sound_is_z_normed_over_speakers():
    audio = np.concatenate([f["sound"].rows for f in made(DEFAULT, 150)[0]])
    assert np.abs(audio.mean(axis=0)).max() < 0.2
    np.testing.assert_allclose(audio.std(axis=0), 1, atol=0.15)
    video = np.concatenate([f["picture"].rows for f in made(DEFAULT, 20)[0]])
    assert video.min() == 0  # after a ReLU
    assert 0.3 < (video == 0).mean() < 0.7


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_missing_stretches_cover_their_share_and_are_zero(share):
    settings = DEFAULT.model_copy(update={"faceless": share, "soundless": share})
    found, _ = made(settings, 200)
    for stream in STREAMS:
        there = np.concatenate([f[stream].present for f in found])
        assert abs(1 - there.mean() - share) < 0.04
        lengths = (~there).sum() / (np.diff(there.astype(int)) == -1).sum()
        assert 20 < lengths < 45  # in stretches, of 30 frames on average
        assert not any(f[stream].rows[~f[stream].present].any() for f in found)
        assert all(f[stream].rows[f[stream].present].any(axis=1).all() for f in found)
    both = [f["picture"].present == f["sound"].present for f in found]
    expected = share**2 + (1 - share) ** 2  # face and sound go independently
    assert abs(np.concatenate(both).mean() - expected) < 0.06


def test_missingness_leaves_the_rest_as_it_was():
    whole, lossy = (
        features(DEFAULT.model_copy(update={"faceless": share}), "test-00000")
        for share in (0.0, 0.5)
    )
    there = lossy["picture"].present
    np.testing.assert_array_equal(whole["picture"].rows[there], lossy["picture"].rows[there])
    np.testing.assert_array_equal(whole["sound"].rows, lossy["sound"].rows)


def test_there_is_no_voice_in_pauses_nor_without_sound() -> None:
    settings = DEFAULT.model_copy(update={"soundless": 0.2})
    name = "train-00000"
    sound, known = features(settings, name)["sound"], truth(settings, name)
    assert sound.voice is not None
    np.testing.assert_array_equal(sound.voice, known.speaking & sound.present)
    assert 0 < (sound.present & ~sound.voice).mean() < 0.5


# ------------------------------------------------------------------ where assumptions fail


def test_noise_that_lasts_is_like_that_of_the_frame_before():
    def left(noise_frames):
        """Correlation of what the picture shows beside valence and arousal, a frame apart."""
        settings = DEFAULT.model_copy(
            update={"noise_frames": noise_frames, "frame_noise": 100.0, "frames": 4000}
        )
        rows = features(settings, "train-00000")["picture"].rows.astype(float)
        return np.corrcoef(rows[1:].ravel(), rows[:-1].ravel())[0, 1]

    white, lasting = left(0.0), left(10.0)
    assert lasting > white + 0.3


def test_several_projections_leave_less_to_a_line():
    def explained(projections):
        """Of what the picture shows, by linear regression on other speakers."""
        settings = DEFAULT.model_copy(update={"projections": projections, "frame_noise": 0.0})
        names = [f"train-{number:05d}" for number in range(40)]
        x = np.concatenate([features(settings, name)["picture"].rows for name in names])
        x = np.hstack((x, np.ones((len(x), 1))))
        y = np.concatenate([truth(settings, name).seen for name in names])
        half = len(x) // 2
        weights, *_ = np.linalg.lstsq(x[:half], y[:half], rcond=None)
        return 1 - (y[half:] - x[half:] @ weights).var() / y[half:].var()

    assert explained(4) < explained(1) - 0.1
