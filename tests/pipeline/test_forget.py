"""Forgetting a person: nothing of them is left, and nothing of others is gone."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.corpora.inspection import FACTS, HEADERS, table_of
from features.corpora.item import Item
from features.corpora.listing import (
    CONTENTS,
    FACES,
    INPUTS,
    ITEMS,
    LABELS,
    MODELS,
    RESULTS,
    SOURCES,
    STREAMS,
    WINDOWS,
    fresh,
    read_items,
    write_source,
)
from features.hashes import hash_of
from features.stores.assembling import assemble
from features.stores.store import open_store
from features.stores.windows import Steps, Windowed, WindowedStream, open_windows, write_windows
from features.stores.writing import new_item
from features.task import AFFECT
from pipeline.engine.cache import Cache
from pipeline.forgetting.forget import forget

SPEAKER_OF = {"anna-1": "anna", "anna-2": "anna", "ben-1": "ben", "cleo-1": "cleo"}
SPLIT_OF = {"anna": "train", "ben": "train", "cleo": "test"}
ROWS = 30


def mark(name):
    """Bytes by which an item's rows are found in any file."""
    return hash_of(["mark", name]).encode()[:32]


def rows_of(name):
    """Rows that repeat a mark, of an item's own noise."""
    random = np.random.default_rng(list(name.encode()))
    noise = random.integers(0, 256, (ROWS, 32), np.uint8)
    noise[::2] = np.frombuffer(mark(name), np.uint8)
    return noise


def made(cache, stage, name, array):
    """An entry of the item cache, and its key."""
    key = hash_of([stage, name])
    with cache.new(stage, key) as out, new_item(out, {}) as writer:
        writer.write("times", np.arange(ROWS) / 30)
        writer.write("shown", np.frombuffer(mark(name), np.uint8))
        writer.rows(array, (ROWS, 32), np.uint8).append(rows_of(name))
    return key


def windowed(name):
    count = ROWS if name != "anna-2" else 0
    arrays = {n: np.zeros(count, bool) for n in ("valid", "decoded", "picture", "face")}
    arrays |= {n: np.zeros(count, bool) for n in ("sound", "voice")}
    arrays |= {"times": np.arange(count) / 30, "labels": np.full((count, 2), len(name), "f4")}
    index = np.arange(count, dtype=np.int32)[:, None]
    others = np.zeros((count, 0), np.int32)
    return Windowed(arrays, {"lld": Steps(index, arrays["valid"], index[:, 0], others)})


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The outputs of a run on three speakers, its item cache and DVC's cache."""
    monkeypatch.chdir(tmp_path)
    cache, names = Cache(tmp_path / "item-cache"), list(SPEAKER_OF)
    hashes = {name: hash_of(["media", name]) for name in names}
    facts = {"has_video": True, "has_audio": True, "width": 9, "height": 9, "rate": 30.0}
    facts |= {"seconds": 1.0, "notes": "", "crops_sha256": ""}
    items = [
        Item(name, Path(f"corpus/{name}.mp4"), speaker, SPLIT_OF[speaker])
        for name, speaker in SPEAKER_OF.items()
    ]
    table = table_of((item, {**facts, "sha256": hashes[item.name]}) for item in items)
    table.to_parquet(fresh(ITEMS), index=False)
    labels = pd.DataFrame({"item": names, "time": 0.0, "valence": 0.5, "arousal": 0.5})
    labels.to_parquet(fresh(LABELS), index=False)
    SOURCES.mkdir()
    for modality in ("audio", "video"):
        write_source(modality, hashes)
    keys = {}
    for stage, path, array in (
        ("faces", FACES, "crops"),
        ("extract", STREAMS / "lld.zarr", "rows"),
    ):
        keys[stage] = {name: made(cache, stage, name, array) for name in names}
        results = {name: cache.result(stage, key) for name, key in keys[stage].items()}
        assemble(path, results, {"settings": {}}, keys[stage])
    for name in names:
        with cache.new("corpus", hash_of(["corpus", name])) as out:
            (out / FACTS).write_text(json.dumps({"sha256": hashes[name]}))
    with cache.new("headers", hash_of(["headers", *names])) as out:
        (out / HEADERS).write_text("[null]")
    for name in ("anna-1", "ben-1"):
        with cache.new("evaluate", hash_of(["evaluate", name])) as out:
            (out / "traces.csv").write_text(f"item,time\n{name},0\n")
    stream = WindowedStream("audio", ("lld",), 32, 1, 0, "frames", (None,))
    windows = {name: windowed(name) for name in names}
    write_windows(WINDOWS, windows, {"lld": stream}, task=AFFECT, clip_frames=100, settings={})
    text = json.dumps({"settings": {}, "items": keys["extract"]}, indent=1)
    fresh(CONTENTS / "lld.json").write_text(text)
    described = {n: {"speaker": s, "split": SPLIT_OF[s]} for n, s in SPEAKER_OF.items()}
    fresh(INPUTS / "baseline.json").write_text(json.dumps({"common": {}, "items": described}))
    (MODELS / "baseline/seed-0").mkdir(parents=True)
    traces = "".join(f"baseline,{name},0.0\n" for name in names)
    fresh(RESULTS / "traces/baseline.csv").write_text("model,item,time\n" + traces)
    fresh(RESULTS / "evaluation/baseline.csv").write_text("model,value\nbaseline,0.5\n")
    fresh(RESULTS / "index.html").write_text("<html>anna-1 over time</html>")
    fresh(RESULTS / "figures/traces.svg").write_text("<svg/>")
    fresh(Path("predictions/anna-1.csv")).write_text("# of a film\ntime,valence\n0,0.5\n")
    fresh(Path("predictions/ben-1.csv")).write_text("time,valence\n0,0.5\n")
    objects = Path(".dvc/cache/files/md5/aa")
    objects.mkdir(parents=True)
    for number, path in enumerate((ITEMS, SOURCES / "audio", RESULTS / "index.html")):
        (objects / str(number)).write_bytes(path.read_bytes())
        (objects / str(number)).chmod(0o444)
    (objects / "listing.dir").write_text('[{"md5": "5", "relpath": "clips/anna-2.mp4"}]')
    (objects / "others").write_text("model,item,time\nbaseline,ben-1,0.0\n")
    return cache


