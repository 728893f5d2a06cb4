import os
import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from features.corpora import cremad
from features.corpora.cremad import CLASSES, KNOWN_BAD, draw_ties, read_winners
from features.corpora.item import SPLITS, Work
from features.corpora.settings import CremadSettings, SplitSettings
from features.corpora.splits import draw_splits
from features.errors import InputError


def read(root, settings, split):
    return cremad.read(root, settings, split, Work())


SPLIT = SplitSettings()
VIDEO = b"FLV\x01" + bytes(2000)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 300000\n"

SUMMARY = """"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel","MultiModalVote"
"1","1001_IEO_NEU_XX","N","69.1","N","92.22","N"
"2","1001_IEO_HAP_LO","N","71.67","H","57","H"
"3","1002_IEO_FEA_HI","F:N","10:20","F","50","F:N"
"4","1003_MTI_SAD_XX","S","10","S","50","A:D:S"
"5","1004_WSI_DIS_XX","D","10","D","50","D"
"6","1005_DFA_ANG_XX","A","10","N","50","A"
"7","1076_MTI_SAD_XX","N","59.8","S","61","S"
"""

VOTES = {  # A D F H N S of the three kinds of rating
    "1001_IEO_NEU_XX": ("0,0,0,1,9,0", "0,0,0,0,9,0", "0,0,0,2,8,0"),
    "1001_IEO_HAP_LO": ("0,0,0,3,6,0", "0,0,0,9,1,0", "0,0,0,9,1,0"),
    "1002_IEO_FEA_HI": ("0,0,4,0,4,1", "0,0,9,0,0,0", "1,0,4,0,4,0"),
    "1003_MTI_SAD_XX": ("0,0,0,0,1,9", "0,0,0,0,1,9", "3,3,0,0,1,3"),
    "1004_WSI_DIS_XX": ("0,10,0,0,0,0", "0,9,0,0,0,0", "0,9,0,0,0,0"),
    "1005_DFA_ANG_XX": ("9,0,0,0,0,0", "0,0,0,0,9,0", "9,0,0,0,0,0"),
    "1076_MTI_SAD_XX": ("0,0,0,0,8,1", "0,0,0,0,1,8", "0,0,0,0,1,9"),
}
CLIPS = [*VOTES]


def tabulated():
    rows = [
        f'"{kind}{number:05d}",{counts},"{name}",10'
        for number, (name, rated) in enumerate(VOTES.items(), 1)
        for kind, counts in enumerate(rated, 1)
    ]
    return "\n".join(['"","A","D","F","H","N","S","fileName","numResponses"', *sorted(rows)])


@pytest.fixture
def corpus(tmp_path):
    """Make a clone of the repository."""
    root = tmp_path / "CREMA-D"

    def make(tables, videos=CLIPS, suffix=".flv", content=VIDEO):
        for path, text in tables.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / "VideoFlash").mkdir(parents=True, exist_ok=True)
        for name in videos:
            (root / "VideoFlash" / (name + suffix)).write_bytes(content)
        return root

    return make


SUMMARY_FILE = {"processedResults/summaryTable.csv": SUMMARY}
TABULATED_FILE = {"processedResults/tabulatedVotes.csv": tabulated()}


def classes(corpus):
    """The shares of the label of every item that are not 0."""
    return {
        item.name: {name: share for name, share in item.labels.iloc[0].items() if share > 0}
        for item in corpus.items
    }


# ------------------------------------------------------------------ labels


@pytest.mark.parametrize("tables", [SUMMARY_FILE, TABULATED_FILE, SUMMARY_FILE | TABULATED_FILE])
def test_the_plurality_of_the_votes_is_the_class(corpus, tables):
    found = read(corpus(tables), CremadSettings(), SPLIT)
    assert classes(found) == {
        "1001_IEO_NEU_XX": {"neutral": 1},
        "1001_IEO_HAP_LO": {"happiness": 1},
        "1004_WSI_DIS_XX": {"disgust": 1},
        "1005_DFA_ANG_XX": {"anger": 1},
    }
    assert (found.task.kind, found.task.level) == ("classification", "sequence")
    assert found.task.outputs == CLASSES == tuple(sorted(CLASSES))
    for item in found.items:
        assert item.labels.columns.tolist() == ["time", *CLASSES]
        assert item.labels["time"].isna().all()
    assert [item.speaker for item in found.items] == ["1001", "1001", "1004", "1005"]
    assert [item.name for item in found.items] == sorted(item.name for item in found.items)
    assert found.notes == (
        "2 clips have no plurality among the audio-visual votes: they are left out",
    )
    assert found.excluded == {"1076_MTI_SAD_XX": "has no sound"}


