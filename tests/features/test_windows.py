import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.settings import WindowSettings
from features.windows import STD_FLOOR, Normaliser, Sound, audio_present, context_rows
from pipeline.outputs import CorpusItem
from pipeline.windows import fit_normaliser

ROWS = np.random.default_rng(0).normal([-100, 0, 3e4], [1e-2, 1, 50], (400, 3)).astype(np.float32)


def sound(lld, *, present=None, start=0.0):
    present = np.ones(len(lld), bool) if present is None else present
    return Sound(lld, present, start, len(lld) / 100 + 0.04)


def item(name, split):
    facts = dict.fromkeys(("has_video", "has_audio", "labelled"), True)
    return CorpusItem(
        item=name,
        path=f"{name}.mp4",
        speaker=name,
        split=split,
        sha256="0",
        width=64,
        height=48,
        rate=30.0,
        seconds=2.0,
        **facts,
    )


# ------------------------------------------------------------------ z-norm


def test_moments_equal_those_of_all_rows_together():
    fitted = Normaliser.fit([ROWS[:100], ROWS[100:103], ROWS[103:]])
    np.testing.assert_allclose(fitted.mean, ROWS.astype(np.float64).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(fitted.std, ROWS.astype(np.float64).std(axis=0), rtol=1e-10)


@given(st.lists(st.integers(0, 400), max_size=12))
@settings(max_examples=50, deadline=None)
def test_any_split_into_recordings_gives_the_same(cuts):
    fitted, whole = Normaliser.fit(np.split(ROWS, sorted(cuts))), Normaliser.fit([ROWS])
    np.testing.assert_allclose(fitted.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(fitted.std, whole.std, rtol=1e-9)


def test_constant_descriptors_are_divided_by_the_floor():
    silent = np.full((50, 2), -100, np.float32)
    fitted = Normaliser.fit([silent])
    assert fitted.std.tolist() == [STD_FLOOR, STD_FLOOR]
    assert (fitted.apply(silent, np.ones(50, bool)) == 0).all()


def test_no_row_to_fit_to():
    with pytest.raises(ValueError, match="no row"):
        Normaliser.fit([ROWS[:0], ROWS[:0]])


def test_apply_z_norms_and_leaves_zeros_where_there_is_no_sound():
    present = np.arange(400) % 3 > 0
    fitted = Normaliser.fit([ROWS[present]])
    normed = fitted.apply(ROWS, present)
    assert normed.dtype == np.float32
    assert (normed[~present] == 0).all()
    assert (normed[present] != 0).any(axis=1).all()
    np.testing.assert_allclose(normed[present].mean(axis=0, dtype=float), 0, atol=1e-5)
    np.testing.assert_allclose(normed[present].std(axis=0, dtype=float), 1, atol=1e-5)


@pytest.fixture
def three_splits():
    names = {"a": "train", "b": "train", "v": "validation", "t": "test"}
    parts = np.split(ROWS, [90, 200, 300])
    sounds = {name: sound(part.copy()) for name, part in zip(names, parts, strict=True)}
    return [item(name, split) for name, split in names.items()], sounds


def test_z_norm_uses_training_rows_only(three_splits):
    items, sounds = three_splits
    before = fit_normaliser(items, sounds)
    for name in ("v", "t"):
        sounds[name].lld[...] = 1e6
    after = fit_normaliser(items, sounds)
    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.std, after.std)
    np.testing.assert_allclose(after.mean, ROWS[:200].mean(axis=0, dtype=float), rtol=1e-12)


@pytest.mark.parametrize("name", ["a", "b"])
def test_every_training_recording_counts(three_splits, name):
    items, sounds = three_splits
    before = fit_normaliser(items, sounds)
    sounds[name].lld[7, 1] += 10
    after = fit_normaliser(items, sounds)
    assert after.mean[1] == pytest.approx(before.mean[1] + 10 / 200, rel=1e-6)
    assert after.std[1] != before.std[1]
    np.testing.assert_array_equal(before.mean[[0, 2]], after.mean[[0, 2]])


def test_rows_without_sound_do_not_count(three_splits):
    items, sounds = three_splits
    before = fit_normaliser(items, sounds)
    silence = np.full((30, 3), -1e5, np.float32)
    lld = np.concatenate([sounds["a"].lld, silence])
    sounds["a"] = sound(lld, present=np.arange(len(lld)) < 90)
    np.testing.assert_array_equal(before.mean, fit_normaliser(items, sounds).mean)


def test_without_sound_in_training_rows_are_left_as_they_are(three_splits, capsys):
    items, sounds = three_splits
    for name in ("a", "b"):
        sounds[name].present[...] = False
    normaliser = fit_normaliser(items, sounds)
    assert (normaliser.mean == 0).all()
    assert (normaliser.std == 1).all()
    assert "descriptors are not z-normed" in capsys.readouterr().err


# ------------------------------------------------------------------ context and presence


def test_context_ends_at_the_frame_or_surrounds_it():
    times = np.arange(150) / 30
    heard = sound(np.zeros((600, 3), np.float32))
    causal = context_rows(times, heard, WindowSettings())
    centred = context_rows(times, heard, WindowSettings(context="centred"))
    assert causal.shape == centred.shape == (150, 60)
    np.testing.assert_array_equal(centred[:-30], causal[30:])
    own = np.floor(100 * (2 * np.arange(150) + 1) / 60 - 0.5)
    np.testing.assert_array_equal(causal[:, -1], own)
    np.testing.assert_array_equal(centred[:, 29], own)


@pytest.mark.parametrize("rate", [7.5, 15, 25, 60])
def test_context_has_60_steps_of_a_30th_at_any_frame_rate(rate):
    rows = context_rows(
        np.arange(rate * 4) / rate, sound(np.zeros((600, 3), np.float32)), WindowSettings()
    )
    assert rows.shape == (rate * 4, 60)
    steps = np.diff(rows[rows.min(axis=1) > 0])
    assert set(np.unique(steps)) == {3, 4}


def test_audio_present_at_the_centre_of_the_frame():
    present = np.ones(100, bool)
    present[40:60] = False
    heard = sound(np.zeros((100, 3), np.float32), present=present, start=0.5)
    times = np.arange(60) / 30
    expected = [
        0 <= t - 0.5 < heard.duration and not 0.405 <= t - 0.5 < 0.605
        for t in (2 * np.arange(60) + 1) / 60
    ]
    np.testing.assert_array_equal(audio_present(times, heard), expected)


def test_no_sound_at_all():
    heard = sound(np.zeros((0, 3), np.float32))
    times = np.arange(10) / 30
    assert not audio_present(times, Sound(heard.lld, heard.present, 0.0, 0.0)).any()
    assert (context_rows(times, heard, WindowSettings()) == -1).all()
