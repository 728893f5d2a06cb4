import io
import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from features.corpora import inspection
from features.corpora.census import describe_labels, never_learnt
from features.corpora.checks import check_speakers, check_training, exclude
from features.corpora.corpus_settings import CorpusSettings
from features.corpora.inspection import inspect, stamps
from features.corpora.item import SIDES, Item
from features.corpora.labels import class_label
from features.corpora.listing import read_facts, read_items, read_labels
from features.errors import InputError
from features.hashes import hash_of, hash_of_file
from features.media.decoding import probe
from features.task import AFFECT, Task
from pipeline import corpus
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import Job, StageFailedError, run_jobs
from pipeline.extraction import inspecting
from pipeline.forecast import show
from pipeline.forecast.scaling import Measures
from tests.helpers.media_factory import flat_frames, make_video, tone

LABELS = pd.DataFrame({"time": [0.0], "valence": [0.5], "arousal": [-0.5]})


def item(name, speaker="s", split="train", labels=LABELS):
    return Item(name, Path(f"{name}.mp4"), speaker, split, labels)


# ------------------------------------------------------------------ items and speakers


def test_exclude_leaves_out():
    items = [item("a"), item("b"), item("c")]
    assert exclude(items, {"b": "wrong [label]"}) == [items[0], items[2]]
    assert exclude(items, {}) == items


def test_exclude_of_an_unknown_name():
    with pytest.raises(InputError, match=r"corpus\.exclude names b\.mp4, which is not in the cor"):
        exclude([item("a"), item("b")], {"b.mp4": "typo"})


def test_nothing_left():
    with pytest.raises(InputError, match=r"corpus\.exclude leaves no item"):
        check_speakers([])


def test_a_speaker_in_two_splits():
    items = [item("a", "ann"), item("b", "bob", "test"), item("c", "ann", "test")]
    with pytest.raises(InputError, match="speaker ann is in train and test"):
        check_speakers(items)
    check_speakers(items[:2])


def test_a_file_in_two_splits():
    left, right = (Item(f"a_{side}", Path("a.mp4"), side, "train", side=side) for side in SIDES[1:])
    check_speakers([left, right])
    with pytest.raises(InputError, match=r"a\.mp4 is in train and test: both share its sound"):
        check_speakers([left, replace(right, split="test")])


def test_labels_but_no_train_speaker():
    items = [item("a", "ann", "test"), item("b", "bob", "validation")]
    with pytest.raises(InputError, match="no train speaker"):
        check_training(AFFECT, items, "test")
    with pytest.raises(InputError, match="no train speaker"):  # a train item without labels
        check_training(AFFECT, [*items, item("c", "cat", labels=None)], "test")
    with pytest.raises(InputError, match="only one train speaker"):
        check_training(AFFECT, [*items, item("c", "cat"), item("d", "cat")], "test")
    check_training(AFFECT, [*items, item("c", "cat"), item("d", "dan")], "test")
    with pytest.raises(InputError, match=r"evaluate\.split is test, and no labelled speaker"):
        check_training(AFFECT, [item("c", "cat"), item("d", "dan")], "test")
    check_training(AFFECT, [item("a", split="test", labels=None)], "test")  # features only


def test_links_to_one_file_in_two_splits(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x")
    (tmp_path / "b.mp4").symlink_to("a.mp4")
    items = [
        Item(n, tmp_path / f"{n}.mp4", n, split) for n, split in (("a", "train"), ("b", "test"))
    ]
    with pytest.raises(InputError, match=r"b\.mp4 is in train and test: both share its sound"):
        check_speakers(items)


CLASSES = Task(kind="classification", level="sequence", outputs=("fear", "joy"))


def of_class(name, split="train", **shares):
    return item(name, name, split, class_label(shares, CLASSES.outputs))


def test_one_class_is_nothing_to_learn():
    items = [of_class("a", joy=1), of_class("b", joy=1), of_class("t", "test", fear=1)]
    with pytest.raises(InputError, match="all items of the train split are of the class joy"):
        check_training(CLASSES, items, "test")
    check_training(CLASSES, [*items, of_class("c", fear=0.5, joy=0.5)], "test")


def test_classes_are_counted_by_split():
    items = [of_class("a", joy=1), of_class("b", joy=0.5, fear=0.5), of_class("t", "test", fear=1)]
    assert describe_labels(CLASSES, items) == (
        "classification per sequence: fear 1.5 (0.5 train, 1 test), joy 1.5 (1.5 train, 0 test)"
    )
    assert never_learnt(CLASSES, items) == []
    (sentence,) = never_learnt(CLASSES, [items[0], items[2]])
    assert sentence == "classes that no item of the train split has: fear"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"root": "features/corpora/demo"},
            "demo is made on the spot: write ",
        ),
        ({"name": "simulated", "root": "features/corpora/simulated.py"}, "write features/corpora/"),
        ({"name": "simulated", "root": None}, "root\n.*valid string"),
        ({"name": "folder"}, "root must name the folder of folder"),
        ({"name": "folder", "root": "~/clips"}, "DVC knows no ~: write the whole path"),
    ],
)
def test_roots_that_dvc_cannot_follow_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        CorpusSettings.model_validate(settings)