@pytest.mark.parametrize("tables", [SUMMARY_FILE, TABULATED_FILE])
def test_ties_as_the_intended_emotion_or_shared(corpus, tables):
    root = corpus(tables)
    split = SplitSettings(validation=0, test=0)
    intended = classes(read(root, CremadSettings(ties="intended"), split))
    assert intended["1002_IEO_FEA_HI"] == {"fear": 1}
    assert intended["1003_MTI_SAD_XX"] == {"sadness": 1}
    soft = read(root, CremadSettings(ties="soft"), split)
    assert classes(soft)["1002_IEO_FEA_HI"] == {"fear": 0.5, "neutral": 0.5}
    third = pytest.approx(1 / 3)
    assert classes(soft)["1003_MTI_SAD_XX"] == {"anger": third, "disgust": third, "sadness": third}
    assert soft.notes[0] == (
        "2 clips have no plurality among the audio-visual votes: 2 train with a label that the "
        "tied classes share, the others are left out, as in any split but train"
    )


def test_drawn_ties_have_one_of_their_classes_in_every_split(corpus):
    root = corpus(SUMMARY_FILE)
    every = [
        classes(read(root, CremadSettings(ties="drawn"), SplitSettings(test=0.4, seed=seed)))
        for seed in range(3)
    ]
    assert every[0] == every[1] == every[2]
    (first,), (second,) = every[0]["1002_IEO_FEA_HI"], every[0]["1003_MTI_SAD_XX"]
    assert first in {"fear", "neutral"}
    assert second in {"anger", "disgust", "sadness"}


@pytest.mark.parametrize("seed", range(6))
def test_ties_change_no_other_split_than_train(corpus, seed):
    root, split = corpus(SUMMARY_FILE), SplitSettings(validation=0.3, test=0.3, seed=seed)
    dropped, soft, intended = (
        read(root, CremadSettings(ties=ties), split) for ties in ("drop", "soft", "intended")
    )
    speakers = draw_splits([name[:4] for name in VOTES], split)
    tied = ("1002_IEO_FEA_HI", "1003_MTI_SAD_XX")
    train = {name for name in tied if speakers[name[:4]] == "train"}
    for found in (soft, intended):
        assert classes(found).keys() - classes(dropped).keys() == train
        assert found.notes[0].startswith(
            f"2 clips have no plurality among the audio-visual votes: {len(train)} train with "
        )


@pytest.mark.parametrize("tables", [SUMMARY_FILE, TABULATED_FILE])
def test_votes_on_the_voice_or_the_face_alone(corpus, tables):
    root = corpus(tables)
    voice = read(root, CremadSettings(votes="voice"), SPLIT)
    assert classes(voice)["1001_IEO_HAP_LO"] == {"neutral": 1}
    assert "1002_IEO_FEA_HI" not in classes(voice)
    assert voice.notes[0].startswith("1 clips have no plurality among the voice votes")
    face = read(root, CremadSettings(votes="face"), SPLIT)
    assert classes(face)["1005_DFA_ANG_XX"] == {"neutral": 1}
    assert face.notes[0].startswith("0 clips")


# ------------------------------------------------------------------ files


def test_an_mp4_stands_in_for_a_missing_flv(corpus):
    root = corpus(SUMMARY_FILE, CLIPS[:3])
    corpus({}, CLIPS, suffix=".mp4")
    paths = {item.name: item.path for item in read(root, CremadSettings(ties="soft"), SPLIT).items}
    assert paths["1001_IEO_NEU_XX"] == root / "VideoFlash/1001_IEO_NEU_XX.flv"
    assert paths["1004_WSI_DIS_XX"] == root / "VideoFlash/1004_WSI_DIS_XX.mp4"


