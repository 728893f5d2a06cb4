from collections import Counter

import numpy as np
import pytest

from features.corpora import msp_improv
from features.corpora.item import Work
from features.corpora.msp_improv import ATTRIBUTES
from features.corpora.settings import MspImprovSettings, SplitSettings
from features.errors import InputError


def read(root, settings, split):
    return msp_improv.read(root, settings, split, Work())


EMOTION = MspImprovSettings()
ATTRIBUTE = MspImprovSettings(task="attributes")
SPLIT = SplitSettings()

RATERS = (
    "Rater01; Angry; Angry,Frustrated; A:2.000000; V:2.000000; D:4.000000; N:3.000000;\n"
    "Caf\xe9-2; Other (confused; tired); ; A:1.000000; V:NaN; D:NaN; N:NaN;\n"
)


def line_of(name, emotion="A", a="2.5", v="3.1", d="2.8"):
    return f"UTD-IMPROV-{name}.avi; {emotion}; A:{a}; V:{v}; D:{d} ; N:4.000000;\n"


def entry(*args, **kwargs):
    return line_of(*args, **kwargs) + RATERS + "\n"


def names_of(session, sentence="01"):
    """A clip of either actor of a session in every emotion, meant and perceived alike."""
    return {
        f"S{sentence}{emotion}-{actor}{session:02d}-{scenario}-{turn}": emotion
        for emotion, scenario in zip("AHSN", "PRST", strict=True)
        for actor, turn in (("F", "FM01"), ("M", "MM02"))
    }


@pytest.fixture
def corpus(tmp_path):
    """Write Evaluation.txt and the media of the names in it that are not left out."""
    root = tmp_path / "improv"
    root.mkdir()

    def make(entries, without=()):
        (root / "Evaluation.txt").write_bytes("".join(entries).encode("latin1"))
        for text in entries:
            if text.startswith("UTD-IMPROV-S") and text.split(".avi")[0][11:] not in without:
                name = text.split(".avi")[0][11:]
                folder = root / f"session{int(name[6:8])}" / name[:4] / name[9]
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"MSP-IMPROV-{name}.avi").write_bytes(b"")
        return root

    return make


@pytest.fixture
def whole(corpus):
    """Six sessions, in which anger is more active (a lower A) than sadness."""
    activity = {"A": "1.5", "H": "2.0", "S": "4.5", "N": "3.0"}
    entries = [
        entry(name, emotion, a=activity[emotion])
        for session in range(1, 7)
        for name, emotion in names_of(session).items()
    ]
    return corpus([*entries, entry("S02A-F01-S-FM03", "O"), entry("S02A-M01-S-MF04", "X")])


def test_emotions(whole):
    found = read(whole, EMOTION, SPLIT)
    assert found.task.outputs == ("anger", "happiness", "sadness", "neutral")
    assert (found.task.kind, found.task.level) == ("classification", "sequence")
    assert len(found.items) == 48
    first = found.items[0]
    assert first.name == "MSP-IMPROV-S01A-F01-P-FM01"
    assert first.path == whole / "session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.avi"
    assert first.speaker == "F01"
    assert first.labels["anger"].item() == 1
    assert np.isnan(first.labels["time"].item())
    classes = Counter(i.labels[list(found.task.outputs)].iloc[0].idxmax() for i in found.items)
    assert classes == dict.fromkeys(found.task.outputs, 12)
    assert found.notes[0].startswith("1 clips whose raters agreed on another emotion (O) and 1 on")
    names = [item.name for item in found.items]
    assert names == sorted(set(names))


@pytest.mark.parametrize("settings", [EMOTION, ATTRIBUTE])
@pytest.mark.parametrize("seed", range(5))
def test_no_speaker_and_no_session_is_in_two_splits(whole, settings, seed):
    splits = {}
    for item in read(whole, settings, SplitSettings(seed=seed)).items:
        for kept_together in (item.speaker, item.speaker[1:]):
            assert splits.setdefault(kept_together, item.split) == item.split
    sessions = {key: part for key, part in splits.items() if key.isdigit()}
    assert Counter(sessions.values()) == {"train": 4, "validation": 1, "test": 1}


def test_seeds_differ_and_a_seed_does_not(whole):
    drawn = [
        tuple(item.split for item in read(whole, EMOTION, SplitSettings(seed=seed)).items)
        for seed in (0, 0, 1, 2, 3, 4)
    ]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 2


def test_splits_do_not_hang_on_missing_files(whole):
    before = {item.name: item.split for item in read(whole, EMOTION, SPLIT).items}
    for file in (whole / "session3").rglob("*.avi"):
        file.unlink()
    after = {item.name: item.split for item in read(whole, EMOTION, SPLIT).items}
    assert len(after) == 40
    assert after.items() < before.items()


