import shutil
from functools import partial
from pathlib import Path

import numpy as np
import opensmile
import pytest
from pydantic import ValidationError

from features.errors import InputError
from features.extractors.opensmile import descriptors as lld
from features.extractors.opensmile.user_config import hash_of_config
from features.extractors.settings import OpenSMILESettings
from features.media.decoding import LONGEST_HOURS
from tests.helpers.media_factory import tone

RATE = 16_000
LEVEL = opensmile.FeatureLevel.LowLevelDescriptors
IS13 = OpenSMILESettings()
extract_lld = partial(lld.extract_lld, settings=IS13)


@pytest.fixture(scope="module")
def smile():
    return opensmile.Smile(opensmile.FeatureSet.IS13, LEVEL)


def speech(seconds, *, seed=0):
    times = np.arange(round(seconds * RATE)) / RATE
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * times)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 12))
    voice *= np.clip(np.sin(2 * np.pi * 1.5 * times), 0, None)
    noise = np.random.default_rng(seed).normal(0, 0.005, len(times))
    return (0.2 * voice + noise).astype(np.float32)


@pytest.fixture(scope="module")
def speechlike():
    return speech(2.0)


# ------------------------------------------------------------------ IS13


def test_names_are_the_65_of_the_set_in_order(smile):
    spectral = "RollOff25.0 RollOff50.0 RollOff75.0 RollOff90.0 Flux Centroid Entropy Variance"
    spectral += " Skewness Kurtosis Slope"
    expected = [
        *("F0final", "voicingFinalUnclipped", "jitterLocal", "jitterDDP", "shimmerLocal"),
        *("logHNR", "audspec_lengthL1norm", "audspecRasta_lengthL1norm", "pcm_RMSenergy"),
        "pcm_zcr",
        *(f"audSpec_Rfilt_sma[{band}]" for band in range(26)),
        *("pcm_fftMag_fband250-650", "pcm_fftMag_fband1000-4000"),
        *(f"pcm_fftMag_spectral{name}" for name in spectral.split()),
        *("pcm_fftMag_psySharpness", "pcm_fftMag_spectralHarmonicity"),
        *(f"mfcc_sma[{order}]" for order in range(1, 15)),
    ]
    expected = [name if "[" in name else f"{name}_sma" for name in expected]
    assert list(lld.names(IS13)) == expected == smile.feature_names
    assert len(expected) == lld.DESCRIPTORS


def test_rows_equal_opensmile(smile, speechlike):
    expected = smile.process_signal(speechlike, RATE).to_numpy()
    np.testing.assert_array_equal(extract_lld(speechlike), expected)


@pytest.mark.parametrize("samples", [960, 961, 1119, 1120, 1121, 7999, 8000])
def test_row_count_is_opensmile_s(smile, speechlike, samples):
    part = speechlike[:samples]
    expected = len(smile.process_signal(part, RATE))
    assert lld.row_count(samples) == expected
    assert extract_lld(part).shape == (expected, 65)


@pytest.mark.parametrize("samples", [0, 1, 959])
def test_too_short_gives_no_rows(speechlike, samples):
    rows = extract_lld(speechlike[:samples])
    assert (rows.shape, rows.dtype) == ((0, 65), np.float32)


def test_row_k_is_at_k_hundredths(speechlike):
    burst = np.zeros(RATE, np.float32)
    burst[8000:8320] = speechlike[4000:4320]  # 20 ms at 0.50 s: the window of row 50
    energy = extract_lld(burst)[:, lld.names(IS13).index("pcm_RMSenergy_sma")]
    assert np.argmax(energy) == 50


def test_full_scale_does_not_wrap():
    square = np.sign(tone(1.0, hertz=100) + 1e-6).astype(np.float32)
    rate = lld.names(IS13).index("pcm_zcr_sma")
    full, half = extract_lld(1.2 * square), extract_lld(0.5 * square)
    np.testing.assert_allclose(full[:, rate], half[:, rate], atol=1e-3)


def test_input_is_left_alone(speechlike):
    before = speechlike.copy()
    extract_lld(speechlike)
    np.testing.assert_array_equal(speechlike, before)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, 1e-9])
def test_constant_sound_is_finite(level):
    assert np.isfinite(extract_lld(np.full(RATE, level, np.float32))).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite_is_refused(bad):
    samples = tone(0.2)
    samples[7] = bad
    with pytest.raises(ValueError, match="finite"):
        extract_lld(samples)


def test_two_channels_are_refused():
    with pytest.raises(ValueError, match=r"\(N,\)"):
        extract_lld(np.zeros((2, 1000), np.float32))


def test_more_than_openSMILE_can_hold_is_refused():  # noqa: N802
    endless = np.broadcast_to(np.float32(0), LONGEST_HOURS * 3600 * RATE + 1)
    with pytest.raises(InputError, match=r"4\.0 hours of sound.*cut the file into parts"):
        extract_lld(endless)


