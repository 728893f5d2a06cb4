import os
import pickle

import h5py
import numpy as np
import pytest

from features.corpora import cmu_mosei, csd
from features.corpora.item import Work
from features.corpora.settings import CmuMoseiSettings, SplitSettings
from features.errors import InputError


def read(root, settings, split):
    return cmu_mosei.read(root, settings, split, Work())


SPLIT = SplitSettings()
UNALIGNED, ALIGNED = CmuMoseiSettings(), CmuMoseiSettings(source="aligned")
CSD = CmuMoseiSettings(source="csd")
AUDIO, VIDEO, PADDED = 4, 3, 12
MOSEI, MOSI = "mosei_senti_data", "mosi_data"


def padded(rows):
    """Rows as the pickles have them: zeros first, to the same length."""
    rows = np.asarray(rows, float)
    return np.concatenate((np.zeros((PADDED - len(rows), rows.shape[1])), rows))


def section(*sentences):
    """A section of (video, start, end, sentiment, sound, picture)."""
    videos, starts, ends, sentiments, audio, video = zip(*sentences, strict=True)
    ids = np.array([[v, str(s), str(e)] for v, s, e in zip(videos, starts, ends, strict=True)])
    return {
        "audio": np.stack([padded(rows) for rows in audio]),
        "vision": np.stack([padded(rows) for rows in video]),
        "text": np.zeros((len(ids), PADDED, 2)),
        "labels": np.array(sentiments, np.float32).reshape(-1, 1, 1),
        "id": ids,
    }


def rows(count, width, first=1.0):
    """Rows that tell which they are: row i is first + i throughout."""
    return np.repeat(first + np.arange(count, dtype=float), width).reshape(count, width)


def ordinary(video, start=0.0, sentiment=1.0, frames=4):
    return (video, start, start + 2, sentiment, rows(frames, AUDIO), rows(frames, VIDEO))


@pytest.fixture
def mosei(tmp_path):
    """Write a pickle of sections; valid and test are filled up."""
    numbers = iter(range(99))

    def make(*train, settings=UNALIGNED, valid=(), test=(), change=lambda _: None, stem=MOSEI):
        root = tmp_path / f"mosei-{next(numbers)}"  # sources are kept by their path
        root.mkdir()
        tree = {
            "train": section(*(train or [ordinary("a")])),
            "valid": section(*(valid or [ordinary("b")])),
            "test": section(*(test or [ordinary("__c-")])),
        }
        change(tree)
        aligned = settings.source == "aligned"
        (root / f"{stem}{'' if aligned else '_noalign'}.pkl").write_bytes(pickle.dumps(tree, 4))
        return root

    return make


def given(corpus, name, visual="facet"):
    """The picture's and the sound's stream of a sentence."""
    streams = corpus.features(name)
    assert {stream: corpus.gives[stream] for stream in streams} == {
        visual: "video",
        "covarep": "audio",
    }
    return streams[visual], streams["covarep"]


@pytest.mark.parametrize("settings", [UNALIGNED, ALIGNED])
def test_sentences_of_the_official_split(mosei, settings):
    root = mosei(ordinary("a", start=5, sentiment=-2.5), ordinary("a", start=1), settings=settings)
    corpus = read(root, settings, SPLIT)
    task = corpus.task
    assert (task.kind, task.level, task.low, task.high) == ("sentiment", "sequence", -3, 3)
    assert task.outputs == ("sentiment",)
    assert corpus.normalise_video
    found = {i.name: (i.speaker, i.split, i.labels["sentiment"].item()) for i in corpus.items}
    assert list(found) == sorted(found)
    assert found == {
        "mosei-a-000": ("a", "train", 1),
        "mosei-a-001": ("a", "train", -2.5),
        "mosei-b-000": ("b", "validation", 1),
        "mosei-__c--000": ("__c-", "test", 1),
    }
    assert all(item.path is None and np.isnan(item.labels["time"].item()) for item in corpus.items)