def test_attributes_are_scaled_and_arousal_turned_to_active(whole):
    found = read(whole, ATTRIBUTE, SPLIT)
    assert found.task.outputs == ATTRIBUTES == ("valence", "arousal", "dominance")
    assert (found.task.kind, found.task.level, found.task.low) == ("regression", "sequence", -1)
    assert len(found.items) == 50  # O and X have attributes too
    row = found.items[0].labels
    assert list(row.columns) == [*ATTRIBUTES, "time"]
    np.testing.assert_allclose(row[list(ATTRIBUTES)], [[0.05, 0.75, -0.1]])
    assert all(row[column].dtype == "float64" for column in row)
    assert any("it is turned round" in note for note in found.notes)


def test_arousal_that_is_active_already_stays(corpus):
    root = corpus([entry("S01A-F01-P-FM01", "A", a="5.0"), entry("S01S-M01-P-FM01", "S", a="1.0")])
    found = read(root, ATTRIBUTE, SPLIT)
    assert [item.labels["arousal"].item() for item in found.items] == [1, -1]
    assert not any("turned" in note for note in found.notes)


def test_the_scale_does_not_hang_on_which_videos_are_there(corpus):
    angry, sad = entry("S01A-F01-P-FM01", "A", a="1.0"), entry("S01S-M01-P-FM01", "S", a="5.0")
    found = read(corpus([angry, sad], without=["S01A-F01-P-FM01"]), ATTRIBUTE, SPLIT)
    assert [item.labels["arousal"].item() for item in found.items] == [-1]


def test_ends_of_the_scale(corpus):
    root = corpus([entry("S01A-F01-P-FM01", v="1.0", d="5"), entry("S01A-F01-P-FM02", v="5")])
    low, high = read(root, ATTRIBUTE, SPLIT).items
    assert (low.labels["valence"].item(), high.labels["valence"].item()) == (-1, 1)
    assert low.labels["dominance"].item() == 1


@pytest.mark.parametrize("value", ["NaN", "0.5", "5.1"])
def test_clips_without_an_attribute_are_left_out_and_counted(corpus, value):
    root = corpus([entry("S01A-F01-P-FM01", d=value), entry("S01A-M01-P-FM02")])
    found = read(root, ATTRIBUTE, SPLIT)
    assert [item.speaker for item in found.items] == ["M01"]
    assert "1 clips without valence, arousal or dominance from 1 to 5 are left out" in found.notes
    assert len(read(root, EMOTION, SPLIT).items) == 2


def test_clips_without_video_are_left_out_and_counted(corpus):
    gone = "S01A-F01-P-FM01"
    root = corpus([entry(gone), entry("S01A-M01-P-FM02")], without=[gone])
    found = read(root, EMOTION, SPLIT)
    assert [item.speaker for item in found.items] == ["M01"]
    assert f"1 clips have no video and are left out: MSP-IMPROV-{gone}" in found.notes


def test_an_unknown_layout_says_what_was_looked_for(corpus, tmp_path):
    with pytest.raises(InputError, match=r"no Evaluation.txt: there is no file .*nowhere"):
        read(tmp_path / "nowhere", EMOTION, SPLIT)
    name = "S01A-F01-P-FM01"
    root = corpus([entry(name)], without=[name])
    with pytest.raises(InputError, match=rf"looked for .*session1/S01A/P/MSP-IMPROV-{name}\.avi"):
        read(root, EMOTION, SPLIT)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (line_of("S01A-F01-P-FM01", "Q"), "line 5 is neither"),
        (line_of("S01A-F01-P-FM01", v="good"), "line 5 is neither"),
        (line_of("S01A-F01-Q-FM01"), "line 5 is neither"),
        (line_of("../S01A-F01-P-FM01"), "line 5 is neither"),
        (line_of("S01A-F01-P-../FM01"), "line 5 is neither"),
        ("UTD-IMPROV-S01A-F01-P-FM01.avi; A;\n", "line 5 is neither"),
        ("something else\n", "line 5 is neither"),
        (line_of("S01A-M01-P-FM02"), "line 5 repeats clip MSP-IMPROV-S01A-M01-P-FM02"),
    ],
)
def test_malformed_lines_are_named(corpus, text, message):
    root = corpus([entry("S01A-M01-P-FM02")])
    with (root / "Evaluation.txt").open("a") as file:
        file.write(text)
    with pytest.raises(InputError, match=message):
        read(root, EMOTION, SPLIT)


def test_a_file_without_clips_or_too_large_is_refused(corpus, monkeypatch):
    root = corpus([RATERS])
    with pytest.raises(InputError, match="has no line of a clip"):
        read(root, EMOTION, SPLIT)
    monkeypatch.setattr(msp_improv, "MOST_BYTES", 10)
    with pytest.raises(InputError, match="is larger than"):
        read(root, EMOTION, SPLIT)


def test_links_that_lead_outside_are_refused(corpus):
    root = corpus([entry("S01A-M01-P-FM02")])
    clip = root / "session1/S01A/P/MSP-IMPROV-S01A-M01-P-FM02.avi"
    clip.rename(root.parent / "elsewhere.avi")
    clip.symlink_to(root.parent / "elsewhere.avi")
    with pytest.raises(InputError, match="leads outside the corpus"):
        read(root, EMOTION, SPLIT)