# ------------------------------------------------------------------ sets by name


def sounds():
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * RATE).astype(np.float32)
    silence = np.zeros(2 * RATE, np.float32)
    return {
        "noise": noise,
        "silence": silence,
        "speech": speech(8.0),
        "speech, then silence longer than any buffer": np.concatenate(
            [speech(2.0), *6 * [silence]]
        ),
        "clicks": 0.9 * (np.arange(3 * RATE) % 800 == 0).astype(np.float32),
        "bursts": np.repeat(np.arange(40) % 3 == 0, 1200) * noise,
        "low tone": tone(3.0, hertz=55),
        **{f"{samples} samples": speech(samples / RATE) for samples in (960, 1119, 1120, 7999)},
    }


@pytest.mark.parametrize("name", ["IS13", "ComParE_2016"])
def test_bit_for_bit_what_the_package_s_own_config_gives(name):
    settings = OpenSMILESettings(set=name)
    reference = opensmile.Smile(opensmile.FeatureSet[name], LEVEL)
    assert list(lld.names(settings)) == reference.feature_names
    for sound, samples in sounds().items():
        expected = reference(samples, RATE)[0].T
        np.testing.assert_array_equal(lld.extract_lld(samples, settings), expected, err_msg=sound)


def test_the_sets_differ_in_jitter_and_shimmer_alone():
    ours, repaired = (
        lld.extract_lld(speech(3.0), OpenSMILESettings(set=name))
        for name in ("IS13", "ComParE_2016")
    )
    difference = np.abs(ours - repaired).max(axis=0) / ours.std(axis=0)
    differing = {lld.names(IS13)[column] for column in np.flatnonzero(difference > 0.01)}
    assert differing == {"jitterLocal_sma", "jitterDDP_sma", "shimmerLocal_sma"}


# ------------------------------------------------------------------ deltas

DELTAS = OpenSMILESettings(deltas=True)


def test_deltas_are_the_slope_with_replicated_borders(speechlike):
    rows = extract_lld(speechlike)
    both = lld.extract_lld(speechlike, DELTAS)
    assert (both.shape, both.dtype) == ((len(rows), 130), np.float32)
    np.testing.assert_array_equal(both[:, :65], rows)
    last = len(rows) - 1
    for t in (0, 1, 57, last - 1, last):
        at = [rows[min(max(t + n, 0), last)].astype(float) for n in range(-2, 3)]
        slope = (at[3] - at[1] + 2 * (at[4] - at[0])) / 10
        np.testing.assert_allclose(both[t, 65:], slope, rtol=1e-4, atol=1e-3)


def test_deltas_equal_opensmile_s_but_for_its_voicing_columns_and_end(speechlike):
    level = opensmile.FeatureLevel.LowLevelDescriptors_Deltas
    reference = opensmile.Smile(opensmile.FeatureSet.IS13, level)
    theirs = reference(speechlike, RATE)[0].T
    ours = lld.extract_lld(speechlike, DELTAS)[:, 65:]
    assert list(lld.names(DELTAS)[65:]) == reference.feature_names
    scale = np.abs(theirs[:, 6:]).mean(axis=0)
    inner = (ours[:-2, 6:] - theirs[: len(ours) - 2, 6:]) / scale
    np.testing.assert_allclose(inner, 0, atol=1e-5)


def test_deltas_of_no_rows():
    assert lld.extract_lld(np.zeros(100, np.float32), DELTAS).shape == (0, 130)


# ------------------------------------------------------------------ a user's config

ENERGY = r"""
[componentInstances:cComponentManager]
instance[dataMemory].type = cDataMemory
\{\cm[source{?}:source]}
\{\cm[parts(P){parts/energy.inc}:the components]}
\{\cm[sink{?}:sink]}
"""
COMPONENTS = r"""
;\{nothing.inc}
[componentInstances:cComponentManager]
instance[frame].type = cFramer
instance[energy].type = cEnergy
[frame:cFramer]
reader.dmLevel = wave
writer.dmLevel = frame
\{framing.inc}
[energy:cEnergy]
reader.dmLevel = frame
writer.dmLevel = lld
"""
FRAMING = "frameSize = 0.025\nframeStep = 0.010\nframeCenterSpecial = left\n"


def settings_of(path, **changes):
    return OpenSMILESettings(set=str(path), sha256=hash_of_config(path), **changes)


