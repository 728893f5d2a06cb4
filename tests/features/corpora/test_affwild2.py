import numpy as np
import pytest

from features.corpora import affwild2
from features.corpora.challenge import write_predictions
from features.corpora.item import Work
from features.corpora.labels import frame_labels
from features.corpora.settings import AffWild2Settings, SplitSettings
from features.corpora.tracks import EXPRESSIONS
from features.errors import InputError
from features.task import AFFECT


def read(root, settings):
    return affwild2.read(root, settings, SplitSettings(), Work())


DETECT = AffWild2Settings()
ALIGNED = AffWild2Settings(crops="aligned")
LABELS = "valence,arousal\n0.1,0.2\n-5,-5\n0.3,-0.4\n"

LAYOUTS = {
    "2020": ("annotations/VA_Set/Training_Set", "annotations/VA_Set/Validation_Set"),
    "2021": ("annotations/VA_Set/Train_Set", "annotations/VA_Set/Validation_Set"),
    "2022": ("VA_Estimation_Challenge/Train_Set", "VA_Estimation_Challenge/Validation_Set"),
    "2023": (
        "5th ABAW Annotations/VA_Estimation_Challenge/Train_Set",
        "5th ABAW Annotations/VA_Estimation_Challenge/Validation_Set",
    ),
}


@pytest.fixture
def corpus(tmp_path):
    """Make the tree of an unpacked corpus."""
    root = tmp_path / "aff-wild2"

    def make(train=("a",), validation=("b",), videos=("a.mp4", "b.avi"), layout="2022"):
        for folder, names in zip(LAYOUTS[layout], (train, validation), strict=True):
            for name in names:
                write(root / folder / f"{name}.txt", LABELS)
        for number, video in enumerate(videos):
            write(root / f"batch{number % 2 + 1}" / video, "")
        return root

    return make


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def by_name(found):
    return {item.name: item for item in found.items}


# ------------------------------------------------------------------ layouts


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(corpus, layout):
    names = ["4-30-1920x1080", "28-30-1280x720-1", "video7"]
    videos = [*(f"{name}.mp4" for name in names), "105.avi", "unused.mp4"]
    root = corpus(names, ["105"], videos, layout)
    write(root / "batch1/.4-30-1920x1080.mp4", "left by a Mac")
    write(root / LAYOUTS[layout][0] / "._video7.txt", "left by a Mac")
    write(root / "batch1/readme.txt", "")
    found = read(root, DETECT)
    assert found.task == AFFECT
    assert [item.name for item in found.items] == sorted([*names, "105"])
    items = by_name(found)
    assert {name: item.split for name, item in items.items()} == {
        **dict.fromkeys(names, "train"),
        "105": "validation",
    }
    assert items["4-30-1920x1080"].path == root / "batch1/4-30-1920x1080.mp4"
    assert items["105"].path == root / "batch2/105.avi"
    assert all(item.side == "" and item.crops is None for item in found.items)
    assert "1 videos are in none of the sets read and are left out" in found.notes


def test_labels_are_kept_as_they_are_and_5_counts_nowhere(corpus):
    found = read(corpus(), DETECT)
    labels = by_name(found)["a"].labels
    assert labels[["valence", "arousal"]].to_numpy().tolist() == [[0.1, 0.2], [-5, -5], [0.3, -0.4]]
    assert labels["time"].isna().all()
    assert found.notes[0].startswith("2 of 6 labels are outside [−1, 1]")
    _, valid = frame_labels(labels, np.arange(5) / 30, AFFECT)  # two frames more than labels
    assert valid.tolist() == [True, False, True, False, False]
    assert "a row per frame" in found.notes[1]


EXPR = AffWild2Settings(track="expr")
HEAD = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other\n"


def expressions(root, text=f"{HEAD}4\n-1\n0\n"):
    """Annotations of the expression challenge beside those of valence and arousal."""
    for folder, name in (("Train_Set", "a"), ("Validation_Set", "b")):
        write(root / "EXPR_Classification_Challenge" / folder / f"{name}.txt", text)
    return root