def test_clips_without_a_video_are_named_and_left_out(corpus):
    found = read(corpus(SUMMARY_FILE, CLIPS[:2]), CremadSettings(), SPLIT)
    assert len(found.items) == 2
    assert found.notes[1] == (
        "4 labelled clips have no video and are left out: "
        "1002_IEO_FEA_HI, 1003_MTI_SAD_XX, 1004_WSI_DIS_XX, 1005_DFA_ANG_XX"
    )


def test_splits_do_not_hang_on_the_videos_that_are_there(corpus):
    root = corpus(SUMMARY_FILE, CLIPS[:2])
    before = {item.speaker: item.split for item in read(root, CremadSettings(), SPLIT).items}
    corpus({}, CLIPS)
    after = {item.speaker: item.split for item in read(root, CremadSettings(), SPLIT).items}
    assert before.items() <= after.items()


def test_no_videos_at_all(corpus):
    with pytest.raises(InputError, match=r"none of the 6 videos .*\.mp4 in VideoFlash/"):
        read(corpus(SUMMARY_FILE, []), CremadSettings(), SPLIT)


def test_a_video_that_git_lfs_has_not_fetched(corpus):
    with pytest.raises(
        InputError, match=r"IEO_NEU_XX\.flv is not a video but a pointer of Git LFS"
    ):
        read(corpus(SUMMARY_FILE, content=POINTER), CremadSettings(), SPLIT)


def test_a_video_that_is_a_link_leading_outside(corpus):
    root = corpus(SUMMARY_FILE)
    outside = root.parent / "outside.flv"
    outside.write_bytes(VIDEO)
    link = root / "VideoFlash/1004_WSI_DIS_XX.flv"
    link.unlink()
    link.symlink_to(outside)
    with pytest.raises(InputError, match=r"clip 1004_WSI_DIS_XX: .* leads outside the corpus"):
        read(root, CremadSettings(), SPLIT)


def test_no_tables_at_all(corpus):
    with pytest.raises(InputError, match=r"looked for processedResults/summaryTable\.csv, .*tabu"):
        read(corpus({}), CremadSettings(), SPLIT)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"MultiModalVote"', '"Vote"', "summaryTable.csv has no column MultiModalVote"),
        ('"FileName"', '"Clip"', "summaryTable.csv has no column FileName"),
        ('"F:N"\n', '"F;N"\n', "row 4 column MultiModalVote is 'F;N'"),
        ('"A:D:S"', '""', "row 5 column MultiModalVote is ''"),
        ('"D"\n', '"X"\n', "row 6 column MultiModalVote is 'X'"),
        ("1004_WSI_DIS_XX", "../1004", "row 6 column FileName is '../1004'"),
        ("1004_WSI_DIS_XX", "1004_WSI_JOY_XX", "row 6 column FileName is '1004_WSI_JOY_XX'"),
        ("1004_WSI_DIS_XX", "1001_IEO_NEU_XX", "row 6 column FileName is '1001_IEO_NEU_XX'"),
    ],
)
def test_errors_in_the_summary_name_row_and_column(corpus, old, new, message):
    root = corpus({"processedResults/summaryTable.csv": SUMMARY.replace(old, new, 1)})
    with pytest.raises(InputError, match=re.escape(message)):
        read(root, CremadSettings(), SPLIT)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"A"', '"B"', "has no column A"),
        ("1,0,4,0,4,0", "1,0,4,0,-4,0", "row 18 column N is '-4'"),
        ("1,0,4,0,4,0", "1,0,4,0,many,0", "row 18 column N is 'many'"),
    ],
)
def test_errors_in_the_tabulated_votes_name_row_and_column(corpus, old, new, message):
    root = corpus({"processedResults/tabulatedVotes.csv": tabulated().replace(old, new, 1)})
    with pytest.raises(InputError, match=message):
        read(root, CremadSettings(), SPLIT)


# ------------------------------------------------------------------ the real tables


@pytest.fixture(scope="module")
def real():
    if "LACUNA_TEST_CREMAD" not in os.environ:
        pytest.skip("LACUNA_TEST_CREMAD does not name the folder of CREMA-D's tables")
    return Path(os.environ["LACUNA_TEST_CREMAD"])


