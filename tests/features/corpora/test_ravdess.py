from collections import Counter

import pytest
from pydantic import ValidationError

from features.corpora import ravdess
from features.corpora.item import SPLITS, Work
from features.corpora.ravdess import ACTORS, CLASSES, fold_splits
from features.corpora.settings import RavdessSettings, SplitSettings
from features.errors import InputError


def read(root, settings):
    return ravdess.read(root, settings, SplitSettings(), Work())


def names_of(actor, modality="01", channel="01"):
    """The 60 clips of an actor; neutral (01) has no strong intensity (02)."""
    return [
        f"{modality}-{channel}-{emotion:02d}-{intensity:02d}-{statement:02d}-{repetition:02d}"
        f"-{actor:02d}"
        for emotion in range(1, 9)
        for intensity in (1, 2)
        for statement in (1, 2)
        for repetition in (1, 2)
        if (emotion, intensity) != (1, 2)
    ]


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


@pytest.fixture
def root(tmp_path):
    """All actors, half of them as the archives unpack, with files that are not to be read."""
    root = tmp_path / "ravdess"
    for actor in range(1, ACTORS + 1):
        folder = root / f"Actor_{actor:02d}"
        if actor % 2:
            folder = root / f"Video_Speech_Actor_{actor:02d}" / folder.name
        for name in names_of(actor):
            touch(folder / f"{name}.mp4")
        touch(folder / f"02{names_of(actor)[0][2:]}.mp4")  # without sound
        touch(folder / f"03{names_of(actor)[0][2:]}.wav")  # without picture
        touch(folder / f"01-02{names_of(actor)[0][5:]}.mp4")  # song
        touch(folder / f"._{names_of(actor)[0]}.mp4")  # as macOS leaves them
    touch(root / "README.txt")
    return root


def test_all_clips_of_8_classes(root):
    corpus = read(root, RavdessSettings())
    assert len(corpus.items) == 24 * 60
    assert corpus.task.kind == "classification"
    assert corpus.task.level == "sequence"
    assert corpus.task.outputs == CLASSES
    names = [item.name for item in corpus.items]
    assert names == sorted(names)
    assert len(set(names)) == len(names)
    assert corpus.notes == (
        "fold 0 of 5 over actors",
        "96 files are not audio-visual clips of speech and are left out",
    )
    counts = Counter(item.labels[list(CLASSES)].iloc[0].idxmax() for item in corpus.items)
    assert counts == {name: 24 * (4 if name == "neutral" else 8) for name in CLASSES}


def test_codes_of_a_name(root):
    items = {item.name: item for item in read(root, RavdessSettings()).items}
    item = items["01-01-06-01-02-01-12"]
    assert item.path == root / "Actor_12/01-01-06-01-02-01-12.mp4"
    assert (item.speaker, item.split) == ("12", "train")
    row = item.labels.iloc[0]
    assert row["time"] != row["time"]
    assert row["fear"] == 1
    assert row[list(CLASSES)].sum() == 1
    assert items["01-01-08-02-01-02-03"].labels["surprise"].item() == 1


def test_7_classes_have_no_neutral(root):
    corpus = read(root, RavdessSettings(classes=7))
    assert corpus.task.outputs == CLASSES[1:]
    assert len(corpus.items) == 24 * 56
    assert "96 clips are neutral, not one of the 7 classes" in corpus.notes
    assert all(item.labels[list(CLASSES[1:])].iloc[0].sum() == 1 for item in corpus.items)


def test_folds_are_those_of_the_paper_s_code():
    tested = []
    for fold in range(5):
        split_of = fold_splits(fold)
        assert sorted(split_of) == list(range(1, 25))
        assert Counter(split_of.values()) == {"train": 16, "validation": 4, "test": 4}
        for part in SPLITS:  # odd actors are men
            actors = [actor for actor, split in split_of.items() if split == part]
            assert sum(actor % 2 for actor in actors) == len(actors) / 2
        tested += [actor for actor, split in split_of.items() if split == "test"]
    assert tested == list(range(1, 21))
    validated = [actor for actor, split in fold_splits(4).items() if split == "validation"]
    assert validated == [21, 22, 23, 24]


@pytest.mark.parametrize("fold", range(5))
def test_no_speaker_is_in_two_splits(root, fold):
    splits = {}
    for item in read(root, RavdessSettings(fold=fold)).items:
        assert splits.setdefault(item.speaker, item.split) == item.split
    assert Counter(splits.values()) == {"train": 16, "validation": 4, "test": 4}


def test_missing_clips_are_named_by_actor(root):
    (root / "Actor_02" / f"{names_of(2)[0]}.mp4").unlink()
    for name in names_of(4):
        (root / "Actor_04" / f"{name}.mp4").unlink()
    notes = read(root, RavdessSettings()).notes
    assert notes[-2:] == ("actor 02 has 59 of 60 clips", "actor 04 has 0 of 60 clips")


def test_an_unknown_layout_says_what_was_looked_for(tmp_path):
    touch(tmp_path / "Actor_01" / "clip.mp4")
    message = r"looked for 01-01-….mp4 in Actor_\[0-9\]\[0-9\] and Video_Speech_Actor"
    with pytest.raises(InputError, match=message):
        read(tmp_path, RavdessSettings())


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("Actor_02/01-01-01-01-01-01-01.mp4", "is of actor 01 by its name"),
        ("Actor_01/01-01-01-01-01-01-01.mp4", r"01-01-01-01-01-01-01\.mp4 too"),
        ("Actor_02/01-01-09-01-01-01-02.mp4", "does not have the name of a clip"),
        ("Actor_02/01-01-01-03-01-01-02.mp4", "does not have the name of a clip"),
        ("Actor_25/01-01-01-01-01-01-25.mp4", "does not have the name of a clip"),
        ("Actor_02/01-01-01-01-01-01-02 (1).mp4", "does not have the name of a clip"),
    ],
)
def test_clips_out_of_place_are_refused(root, file, message):
    touch(root / file)
    with pytest.raises(InputError, match=message):
        read(root, RavdessSettings())


def test_links_that_lead_outside_are_refused(root):
    clip = root / "Actor_02" / f"{names_of(2)[0]}.mp4"
    clip.unlink()
    clip.symlink_to(touch(root.parent / "elsewhere.mp4"))
    with pytest.raises(InputError, match="leads outside the corpus"):
        read(root, RavdessSettings())


@pytest.mark.parametrize("settings", [{"fold": 5}, {"fold": -1}, {"classes": 6}])
def test_settings_out_of_range(settings):
    with pytest.raises(ValidationError):
        RavdessSettings(**settings)