def test_expressions_have_a_class_a_frame_and_1_less_than_0_is_none(corpus):
    found = read(expressions(corpus()), EXPR)
    assert found.task == EXPRESSIONS
    assert found.task.targets == ("class",)
    values, valid = frame_labels(by_name(found)["a"].labels, np.arange(4) / 30, found.task)
    assert valid.tolist() == [True, False, True, False]
    assert values[valid].argmax(axis=1).tolist() == [4, 0]
    assert values.sum(axis=1).tolist() == [1, 0, 1, 0]
    assert found.notes[0].startswith("2 of 6 labels are −1, not labelled")
    assert read(expressions(corpus()), DETECT).task == AFFECT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD}4\n8\n", r"a\.txt line 3 is '8', no number of a class"),
        (f"{HEAD}4\n\n1\n", r"a\.txt line 3 is '', no number of a class"),
        ("Neutral,Anger\n0\n", r"a\.txt line 1 names the classes neutral, anger, expected neutral"),
        ("", r"a\.txt line 1 names the classes"),
    ],
)
def test_malformed_expressions_name_file_and_line(corpus, text, message):
    with pytest.raises(InputError, match=message):
        read(expressions(corpus(), text), EXPR)


def test_a_missing_track_says_what_was_looked_for(corpus):
    with pytest.raises(InputError, match=r"of expressions \(looked for EXPR_Classification_Ch"):
        read(corpus(), EXPR)


def test_unknown_layouts_say_what_was_looked_for(corpus, tmp_path):
    with pytest.raises(InputError, match=r"nowhere is not a folder"):
        read(tmp_path / "nowhere", DETECT)
    with pytest.raises(InputError, match=r"looked for VA_Estimation_Challenge/ or VA_Set/"):
        read(tmp_path, DETECT)
    root = corpus(videos=())
    with pytest.raises(InputError, match=r"no video of its 2 subjects \(looked for their names"):
        read(root, DETECT)
    (root / "VA_Estimation_Challenge/Validation_Set/b.txt").unlink()
    with pytest.raises(InputError, match=r"has no \.txt in Validation_Set/"):
        read(root, DETECT)
    (root / "VA_Estimation_Challenge/Train_Set/a.txt").unlink()
    with pytest.raises(InputError, match=r"has no \.txt in Train_Set/ or Training_Set/"):
        read(root, DETECT)


def test_two_layouts_at_once_are_refused(corpus):
    corpus(layout="2020")
    with pytest.raises(InputError, match=r"Challenge and .*VA_Set both have annotations"):
        read(corpus(layout="2022"), DETECT)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.1,0.2\n0.3,0.4\n", r"a\.txt has no column valence"),
        ("valence,arousal\n0.1,0.2\n0.3\n", r"a\.txt row 3 column arousal is ''"),
        ("valence,arousal\n0.1,0.2\nnan,1\n", r"a\.txt row 3 column valence is 'nan'"),
    ],
)
def test_malformed_labels_name_file_row_and_column(corpus, text, message):
    root = corpus()
    write(root / "VA_Estimation_Challenge/Train_Set/a.txt", text)
    with pytest.raises(InputError, match=message):
        read(root, DETECT)


# ------------------------------------------------------------------ subjects and speakers


def test_two_subjects_of_a_video_share_it_and_their_speaker(corpus):
    pair = ["30-30-1920x1080_left", "30-30-1920x1080_right"]
    root = corpus(pair, ["b"], ["30-30-1920x1080.mp4", "b.mp4"])
    left, right, _ = read(root, DETECT).items
    assert (left.name, left.side) == (pair[0], "left")
    assert (right.name, right.side) == (pair[1], "right")
    assert left.path == right.path == root / "batch1/30-30-1920x1080.mp4"
    assert left.speaker == right.speaker == "30-30-1920x1080"


@pytest.mark.parametrize(("given", "inferred"), [("left", "right"), ("right", "left")])
def test_a_name_without_a_side_beside_one_with_is_the_other(corpus, given, inferred):
    found = read(corpus(["video2", f"video2_{given}"], ["b"], ["video2.mp4", "b.mp4"]), DETECT)
    items = by_name(found)
    assert items["video2"].side == inferred
    assert items[f"video2_{given}"].side == given
    assert items["b"].side == ""
    assert found.notes[-1] == (
        "1 names have no side, but share their video with one that has and are taken for the "
        "other: video2"
    )


def test_a_name_beside_both_sides_is_the_main_face(corpus):
    root = corpus(["a", "a_left", "a_right"])
    assert [item.side for item in read(root, DETECT).items] == ["", "left", "right", ""]


def test_a_video_of_its_own_is_no_side(corpus):
    items = by_name(read(corpus(["a_left"], ["b"], ["a_left.mp4", "a.mp4", "b.mp4"]), DETECT))
    assert items["a_left"].path.name == "a_left.mp4"
    assert items["a_left"].side == ""