@pytest.mark.parametrize("settings", [UNALIGNED, ALIGNED])
def test_mosi_is_read_as_mosei(mosei, settings):
    def as_bytes(tree):
        for arrays in tree.values():
            arrays["id"] = arrays["id"].astype("S")

    audio, video = rows(4, 5), rows(4, 20)
    parts = {
        name: [(letter, 1, 3, -2.5, audio, video)]
        for name, letter in (("valid", "b"), ("test", "c"))
    }
    first = ("a", 1, 3, 1.5, audio, video)
    root = mosei(first, **parts, settings=settings, change=as_bytes, stem=MOSI)
    corpus = read(root, settings, SPLIT)
    assert [(i.name, i.split) for i in corpus.items] == [
        ("mosi-a-000", "train"),
        ("mosi-b-000", "validation"),
        ("mosi-c-000", "test"),
    ]
    picture, sound = given(corpus, "mosi-a-000")
    np.testing.assert_array_equal(sound.rows, audio)
    np.testing.assert_array_equal(picture.rows, video)
    name = "mosei_senti_data" + ("" if settings is ALIGNED else "_noalign")
    (root / f"{name}.pkl").write_bytes(b"")
    with pytest.raises(InputError, match=r"has mosei_\S+ and mosi_\S+"):
        read(root, settings, SPLIT)


def test_padding_is_cut_off_where_sound_and_picture_share_rows(mosei):
    audio, video = rows(6, AUDIO), rows(6, VIDEO)
    audio[:2], audio[4], video[3:] = 0, 0, 0  # the first word starts with the picture alone
    root = mosei(("a", 3, 9, 0, audio, video), settings=ALIGNED)
    picture, sound = given(read(root, ALIGNED, SPLIT), "mosei-a-000")
    np.testing.assert_array_equal(sound.rows, audio)
    np.testing.assert_array_equal(picture.rows, video)
    assert sound.present.tolist() == [False, False, True, True, False, True]
    assert picture.present.tolist() == [True, True, True, False, False, False]
    np.testing.assert_allclose(sound.times, [0, 1, 2, 3, 4, 5])
    types = {array.dtype.name for array in (sound.rows, picture.rows)}
    assert types == {"float32"}


def test_padding_at_the_end_is_cut_off_too(mosei):
    def turn(tree):
        for key in ("audio", "vision"):
            tree["train"][key] = tree["train"][key][:, ::-1]

    for settings in (UNALIGNED, ALIGNED):
        root = mosei(ordinary("a", frames=5), settings=settings, change=turn)
        for stream in given(read(root, settings, SPLIT), "mosei-a-000"):
            assert len(stream.times) == 5


def test_the_shorter_modality_is_stretched_where_rates_differ(mosei):
    root = mosei(("a", 0, 4, 0, rows(8, AUDIO), rows(4, VIDEO)))
    picture, sound = given(read(root, UNALIGNED, SPLIT), "mosei-a-000")
    assert sound.rows[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert picture.rows[:, 0].tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    assert sound.present.all()
    assert picture.present.all()
    np.testing.assert_allclose(sound.times, np.arange(8) / 2)


def test_a_modality_that_is_not_there_at_all(mosei):
    root = mosei(("a", 0, 4, 0, rows(0, AUDIO), rows(4, VIDEO)))
    picture, sound = given(read(root, UNALIGNED, SPLIT), "mosei-a-000")
    assert sound.rows.shape == (4, AUDIO)
    assert not sound.rows.any()
    assert not sound.present.any()
    assert picture.present.all()


@pytest.mark.parametrize("settings", [UNALIGNED, ALIGNED])
def test_what_is_not_finite_is_zero_and_counted(mosei, settings):
    audio, video = rows(4, AUDIO), rows(4, VIDEO)
    audio[0] = -np.inf
    audio[1, :2] = np.inf, 1e300  # 1e300 is not a float32
    video[2, 0] = np.nan
    root = mosei(("a", 0, 2, 0, audio, video), settings=settings)
    corpus = read(root, settings, SPLIT)
    assert corpus.notes[-1].startswith(f"{AUDIO + 2} values of the sound and 1 of the picture")
    picture, sound = given(corpus, "mosei-a-000")
    assert sound.rows[:2].tolist() == [[0] * AUDIO, [0, 0, 2, 2]]
    assert picture.rows[2].tolist() == [0, 3, 3]
    assert sound.present.tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        (("a", 0, 2, 3.01, rows(2, AUDIO), rows(2, VIDEO)), "its sentiment is 3.0"),
        (("a", 0, 2, np.nan, rows(2, AUDIO), rows(2, VIDEO)), "its sentiment is nan"),
        (("a", 2, 2, 0, rows(2, AUDIO), rows(2, VIDEO)), "it lasts from 2.0 to 2.0 s"),
        (("a", -1, 2, 0, rows(2, AUDIO), rows(2, VIDEO)), "it lasts from -1.0"),
        (("a", 0, 1e9, 0, rows(2, AUDIO), rows(2, VIDEO)), "it lasts from 0.0 to 1000000000.0"),
        (("a", 0, "nan", 0, rows(2, AUDIO), rows(2, VIDEO)), "it lasts from 0.0 to nan"),
        (("a", 0, 2, 0, rows(0, AUDIO), rows(0, VIDEO)), "it has no frame"),
    ],
)
@pytest.mark.parametrize("settings", [UNALIGNED, ALIGNED])
def test_bad_sentences_are_excluded_with_the_reason(mosei, settings, sentence, reason):
    root = mosei(sentence, ordinary("d"), settings=settings)
    corpus = read(root, settings, SPLIT)
    assert corpus.excluded["mosei-a-000"].startswith(reason)
    assert "mosei-a-000" not in {item.name for item in corpus.items}
    assert len(corpus.items) == 3