@pytest.fixture
def stand_ins(real, tmp_path):
    """The real table, with a stand-in for every so many of the videos."""

    def make(every):
        (tmp_path / "summaryTable.csv").write_bytes((real / "summaryTable.csv").read_bytes())
        (tmp_path / "VideoFlash").mkdir()
        stand_in = tmp_path / "VideoFlash/video"
        stand_in.write_bytes(VIDEO)
        for name in list(read_winners(real, "audio_visual"))[::every]:
            (tmp_path / f"VideoFlash/{name}.flv").hardlink_to(stand_in)
        return tmp_path

    return make


def test_drawn_ties_give_the_counts_of_goncalves_and_busso(real):
    winners = read_winners(real, "audio_visual")
    drawn = draw_ties(winners)
    assert len(drawn) == 420
    assert all(drawn[name] in winners[name] for name in drawn)
    assert Counter(drawn.get(name, won[0]) for name, won in winners.items()) == {
        **{"anger": 1067, "disgust": 1222, "fear": 1180},
        **{"happiness": 1230, "sadness": 672, "neutral": 2071},
    }


def test_real_counts(real):
    winners = read_winners(real, "audio_visual")
    counts = Counter(won[0] for won in winners.values() if len(won) == 1)
    assert counts == {
        **{"neutral": 1972, "happiness": 1219, "disgust": 1139},
        **{"fear": 1084, "anger": 1019, "sadness": 589},
    }
    assert sum(len(won) > 1 for won in winners.values()) == 420
    assert len(winners) == 7442
    assert len({name[:4] for name in winners}) == 91
    assert KNOWN_BAD.keys() <= winners.keys()


def test_real_tables_agree_with_each_other(real, tmp_path):
    (tmp_path / "tabulatedVotes.csv").write_bytes((real / "tabulatedVotes.csv").read_bytes())
    for votes in ("audio_visual", "voice", "face"):
        assert read_winners(real, votes) == read_winners(tmp_path, votes)
    clips = set(read_winners(real, "audio_visual"))
    assert clips == set(pd.read_csv(real / "SentenceFilenames.csv")["Filename"])
    actors = pd.read_csv(real / "VideoDemographics.csv")["ActorID"].astype(str)
    assert {name[:4] for name in clips} == set(actors)


def test_real_corpus(stand_ins):
    found = read(stand_ins(every=1), CremadSettings(), SPLIT)
    assert len(found.items) == 7442 - 420 - len(KNOWN_BAD)
    assert found.notes == (
        "420 clips have no plurality among the audio-visual votes: they are left out",
    )
    assert found.excluded.keys() == KNOWN_BAD.keys()
    assert all(item.labels[list(CLASSES)].to_numpy().sum() == 1 for item in found.items[::50])


def test_no_actor_is_in_two_of_the_real_splits(stand_ins):
    root, draws = stand_ins(every=20), set()
    for seed in range(20):
        items = read(root, CremadSettings(), SplitSettings(seed=seed)).items
        actors = {part: {i.speaker for i in items if i.split == part} for part in SPLITS}
        assert [len(actors[part]) for part in SPLITS] == [63, 14, 14]
        assert len(set().union(*actors.values())) == 91
        draws.add(frozenset(actors["test"]))
    assert len(draws) == 20


DEMOGRAPHICS = """"ActorID","Age","Sex","Race","Ethnicity"
1001,51,"Male","Caucasian","Not Hispanic"
1002,21,"Female","African American","Hispanic"
"""


def test_actors_are_told_apart_by_what_the_table_says(corpus):
    root = corpus(SUMMARY_FILE)
    assert not any(item.groups for item in read(root, CremadSettings(), SPLIT).items)
    (root / "VideoDemographics.csv").write_text(DEMOGRAPHICS)
    found = read(root, CremadSettings(), SPLIT)
    groups = {item.speaker: item.groups for item in found.items}
    assert groups["1001"] == {
        "group_age": "50s",
        "group_sex": "Male",
        "group_race": "Caucasian",
        "group_ethnicity": "Not Hispanic",
    }
    assert groups["1004"] == {}
    (root / "VideoDemographics.csv").write_text(DEMOGRAPHICS.replace("21", "young"))
    with pytest.raises(InputError, match=r"row 3 column Age is 'young'"):
        read(root, CremadSettings(), SPLIT)