def test_a_video_in_both_sets_is_not_trained_on(corpus):
    found = read(corpus(["a", "b_left"], ["b_right"]), DETECT)
    assert [item.name for item in found.items] == ["a", "b_right"]
    assert found.excluded == {
        "b_left": "in the train set, but shares its video with a subject in the validation set"
    }


def test_a_video_in_the_validation_set_is_not_tested_on(corpus):
    root = corpus(["a", "c_left"], ["b_left"], ["a.mp4", "b.mp4", "c.mp4"])
    write(root / "test.txt", "b_right\nc_right\n")
    found = read(root, AffWild2Settings(test_list="test.txt"))
    assert {item.name: item.split for item in found.items} == {
        "a": "train",
        "b_left": "validation",
        "c_right": "test",
    }
    assert found.excluded == {
        "b_right": "in the test set, but shares its video with a subject in the validation set",
        "c_left": "in the train set, but shares its video with a subject in the test set",
    }


def test_a_test_list_of_absurd_size_is_refused(corpus):
    root = corpus()
    write(root / "test.txt", "c\n" * 2**20)
    with pytest.raises(InputError, match="larger than any list of videos"):
        read(root, AffWild2Settings(test_list="test.txt"))


def test_videos_cut_from_one_upload_are_one_speaker_within_a_set(corpus):
    train = ["video45_1", "video45_2", "5-60-1920x1080-1", "5-60-1920x1080-2", "122", "video10_1"]
    validation = ["5-60-1920x1080-3", "122-60-1920x1080-1"]
    root = corpus(train, validation, [f"{name}.mp4" for name in train + validation])
    items = read(root, DETECT).items
    assert {item.name: item.speaker for item in items} == {
        "video45_1": "video45",
        "video45_2": "video45",
        "video10_1": "video10",
        "5-60-1920x1080-1": "5-60-1920x1080_train",
        "5-60-1920x1080-2": "5-60-1920x1080_train",
        "5-60-1920x1080-3": "5-60-1920x1080_validation",
        "122": "122",
        "122-60-1920x1080-1": "122-60-1920x1080",
    }
    split_of = {}
    for item in items:
        assert split_of.setdefault(item.speaker, item.split) == item.split


def test_subjects_without_a_video_are_named_and_left_out(corpus):
    found = read(corpus(["a", "c", "d_left"]), DETECT)
    assert [item.name for item in found.items] == ["a", "b"]
    assert "2 subjects have no video and are left out: c, d_left" in found.notes


def test_a_name_in_both_sets_is_refused(corpus):
    with pytest.raises(InputError, match=r"Validation_Set/a\.txt is also in .*Train_Set/a\.txt"):
        read(corpus(["a"], ["a", "b"]), DETECT)


def test_a_video_that_is_there_twice_is_refused(corpus):
    with pytest.raises(InputError, match=r"batch2/a\.avi is also in .*batch1/a\.mp4"):
        read(corpus(videos=["a.mp4", "a.avi", "b.mp4"]), DETECT)


# ------------------------------------------------------------------ the test set


def test_the_test_set_has_no_labels(corpus):
    root = corpus(["a"], ["b"], ["a.mp4", "b.mp4", "c.mp4", "d.mp4"])
    write(root / "lists/test.txt", "\ufeffc_left\r\nc_right\r\nb\r\n\r\nmissing\r\n")
    found = read(root, AffWild2Settings(test_list="lists/test.txt"))
    items = by_name(found)
    assert list(items) == ["a", "b", "c_left", "c_right"]
    assert (items["c_left"].split, items["c_left"].labels) == ("test", None)
    assert (items["c_left"].side, items["c_right"].side) == ("left", "right")
    assert items["b"].split == "validation"  # labels win over the list
    assert "1 subjects have no video and are left out: missing" in found.notes
    assert [item.name for item in read(root, DETECT).items] == ["a", "b"]


@pytest.mark.parametrize("line", ["../a", "a b", "/etc/passwd", "a/00001.jpg"])
def test_a_malformed_test_list_names_the_line(corpus, line):
    root = corpus()
    write(root / "test.txt", f"a\n{line}\n")
    with pytest.raises(InputError, match=r"test\.txt line 2: .* is not a name of Aff-Wild2"):
        read(root, AffWild2Settings(test_list="test.txt"))