def test_a_video_in_two_sections_stays_in_the_last(mosei):
    root = mosei(ordinary("x"), ordinary("y"), valid=[ordinary("x", start=4)], test=[ordinary("z")])
    corpus = read(root, UNALIGNED, SPLIT)
    found = {item.name: item.split for item in corpus.items}
    assert found == {"mosei-x-001": "validation", "mosei-y-000": "train", "mosei-z-000": "test"}
    assert corpus.notes[0].startswith("1 sentences are of a video that a later section has too")


def test_ids_of_bytes_and_of_objects_are_read(mosei):
    for kind in ("S20", object):

        def change(tree, kind=kind):
            tree["train"]["id"] = tree["train"]["id"].astype(kind)

        assert len(read(mosei(change=change), UNALIGNED, SPLIT).items) == 3


def change_of(part, value):
    def change(tree):
        tree["train"][part] = value(tree["train"][part])

    return change


class Call:
    def __reduce__(self):
        return os.system, ("exit",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_of("id", lambda x: x[:, :2]), "not video, start and end"),
        (change_of("id", lambda x: x[:, 0]), "id in train of .* is an array of shape"),
        (change_of("id", lambda x: np.repeat(x, 2, axis=0)), "audio in train .* for 2 sentences"),
        (change_of("id", lambda x: np.char.add("../", x)), "not video, start and end"),
        (change_of("id", lambda _: np.array([["../a", "0", "1"]])), r"has a video '\.\./a'"),
        (change_of("id", lambda _: np.array([["", "0", "1"]])), "has a video ''"),
        (change_of("audio", lambda x: x[0]), "audio in train of .* is an array of shape"),
        (change_of("audio", lambda x: x.astype(str)), "audio in train of .* is an array"),
        (change_of("vision", lambda x: x[..., :1]), "the sections of .* differ in features"),
        (change_of("labels", lambda x: x.astype(object)), "labels in train of .* of object"),
        (change_of("labels", lambda _: np.array(1.0)), r"labels in train of .* shape \(\)"),
        (change_of("labels", lambda x: x[:, :0]), r"labels in train of .* shape \(1, 0, 1\)"),
        (change_of("id", lambda _: np.array("a")), r"train of .* shape"),
        (change_of("audio", lambda x: x[..., :0]), r"audio in train of .* shape \(1, 12, 0\)"),
        (
            lambda tree: tree.update(valid={k: v[:0] for k, v in tree["valid"].items()}),
            "audio in valid of .* for 0 sentences",
        ),
        (change_of("text", lambda _: Call()), r"is refused: it asks for posix\.system"),
        (lambda tree: tree["test"].pop("labels"), "KeyError: 'labels'"),
        (lambda tree: tree.pop("valid"), "KeyError: 'valid'"),
    ],
)
def test_another_content_is_refused(mosei, change, message):
    with pytest.raises(InputError, match=message):
        read(mosei(change=change), UNALIGNED, SPLIT)


@pytest.mark.parametrize("settings", [UNALIGNED, ALIGNED, CSD])
def test_a_missing_file_says_what_was_looked_for(tmp_path, settings):
    with pytest.raises(InputError, match=r"has no (mosei_senti_data|CMU_MOSEI).*looked for"):
        read(tmp_path, settings, SPLIT)


def test_a_link_to_another_place_is_refused(mosei, tmp_path):
    file = mosei() / "mosei_senti_data_noalign.pkl"
    root = tmp_path / "other"
    root.mkdir()
    (root / file.name).symlink_to(file)
    with pytest.raises(InputError, match="leads outside the corpus"):
        read(root, UNALIGNED, SPLIT)