@pytest.fixture
def config(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "energy.inc").write_text(COMPONENTS)
    (tmp_path / "parts" / "framing.inc").write_text(FRAMING)
    path = tmp_path / "energie, größer.conf"
    path.write_text(ENERGY)
    return path


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_config_of_one_s_own_has_its_own_columns(config, speechlike):
    settings = settings_of(config, deltas=True)
    columns = ("pcm_RMSenergy", "pcm_LOGenergy")
    assert lld.names(settings) == (*columns, *(f"{column}_de" for column in columns))
    rows = lld.extract_lld(speechlike, settings)
    assert rows.shape == (198, 4)
    frame = np.floor(speechlike[8000:8400] * 32768) / 32768
    assert rows[50, 0] == pytest.approx(np.sqrt(np.mean(frame**2)), rel=0.01)
    assert lld.extract_lld(speechlike[:399], settings).shape == (0, 4)
    assert lld.extract_lld(speechlike[:400], settings).shape == (1, 4)


def test_a_config_of_the_package_by_path(speechlike):
    root = Path(opensmile.__file__).parent / "core" / "config"
    settings = settings_of(root / "egemaps" / "v02" / "eGeMAPSv02.conf")
    reference = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, LEVEL)
    assert list(lld.names(settings)) == reference.feature_names
    expected = reference(speechlike, RATE)[0].T
    np.testing.assert_array_equal(lld.extract_lld(speechlike, settings), expected)


def test_included_files_are_looked_for_beside_the_including_one(
    config, speechlike, tmp_path, monkeypatch
):
    here = tmp_path / "here"
    here.mkdir()
    (here / "framing.inc").write_text(FRAMING.replace("0.010", "0.020"))
    monkeypatch.chdir(here)
    assert len(lld.extract_lld(speechlike, settings_of(config))) == 198


def test_identity_follows_what_is_included_and_not_the_path(config, tmp_path):
    before = lld.identity(settings_of(config))
    moved = shutil.copytree(tmp_path / "parts", tmp_path / "elsewhere" / "parts").parent
    shutil.copy(config, moved / "other.conf")
    assert lld.identity(settings_of(moved / "other.conf")) == before
    edit(tmp_path / "parts" / "framing.inc", "0.025", "0.030")
    assert lld.identity(settings_of(config)) != before
    assert lld.identity(OpenSMILESettings(set="ComParE_2016")) == "ComParE_2016"


def test_a_config_needs_its_sha256():
    with pytest.raises(ValidationError, match=r"neither IS13 nor ComParE_2016.*sha256sum"):
        OpenSMILESettings(set="is13")


def refused(settings, match):
    with pytest.raises(InputError, match=match) as refusal:
        lld.names(settings)
    assert "\n" not in str(refusal.value)


def test_a_missing_or_changed_config_is_refused(config, tmp_path):
    settings = settings_of(config)
    config.write_text(ENERGY + ";")
    refused(settings, "has the SHA-256 .*, not that of the stream")
    config.unlink()
    refused(settings, r"does not exist.*IS13 and ComParE_2016")
    refused(OpenSMILESettings(set=str(tmp_path), sha256="0" * 64), "does not exist")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ENERGY, "hello\n"),
        (ENERGY, ""),
        (r"\{\cm[source{?}:source]}", ""),
        (r"\{\cm[sink{?}:sink]}", ""),
    ],
    ids=["text", "empty", "no source", "no sink"],
)
def test_what_is_no_config_is_refused(config, old, new):
    edit(config, old, new)
    refused(settings_of(config), "not a config that openSMILE runs.*template")


def test_a_config_without_the_level_lld_is_refused(config):
    edit(config.parent / "parts" / "energy.inc", "dmLevel = lld", "dmLevel = energy")
    refused(settings_of(config), "level named lld")


@pytest.mark.parametrize("step", ["0.0125", "0.0101"])
def test_a_config_of_another_row_rate_is_refused(config, step):
    edit(config.parent / "parts" / "framing.inc", "0.010", step)
    refused(settings_of(config), r"rows of ten seconds of sound, not 1000; set frameStep")


@pytest.mark.parametrize(
    ("target", "fault"), [("gone.inc", "is not a file"), ("energy.inc", "includes itself")]
)
def test_what_cannot_be_included_is_refused(config, target, fault):
    edit(config.parent / "parts" / "energy.inc", "framing.inc", target)
    settings = OpenSMILESettings(set=str(config), sha256="0" * 64)
    refused(settings, f"{target}, included by .*energy.inc, {fault}")


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (np.full((198, 2), np.inf, np.float32), "gives pcm_RMSenergy that is not finite"),
        (np.zeros((150, 2), np.float32), "gives 150 rows of 32000 samples, not 198"),
        (np.zeros((0, 2), np.float32), "gives 0 rows of 32000 samples, not 198"),
    ],
    ids=["not finite", "rows missing", "no row"],
)
def test_wrong_rows_of_a_config_are_refused(config, speechlike, monkeypatch, rows, fault):
    settings = settings_of(config)
    assert len(lld.names(settings)) == 2  # tried out before its rows are swapped
    monkeypatch.setattr(lld._Extractor, "run", lambda *_: rows)
    with pytest.raises(InputError, match=fault):
        lld.extract_lld(speechlike, settings)