def test_a_test_list_outside_is_refused(corpus):
    root = corpus()
    write(root.parent / "test.txt", "a\n")
    with pytest.raises(InputError, match="leads outside the corpus"):
        read(root, AffWild2Settings(test_list="../test.txt"))


# ------------------------------------------------------------------ aligned crops


def test_aligned_crops(corpus):
    root = corpus(["a", "c"], ["b_left", "b_right"], ["a.mp4", "b.mp4", "c.mp4"])
    for name in ("a", "b_left", "b_right"):
        write(root / f"cropped_aligned/{name}/00001.jpg", "")
    found = read(root, ALIGNED)
    assert [item.name for item in found.items] == ["a", "b_left", "b_right"]
    assert all(i.crops == root / "cropped_aligned" / i.name for i in found.items)
    assert found.excluded == {"c": "there is no folder cropped_aligned/c"}
    assert all(item.crops is None for item in read(root, DETECT).items)


def test_aligned_crops_that_are_missing_or_outside(corpus):
    root = corpus()
    with pytest.raises(InputError, match="has no cropped_aligned/"):
        read(root, ALIGNED)
    (root / "cropped_aligned").mkdir()
    with pytest.raises(InputError, match="has a folder for none of the 2 subjects"):
        read(root, ALIGNED)
    (root / "cropped_aligned/a").symlink_to(root.parent)
    with pytest.raises(InputError, match="cropped_aligned/a leads outside the corpus"):
        read(root, ALIGNED)


# ------------------------------------------------------------------ hostile trees


def test_links_that_lead_outside_are_refused(corpus):
    root = corpus(videos=["b.mp4"])
    write(root.parent / "out.mp4", "")
    (root / "batch1/a.mp4").symlink_to(root.parent / "out.mp4")
    with pytest.raises(InputError, match=r"video of a: .*a\.mp4 leads outside the corpus"):
        read(root, DETECT)
    (root / "batch1/a.mp4").unlink()
    write(root.parent / "out.txt", LABELS)
    (root / "VA_Estimation_Challenge/Train_Set/c.txt").symlink_to(root.parent / "out.txt")
    with pytest.raises(InputError, match=r"c\.txt leads outside the corpus"):
        read(root, DETECT)


def test_names_that_no_store_takes_are_refused(corpus):
    with pytest.raises(InputError, match="'a b' is not a name of Aff-Wild2"):
        read(corpus(["a b"]), DETECT)


# ------------------------------------------------------------------ predictions


def test_predictions_in_the_format_of_the_challenge():
    predictions = {"b_left": np.array([[0.5, -0.25], [1, -1]]), "a": np.array([[1 / 3, 0]])}
    assert write_predictions(predictions) == (
        "image_location,valence,arousal\n"
        "b_left/00001.jpg,0.500000,-0.250000\n"
        "b_left/00002.jpg,1.000000,-1.000000\n"
        "a/00001.jpg,0.333333,0.000000\n"
    )


def test_predicted_expressions_are_numbers_of_the_likeliest():
    logits = {"a": np.eye(8)[[0, 7]] - 3.0, "b": np.eye(8)[[4]]}
    assert write_predictions(logits, task=EXPRESSIONS) == (
        "image_location,Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other\n"
        "a/00001.jpg,0\na/00002.jpg,7\nb/00001.jpg,4\n"
    )


def test_predictions_for_the_frames_that_are_wanted():
    predictions = {"a": np.array([[0.1, 0], [0.2, 0], [0.3, 0]]), "b": np.zeros((2, 2))}
    wanted = ["a/00003.jpg", "a/00001.jpg", "a/00005.jpg"]
    rows = write_predictions(predictions, wanted).splitlines()[1:]
    assert rows == [
        "a/00003.jpg,0.300000,0.000000",
        "a/00001.jpg,0.100000,0.000000",
        "a/00005.jpg,0.300000,0.000000",  # the last that there is
    ]


@pytest.mark.parametrize("location", ["c/00001.jpg", "a/00000.jpg", "a/1.jpg", "a", "a/00001.png"])
def test_wanted_frames_that_are_not_predicted(location):
    with pytest.raises(InputError, match="is of no item predicted"):
        write_predictions({"a": np.zeros((3, 2))}, [location])


@pytest.mark.parametrize("values", [np.zeros((0, 2)), np.array([[0, np.nan]])])
def test_predictions_that_are_none(values):
    with pytest.raises(ValueError, match="predictions of a are empty or not finite"):
        write_predictions({"a": values})