def test_identity_follows_files_and_settings(mosei):
    same = [read(mosei(ordinary("a")), UNALIGNED, SPLIT).identity for _ in range(2)]
    other = read(mosei(ordinary("a", frames=5)), UNALIGNED, SPLIT).identity
    aligned = read(mosei(ordinary("a"), settings=ALIGNED), ALIGNED, SPLIT).identity
    assert same[0] == same[1]
    assert len({same[0], other, aligned}) == 3


def test_features_can_be_asked_for_in_another_process(mosei):
    features = pickle.loads(pickle.dumps(read(mosei(), UNALIGNED, SPLIT).features))
    assert [len(stream.times) for stream in features("mosei-a-000").values()] == [4, 4]


# ------------------------------------------------------------------ files of the SDK


def write_csd(file, name, videos):
    """Videos by name: intervals and features."""
    with h5py.File(file, "w") as out:
        data = out.create_group(f"{name}/data")
        out.create_group(f"{name}/metadata")
        for video, (intervals, features) in videos.items():
            group = data.create_group(video)
            group["intervals"] = np.asarray(intervals, np.float32)
            group["features"] = np.asarray(features, np.float32)


def steps(start, end, rate, width):
    """Rows at a rate, each the number of its centre in milliseconds."""
    starts = np.arange(round(start * rate), round(end * rate)) / rate
    values = np.repeat(((starts + 0.5 / rate) * 1000)[:, None], width, axis=1)
    return np.stack((starts, starts + 1 / rate), axis=1), values


@pytest.fixture
def sdk(tmp_path):
    """Three videos; u has its sentences out of order, v no sound, w no picture."""
    sentiments = [[1.5] + [0] * 6, [-3.0] + [0] * 6]
    write_csd(
        tmp_path / "CMU_MOSEI_Labels.csd",
        "All Labels",
        {
            "u": ([[4, 6], [1, 2]], sentiments),
            "v": ([[0, 1]], sentiments[:1]),
            "w": ([[0, 1]], sentiments[1:]),
        },
    )
    write_csd(
        tmp_path / "CMU_MOSEI_COVAREP.csd",
        "COVAREP",
        {"u": steps(0, 8, 100, AUDIO), "w": steps(0, 2, 100, AUDIO)},
    )
    write_csd(
        tmp_path / "CMU_MOSEI_VisualFacet42.csd",
        "FACET 4.2",
        {"u": steps(1.5, 5, 30, VIDEO), "v": steps(0, 2, 30, VIDEO)},
    )
    write_csd(
        tmp_path / "CMU_MOSEI_VisualOpenFace2.csd", "OpenFace_2", {"u": steps(0, 9, 30, VIDEO + 4)}
    )
    return tmp_path


def test_sentences_of_csd_files(sdk):
    corpus = read(sdk, CSD, SPLIT)
    found = {item.name: item.labels["sentiment"].item() for item in corpus.items}
    assert found == {
        "mosei-u-000": -3,  # the earlier
        "mosei-u-001": 1.5,
        "mosei-v-000": 1.5,
        "mosei-w-000": -3,
    }
    assert corpus.notes[0] == "videos are dealt to the splits at random: there is no folds.csv"


def test_rows_are_aligned_by_their_intervals(sdk):
    corpus = read(sdk, CSD, SPLIT)
    early, late = given(corpus, "mosei-u-000"), given(corpus, "mosei-u-001")
    assert [len(stream.times) for stream in (*early, *late)] == [15, 15, 30, 30]
    np.testing.assert_allclose(early[0].times, np.arange(15) / 15)
    for (picture, sound), start in ((early, 1), (late, 4)):
        centres = 1000 * (start + (np.arange(len(sound.times)) + 0.5) / 15)
        assert sound.present.all()
        assert np.abs(sound.rows[:, 0] - centres).max() <= 5.001  # half a row of sound
        seen = picture.present
        assert np.abs(picture.rows[seen, 0] - centres[seen]).max() <= 17  # half a picture
        assert not picture.rows[~seen].any()
    # The picture of u runs from 1.5 to 5 s.
    assert early[0].present.tolist() == [False] * 7 + [True] * 8
    assert late[0].present.tolist() == [True] * 15 + [False] * 15


def test_a_video_without_a_modality(sdk):
    corpus = read(sdk, CSD, SPLIT)
    picture, silence = given(corpus, "mosei-v-000")
    assert silence.rows.shape == (15, AUDIO)
    assert not silence.present.any()
    assert picture.present.all()
    blank, sound = given(corpus, "mosei-w-000")
    assert blank.rows.shape == (15, VIDEO)
    assert not blank.present.any()
    assert sound.present.all()