def everything():
    """All files, by path."""
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def forgotten(speaker, cache):
    cache.lock(exclusive=True)
    cache.sweep()
    return list(forget(speaker, "corpus", cache))


def test_nothing_is_left_of_a_person(project):
    theirs = [name for name, speaker in SPEAKER_OF.items() if speaker == "anna"]
    patterns = [b"anna", *(mark(name) for name in theirs)]
    patterns += [hash_of(["media", name]).encode() for name in theirs]
    before = everything().values()
    assert [p for p in patterns if not any(p in content for content in before)] == []
    kept = {e.key: (e.row.kept, e.row.small) for e in project.entries()}
    said = forgotten("anna", project)
    for path, content in everything().items():
        assert not [p for p in patterns if p in content], path
        assert b"anna" not in str(path).encode()
    assert "anna" not in {item.speaker for item in read_items()}
    assert not set(pd.read_parquet(LABELS)["item"]) & set(theirs)
    # Of others every entry is there, and nothing in it has changed.
    others = [name for name, speaker in SPEAKER_OF.items() if speaker != "anna"]
    expected = {hash_of([s, n]) for s in ("corpus", "faces", "extract") for n in others}
    entries = {e.key: (e.row.kept, e.row.small) for e in Cache(project.folder).entries()}
    assert set(entries) == expected | {hash_of(["evaluate", "ben-1"])}
    assert all(entries[key] == kept[key] for key in entries)
    for entry in Cache(project.folder).entries():
        entry.verify()
    for path, array in ((FACES, "crops"), (STREAMS / "lld.zarr", "rows")):
        store = open_store(path, stage="faces")
        assert store.items == ("ben-1", "cleo-1")
        for name in others:
            np.testing.assert_array_equal(store.rows(name, array)[:], rows_of(name))
            assert store.array(name, "shown").tobytes() == mark(name)
            assert store.key(name)
    assert open_windows(WINDOWS).items == ("ben-1", "cleo-1")
    text = (RESULTS / "traces/baseline.csv").read_text()
    assert text == "model,item,time\nbaseline,ben-1,0.0\nbaseline,cleo-1,0.0\n"
    assert (RESULTS / "evaluation/baseline.csv").exists()
    assert not (RESULTS / "figures").exists()
    assert Path("predictions/ben-1.csv").exists()
    assert [p.name for p in Path(".dvc/cache/files/md5/aa").iterdir()] == ["others"]
    assert "deleted from data/faces.zarr: 2 items" in said
    assert any(s.startswith("not deleted: data/models/baseline") for s in said)
    assert any(s.startswith("out of reach: ") and "git's history" in s for s in said)
    again = forgotten("anna", Cache(project.folder))
    assert again == ["nothing is left of anna: no item of data/corpus is theirs"]


def test_a_model_is_not_said_to_know_a_test_speaker(project):
    said = forgotten("cleo", project)
    assert not [
        sentence for sentence in said if "baseline" in sentence and "not deleted" in sentence
    ]
    assert open_store(FACES, stage="faces").items == ("anna-1", "anna-2", "ben-1")


def test_what_two_people_share_is_kept_and_said(project):
    table = pd.read_parquet(ITEMS)
    table["sha256"] = table["sha256"].where(table["item"] != "ben-1", table["sha256"][0])
    table.to_parquet(fresh(ITEMS), index=False)
    said = forgotten("anna", project)
    assert "kept what anna shares with ben, who is in the same recording" in said
    facts = [e.row.small[FACTS] for e in project.entries("corpus")]
    assert sum(hash_of(["media", "anna-1"]).encode() in fact for fact in facts) == 1


def test_a_store_without_its_last_item(project):
    for speaker in ("anna", "ben", "cleo"):
        forgotten(speaker, Cache(project.folder))
    assert open_store(FACES, stage="faces").items == ()
    assert read_items() == []