# ------------------------------------------------------------------ good and bad media

BAD = {
    "empty.mp4": b"",
    "text.mp4": b"this is no video\n" * 50,
    "subtitles.mkv": b"1\n00:00:00,000 --> 00:00:01,000\nhello\n",
    "noise.avi": np.random.default_rng(0).bytes(5000),
}


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """Files good and bad."""
    root = tmp_path_factory.mktemp("media")
    make_video(root / "both.mp4", flat_frames(45), sound=tone(1.5))
    make_video(root / "twin.mp4", flat_frames(45, first=60), sound=tone(1.5))
    make_video(root / "silent.mp4", flat_frames(10), 25)
    make_video(root / "sound.mp4", None, sound=tone(1.0))
    whole = make_video(root / "whole.mp4", flat_frames(30), sound=tone(1.0)).read_bytes()
    (root / "whole.mp4").unlink()
    (root / "cut.mp4").write_bytes(whole[: len(whole) // 2])  # without the index at its end
    for name, content in BAD.items():
        (root / name).write_bytes(content)
    return root


def test_bad_media_are_named_while_the_others_go_on(media, tmp_path):
    execution = ExecutionSettings(workers=1, cache=str(tmp_path))
    paths = sorted(media.iterdir())
    jobs = [
        Job(path.name, hash_of(path.name), partial(inspect, Item(path.name, path, "s", "train")))
        for path in paths
    ]
    with pytest.raises(StageFailedError) as caught:
        run_jobs("corpus", jobs, execution)
    failures = {failure.name: failure for failure in caught.value.failures}
    assert set(failures) == {*BAD, "cut.mp4"}
    assert caught.value.done == 4
    console = Console(file=io.StringIO(), width=300)
    console.print(caught.value.table())
    shown = console.file.getvalue()
    for name, failure in failures.items():
        assert name in failure.reason
        assert failure.remedy
        assert f" {name} " in shown
    good = [job for job in jobs if job.name not in failures]
    results = run_jobs("corpus", good, execution)  # kept: nothing is computed
    facts = {name: json.loads((path / "facts.json").read_text()) for name, path in results.items()}
    streams = {name: (f["has_video"], f["has_audio"]) for name, f in facts.items()}
    assert streams == {
        "both.mp4": (True, True),
        "silent.mp4": (True, False),
        "sound.mp4": (False, True),
        "twin.mp4": (True, True),
    }
    assert facts["silent.mp4"]["rate"] == 25
    assert facts["sound.mp4"]["rate"] is None
    assert facts["both.mp4"]["sha256"] == hash_of_file(media / "both.mp4")
    assert (facts["both.mp4"]["width"], facts["both.mp4"]["height"]) == (64, 48)


# ------------------------------------------------------------------ the stage


@pytest.fixture
def project(media, tmp_path, monkeypatch):
    """A project with a folder corpus; returns the function that runs the stage."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(show, "measure_here", lambda *_: Measures(notes=["measured"]))
    root = tmp_path / "clips"
    root.mkdir()
    for path in media.iterdir():
        (root / path.name).write_bytes(path.read_bytes())
    (root / "both.csv").write_text("time,valence,arousal\n0,0.5,-0.5\n0.5,1,-5\n")
    (root / "silent.csv").write_text("valence,arousal\n0.25,0.75\n")

    def run(*names, excluded="{}", checks_only=False):
        rows = "".join(f"{name},{name},{split},{labels}\n" for name, split, labels in names)
        (root / "items.csv").write_text("path,speaker,split,labels\n" + rows)
        Path("params.yaml").write_text(
            f"corpus: {{name: folder, root: clips, exclude: {excluded}}}\n"
            "models: {m: {}}\nexecution: {workers: 1, cache: cache}\n"
        )
        corpus.run(checks_only=checks_only)

    return run


GOOD = [
    ("both.mp4", "train", "both.csv"),
    ("silent.mp4", "test", "silent.csv"),
    ("sound.mp4", "validation", ""),
    ("twin.mp4", "train", "both.csv"),
]


def test_the_stage_lists_items_and_labels(project, capsys):
    project(*GOOD)
    both, silent, sound, twin = read_items()
    assert [i.item for i in (both, silent, sound, twin)] == ["both", "silent", "sound", "twin"]
    assert (both.speaker, both.split, both.labelled) == ("both.mp4", "train", True)
    assert both.rate == 30
    assert (silent.has_audio, sound.has_video, sound.labelled) == (False, False, False)
    assert np.isnan(sound.rate)
    labels = read_labels()
    assert labels["item"].tolist() == ["both", "both", "silent", "twin", "twin"]
    assert labels["arousal"].tolist() == [-0.5, -5, 0.75, -0.5, -5]
    assert labels["time"].isna().tolist() == [False, False, True, False, False]
    said = capsys.readouterr().err
    assert "4 items (2 train, 1 validation, 1 test), 4 speakers" in said
    assert "no picture: all frames count as without a face: sound" in said
    assert "no sound: all frames count as without sound: silent" in said
    assert "shorter than a clip: padded: both, silent, sound, twin" in said
    assert "no labels: features only: sound" in said


def test_a_bad_file_stops_the_stage_until_it_is_excluded(project, capsys):
    items = [*GOOD, ("cut.mp4", "train", ""), ("empty.mp4", "train", "")]
    with pytest.raises(SystemExit) as caught:
        project(*items)
    assert caught.value.code == 1
    said = capsys.readouterr().err
    assert "2 items failed, 4 are done and kept" in said
    project(*items, excluded="{cut: 'half a [file]', empty: no file}")
    assert "excluded cut: half a [file]\n" in capsys.readouterr().err
    assert [i.item for i in read_items()] == ["both", "silent", "sound", "twin"]


def test_a_changed_file_is_inspected_again(project):
    project(*GOOD)
    before = [i.sha256 for i in read_items()]
    path = Path("clips/silent.mp4")
    make_video(path, flat_frames(20), 25)
    project(*GOOD)
    after = read_items()
    assert [i.sha256 == old for i, old in zip(after, before, strict=True)] == [
        *(True, False, True, True)
    ]
    assert after[1].sha256 == hash_of_file(path)
    assert after[1].seconds == pytest.approx(0.8, abs=0.05)


def test_bad_labels_are_one_sentence(project, capsys):
    Path("clips/both.csv").write_text("valence,arousal\n0,0\n0,x\n")
    with pytest.raises(SystemExit):
        project(*GOOD)
    said = capsys.readouterr().err
    assert "both.csv row 3 column arousal is 'x', not a number; correct the value." in said


def test_a_check_says_the_same_and_writes_nothing(project, capsys):
    project(*GOOD, checks_only=True)
    said = capsys.readouterr().err
    assert "4 items (2 train, 1 validation, 1 test), 4 speakers" in said
    assert "regression per frame, counts in 5 equal parts of [-1, 1]:" in said
    assert "valence 0 0 0 3 2; arousal 0 2 0 0 1, 2 invalid" in said
    assert "frames per second: 30 (2 items), 25 (1 items)" in said
    assert "labels that differ in number from the frames" not in said
    assert "speakers (2 train, 1 validation, 1 test), " in said
    assert said.index("What is to come") < said.index("measured\n")
    assert not Path("data").exists()


def test_a_check_reports_the_readable_items_before_the_others(project, capsys):
    with pytest.raises(SystemExit):
        project(*GOOD, ("cut.mp4", "train", ""), checks_only=True)
    said = capsys.readouterr().err
    assert "1 items failed, 4 are done and kept" in said
    assert said.index("4 items (2 train, 1 validation, 1 test), 4") < said.index("1 items failed")


def test_a_check_of_many_files_reads_headers_and_names_what_cannot_be_read(
    project, capsys, monkeypatch
):
    monkeypatch.setattr(inspecting, "MOST_WHOLE", 2)
    probed = []
    monkeypatch.setattr(inspection, "probe", lambda path: probed.append(path.name) or probe(path))
    with pytest.raises(SystemExit):
        project(*GOOD, ("cut.mp4", "train", ""), checks_only=True)
    said = capsys.readouterr().err
    assert "frames per second: 30 (2 items), 25 (1 items)" in said
    assert "no picture: all frames count as without a face: sound" in said
    alone = (
        "headers alone were read of 2 of 4 files: pauses and copies are looked for in the other 2"
    )
    assert alone in said
    assert "1 items failed, 4 are done and kept" in said
    assert "cut.mp4 cannot be read" in " ".join(said.split())
    # A second check takes what is known from the item cache.
    assert set(probed) == {f"{name}.mp4" for name in ("both", "silent", "sound", "twin", "cut")}
    probed.clear()
    with pytest.raises(SystemExit):
        project(*GOOD, ("cut.mp4", "train", ""), checks_only=True)
    assert alone in capsys.readouterr().err
    assert set(probed) == {"cut.mp4"}
    project(*GOOD)
    assert all(item.sha256 for item in read_items())


def test_an_item_that_starts_after_its_file_is_named(project, capsys):
    project(*GOOD)
    Path("clips/items.csv").write_text(
        "path,speaker,split,start\nboth.mp4,a,train,0\nsilent.mp4,b,train,9\n"
    )
    with pytest.raises(SystemExit):
        corpus.run(checks_only=False)
    said = capsys.readouterr().err
    assert "1 items failed, 1 are done and kept" in said
    assert "it starts at 9 s, but its" in said
    assert "lasts 0.4 s" in said


def test_one_content_in_two_splits_is_refused(project, capsys):
    Path("clips/copy.mp4").write_bytes(Path("clips/both.mp4").read_bytes())
    with pytest.raises(SystemExit):
        project(*GOOD, ("copy.mp4", "test", ""))
    said = capsys.readouterr().err
    assert "both in train and copy in test are files of the same content" in said
    project(*GOOD, ("copy.mp4", "train", ""))


def test_a_file_of_another_content_and_the_same_times_is_inspected_again(project):
    project(*GOOD)
    path = Path("clips/silent.mp4")
    content, stat = path.read_bytes(), path.stat()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    project(*GOOD)
    assert read_items()[1].sha256 == hash_of_file(path)


def test_pictures_of_faces_are_in_the_key(media, tmp_path):
    crops = tmp_path / "crops"
    crops.mkdir()
    (crops / "00001.jpg").write_bytes(b"one")
    aligned = Item("a", media / "both.mp4", "s", "train", crops=crops)
    before = stamps(aligned)
    (crops / ".DS_Store").write_bytes(b"counts for nothing")
    (crops / "notes").mkdir()
    assert stamps(aligned) == before
    (crops / "00001.jpg").write_bytes(b"two")
    changed = stamps(aligned)
    assert changed != before
    (crops / "00002.jpg").write_bytes(b"more")
    assert stamps(aligned) != changed
    inspect(aligned, tmp_path)
    facts = json.loads((tmp_path / "facts.json").read_text())
    names = ("00001.jpg", "00002.jpg")
    assert facts["crops_sha256"] == hash_of([[n, hash_of_file(crops / n)] for n in names])


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_what_only_looks_like_a_picture_is_refused(media, tmp_path, kind):
    crops = tmp_path / "crops"
    crops.mkdir()
    if kind == "link":
        (crops / "00001.jpg").symlink_to(media / "both.mp4")
    else:
        (crops / "00001.jpg").mkdir()
    with pytest.raises(InputError, match=r"00001\.jpg is no file of its own"):
        stamps(Item("a", media / "both.mp4", "s", "train", crops=crops))


@pytest.mark.parametrize("name", ["items.parquet", "labels.parquet", "corpus.json"])
def test_outputs_that_were_cut_short_are_one_sentence(project, name):
    project(*GOOD)
    file = Path("data/corpus") / name
    file.write_bytes(file.read_bytes()[:40])
    read = {"items.parquet": read_items, "labels.parquet": read_labels, "corpus.json": read_facts}
    with pytest.raises(InputError, match=f"{name} is damaged or of another version; run `dvc"):
        read[name]()


def test_items_of_an_older_version_are_one_sentence(project):
    project(*GOOD)
    file = Path("data/corpus/items.parquet")
    pd.read_parquet(file).drop(columns="crops").to_parquet(file)
    with pytest.raises(InputError, match="damaged or of another version"):
        read_items()


def test_a_check_reports_counts_that_differ(project, capsys):
    Path("clips/silent.csv").write_text("valence,arousal\n" + "0.25,0.75\n" * 12)
    project(*GOOD, checks_only=True)
    said = capsys.readouterr().err
    assert "labels that differ in number from the frames" in said
    assert "surplus frames have no label): silent" in said


def test_the_later_stages_name_the_missing_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for read in (read_items, read_labels, read_facts):
        with pytest.raises(InputError, match="is missing; run `dvc repro corpus`"):
            read()