def test_openface_instead_of_facet(sdk):
    settings = CmuMoseiSettings(source="csd", visual="openface")
    corpus = read(sdk, settings, SPLIT)
    assert given(corpus, "mosei-u-000", "openface")[0].rows.shape == (15, VIDEO + 4)
    assert corpus.excluded == {"mosei-v-000": "it has no frame of sound or picture"}
    assert corpus.identity != read(sdk, CSD, SPLIT).identity


def test_folds_come_from_a_file(sdk):
    (sdk / "folds.csv").write_text("video,split\nu,test\nw,train\n")
    corpus = read(sdk, CSD, SPLIT)
    assert {item.speaker: item.split for item in corpus.items} == {"u": "test", "w": "train"}
    assert "1 sentences are of no video in folds.csv: left out" in corpus.notes


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("video,fold\nu,test\n", "has no column split"),
        ("video,split\nu,dev\n", "row 2 has video 'u' and split 'dev'"),
        ("video,split\nu,test\nu,train\n", "row 3 has video 'u' and split 'train'"),
    ],
)
def test_malformed_folds_are_named(sdk, table, message):
    (sdk / "folds.csv").write_text(table)
    with pytest.raises(InputError, match=message):
        read(sdk, CSD, SPLIT)


@pytest.mark.parametrize("seed", range(4))
def test_no_video_is_in_two_splits(sdk, seed):
    splits = {}
    for item in read(sdk, CSD, SplitSettings(seed=seed)).items:
        assert splits.setdefault(item.speaker, item.split) == item.split


def spoil(file, change):
    with h5py.File(file, "r+") as out:
        change(out["COVAREP/data"])


def replace_features(make):
    def change(data):
        del data["u/features"]
        make(data["u"])

    return change


OUTSIDE = h5py.ExternalLink("/etc/passwd", "/")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replace_features(lambda _: None), "has no /COVAREP/data/u/features"),
        (replace_features(lambda u: u.__setitem__("features", OUTSIDE)), "features is a link"),
        (
            replace_features(lambda u: u.__setitem__("features", h5py.SoftLink("intervals"))),
            "features is a link",
        ),
        (replace_features(lambda u: u.create_group("features")), "features is not an array"),
        (
            replace_features(lambda u: u.create_dataset("features", data=["a", "b"])),
            "features is not an array of numbers",
        ),
        (
            replace_features(lambda u: u.create_dataset("features", data=np.ones((3, AUDIO)))),
            r"has shape \(3, 4\) and its intervals \(800, 2\)",
        ),
        (
            replace_features(
                lambda u: u.create_dataset("features", (2**40, 4), "f4", chunks=(100, 4))
            ),
            "claims 4398046511104 values",
        ),
        (
            replace_features(
                lambda u: u.create_dataset("features", (800, 4), "f4", external=[("x", 0, 2**20)])
            ),
            "features lies in another file",
        ),
    ],
)
def test_csd_files_that_are_damaged_or_lead_elsewhere_are_refused(sdk, change, message):
    spoil(sdk / "CMU_MOSEI_COVAREP.csd", change)
    with pytest.raises(InputError, match=message):
        read(sdk, CSD, SPLIT)


def test_labels_without_a_column_are_refused(sdk):
    with h5py.File(sdk / "CMU_MOSEI_Labels.csd", "r+") as out:
        data = next(iter(out.values()))["data"]
        video = data[next(iter(data))]
        count = len(video["features"])
        del video["features"]
        video["features"] = np.zeros((count, 0), np.float32)
    with pytest.raises(InputError, match="is not a table of numbers"):
        read(sdk, CSD, SPLIT)


def test_a_file_that_is_no_hdf5_is_refused(sdk):
    (sdk / "CMU_MOSEI_COVAREP.csd").write_bytes(b"<html>not found</html>")
    with pytest.raises(InputError, match="is not a readable HDF5 file"):
        read(sdk, CSD, SPLIT)
    with h5py.File(sdk / "CMU_MOSEI_COVAREP.csd", "w"):
        pass
    with pytest.raises(InputError, match="has 0 groups instead of one"):
        csd.ComputationalSequence(sdk / "CMU_MOSEI_COVAREP.csd")


def test_a_sequence_without_videos_is_refused(sdk):
    write_csd(sdk / "CMU_MOSEI_COVAREP.csd", "COVAREP", {})
    with pytest.raises(InputError, match="has no video"):
        read(sdk, CSD, SPLIT)
