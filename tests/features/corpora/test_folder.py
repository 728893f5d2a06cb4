import doctest
import json
import os
import re
import subprocess
import sys
import unicodedata

import pytest

from features.corpora import folder
from features.corpora.folder_names import item_name
from features.corpora.folder_table import COLUMNS, schema
from features.corpora.item import SPLITS, Work
from features.corpora.paths import following_links
from features.corpora.settings import FolderSettings, SplitSettings
from features.errors import InputError
from features.task import AFFECT


def read(root, split):
    return folder.read(root, FolderSettings(), split, Work())


SPLIT = SplitSettings()


@pytest.fixture
def corpus(tmp_path):
    """Make a folder of files, and an items.csv if its text is given."""
    root = tmp_path / "corpus"
    root.mkdir()

    def make(*names, table=None):
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(b"")
        if table is not None:
            content = table if isinstance(table, bytes) else table.encode()
            (root / "items.csv").write_bytes(content)
        return root

    return make


def test_items_of_a_table_in_the_order_of_their_names(corpus):
    root = corpus(
        *("b.mp4", "s/a.mp4", "l/b.csv"),
        table="labels,path,split,speaker\n,s/a.mp4,test,Zoë\nl/b.csv,b.mp4,train,NA\n",
    )
    (root / "l/b.csv").write_text("valence,arousal\n0.25,-1\n")
    found = read(root, SPLIT)
    assert found.task == AFFECT
    b, a = found.items
    assert (b.name, b.path, b.speaker, b.split) == ("b", root / "b.mp4", "NA", "train")
    assert b.labels[["valence", "arousal"]].to_numpy().tolist() == [[0.25, -1]]
    assert (b.side, b.start, b.end) == ("", 0, None)
    assert (a.name, a.path, a.speaker, a.split) == ("s--a", root / "s/a.mp4", "Zoë", "test")
    assert a.labels is None


def test_a_table_of_paths_alone(corpus):
    root = corpus("a.mp4", "b.mp4", "c.mp4", table="\ufeffpath\r\na.mp4\r\nb.mp4\r\n\r\n")
    found = read(root, SPLIT)
    assert [item.speaker for item in found.items] == ["a.mp4", "b.mp4"]
    assert found.notes == (
        "no speakers are named: every file counts as one",
        "no splits are named: speakers are split at random from seed 0",
    )


def test_a_folder_without_a_table(corpus):
    root = corpus("a.mp4", "deep/er/b.MKV", "notes.txt", "deep/c.csv")
    (root / "folder.mp4").mkdir()
    items = read(root, SPLIT).items
    assert [item.name for item in items] == ["a", "deep--er--b"]
    assert [item.speaker for item in items] == ["a.mp4", "deep/er/b.MKV"]
    assert all(item.labels is None for item in items)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("path,sex\na.mp4,f\n", "an unknown column sex"),
        ("path|speaker\na.mp4|f\n", r"an unknown column path\|speaker"),
        ("path,path\na.mp4,a.mp4\n", "an unknown column path"),
        ("speaker\nx\n", "no column path"),
        ("path,speaker\na.mp4,x\n,x\n", "row 3 has no path"),
        ("path,speaker\na.mp4,x\nb.mp4,\n", "row 3 has no speaker"),
        ("path,speaker\na.mp4,x\nb.mp4\n", "row 3 has no speaker"),
        ("path,speaker\na.mp4,x\n\nb.mp4,x\n", "row 3 has no path"),
        ("path,speaker\na.mp4,x\na.mp4,x\n", "row 3 repeats path a.mp4"),
        ("path,side\na.mp4,left\na.mp4,left\n", "row 3 repeats path a.mp4"),
        ("path,side\na.mp4,right\na.mp4,middle\n", "row 3 has side 'middle'"),
        ("path,person\na.mp4,ann\n", "row 2 has person 'ann'"),
        ("path,speaker\na.mp4,x\n./a.mp4,y\n", "row 3 repeats path ./a.mp4"),
        ("path,start,end\na.mp4,0,1\nb.mp4,x,1\n", "row 3 column start is 'x', not a number"),
        ("path,start,end\na.mp4,0,1\nb.mp4,0,inf\n", "row 3 column end is 'inf', not a number"),
        ("path,start,end\na.mp4,0,1\nb.mp4,-2,1\n", "row 3 has start -2"),
        ("path,start,end\na.mp4,0,1\nb.mp4,2,2\n", "row 3 has end 2, but start 2"),
        ("path,end\na.mp4,1\nb.mp4,0\n", "row 3 has end 0, but start 0"),
        ("path,start,end\na.mp4,0,1\na.mp4,,1.0\n", "row 3 repeats path a.mp4"),
        ("path,label\na.mp4,sad\nb.mp4,=1+1\n", "row 3 has label '=1\\+1'"),
        ("path,label\na.mp4,sad\nb.mp4,time\n", "column label has a class item or time"),
        ("path,label\na.mp4,sad\nb.mp4,sad\n", "column label names 1 classes"),
        ("path,label,labels\na.mp4,sad,\n", "both a column label and a column labels"),
        ("path,split\na.mp4,train\nb.mp4,dev\n", "row 3 has split 'dev'"),
        ("path,split\na.mp4,Train\n", "row 2 has split 'Train'"),
        ("path,split\na.mp4,\n", "row 2 has no split"),
        ("path\na.mp4\nc.mp4\n", "row 3 column path: there is no file 'c.mp4'"),
        ("path,labels\na.mp4,a.csv\n", "row 2 column labels: there is no file 'a.csv'"),
        ("path,labels\na.mp4,sub\n", "row 2 column labels: there is no file 'sub'"),
        ("path\nsub\n", "row 2 column path: there is no file 'sub'"),
        ("path\n.\n", "row 2 column path: there is no file"),
        ("path,speaker\na.mp4,x,train\n", "row 2 has more values than there are columns"),
        ("path,speaker\na.mp4,x\nb.mp4,x,train\n", "not a readable CSV .*line 3"),
        ("", "not a readable CSV"),
        (b"\xff\xfe", "not a readable CSV"),
    ],
)
def test_errors_name_row_and_column(corpus, table, message):
    root = corpus("a.mp4", "b.mp4", "sub/x.mp4", table=table)
    with pytest.raises(InputError, match=message) as caught:
        read(root, SPLIT)
    assert str(root / "items.csv") in caught.value.reason
    assert "\n" not in str(caught.value)


def test_folder_missing_or_empty(corpus, tmp_path):
    with pytest.raises(InputError, match=r"corpus\.root .*nowhere is not a folder"):
        read(tmp_path / "nowhere", SPLIT)
    with pytest.raises(InputError, match="there is no video in"):
        read(corpus("notes.txt"), SPLIT)
    with pytest.raises(InputError, match=r"items\.csv has no row"):
        read(corpus(table="path\n"), SPLIT)


def test_space_around_values_does_not_count(corpus):
    table = "path , speaker,split\na.mp4,ann ,train\n b.mp4 , ann, train \n"
    items = read(corpus("a.mp4", "b.mp4", table=table), SPLIT).items
    assert [(item.name, item.speaker, item.split) for item in items] == [
        ("a", "ann", "train"),
        ("b", "ann", "train"),
    ]


# ------------------------------------------------------------------ several rows of a file


def test_two_people_in_a_picture(corpus):
    root = corpus("a.mp4", table="path,side\na.mp4,right\na.mp4,left\n")
    left, right = read(root, SPLIT).items
    assert (left.name, left.side, left.path) == ("a_left", "left", root / "a.mp4")
    assert (right.name, right.side, right.path) == ("a_right", "right", root / "a.mp4")
    assert left.speaker == right.speaker == "a.mp4"


def test_parts_of_a_file_are_named_in_the_order_of_their_starts(corpus):
    rows = ["a.mp4,90,,", "./a.mp4,0,12.5,", "a.mp4,10,20,left", "b.mp4,3,4,", "a.mp4,10,40,"]
    root = corpus("a.mp4", "b.mp4", table="\n".join(["path,start,end,side", *rows]))
    found = {item.name: (item.start, item.end) for item in read(root, SPLIT).items}
    assert found == {
        "a_0001": (0, 12.5),
        "a_0002": (10, 40),
        "a_0003": (90, None),
        "a_left": (10, 20),
        "b": (3, 4),
    }
    assert {i.speaker for i in read(root, SPLIT).items if i.name[0] == "a"} == {"a.mp4"}
    reversed_rows = "\n".join(["path,start,end,side", *reversed(rows)])
    assert {i.name: (i.start, i.end) for i in read(corpus(table=reversed_rows), SPLIT).items} == (
        found
    )


def test_two_people_of_a_file_are_two_items(corpus):
    table = "path,person\na.mp4,ann/1.jpg\na.mp4,bob/1.jpg\na.mp4,left\n"
    root = corpus("a.mp4", "ann/1.jpg", "bob/1.jpg", table=table)
    ann, bob, left = sorted(read(root, SPLIT).items, key=lambda item: item.person)
    assert [left.name, len({ann.name, bob.name, left.name})] == ["a_left", 3]
    assert {ann.path, bob.path, left.path} == {root / "a.mp4"}


def test_a_side_or_a_part_never_takes_another_file_s_name(corpus):
    files = ["a.mp4", "a_left.mp4", "b.mp4", "b_0001.mp4"]
    table = "path,side,start\na.mp4,left,\na_left.mp4,,\nb.mp4,,0\nb.mp4,,5\nb_0001.mp4,,\n"
    names = [item.name for item in read(corpus(*files, table=table), SPLIT).items]
    assert len(set(names)) == len(names) == 5
    assert "b_0002" in names


# ------------------------------------------------------------------ classes


def test_a_label_column_makes_the_task_a_classification(corpus):
    table = "path,label,start\na.mp4,sad,0\nb.mp4,,0\nc.mp4,angry,0\na.mp4,very happy,5\n"
    found = read(corpus("a.mp4", "b.mp4", "c.mp4", table=table), SPLIT)
    assert (found.task.kind, found.task.level) == ("classification", "sequence")
    classes = ["angry", "sad", "very happy"]
    assert list(found.task.outputs) == classes
    labels = {item.name: item.labels for item in found.items}
    assert labels["b"] is None
    shares = {
        name: table[classes].to_numpy().tolist()
        for name, table in labels.items()
        if table is not None
    }
    assert shares == {"a_0001": [[0, 1, 0]], "a_0002": [[0, 0, 1]], "c": [[1, 0, 0]]}


def test_a_column_of_all_kinds_of_things_is_no_class(corpus):
    files = [f"{number}.mp4" for number in range(101)]
    rows = "\n".join(f"{file},class {file}" for file in files)
    with pytest.raises(InputError, match="column label names 101 classes"):
        read(corpus(*files, table=f"path,label\n{rows}\n"), SPLIT)


# ------------------------------------------------------------------ the schema


def test_the_schema_describes_every_column():
    fields = schema()["fields"]
    assert [field["name"] for field in fields] == list(COLUMNS)
    assert all(len(field["description"]) > 10 for field in fields)
    described = {field["name"]: field for field in fields}
    assert described["split"]["constraints"]["enum"] == list(SPLITS)
    assert described["side"]["constraints"]["enum"] == ["left", "right"]
    assert [name for name in described if described[name]["type"] == "number"] == ["start", "end"]


def test_the_module_prints_the_schema():
    command = [sys.executable, "-m", "features.corpora.folder"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert json.loads(printed.stdout) == schema()


# ------------------------------------------------------------------ hostile paths


@pytest.mark.parametrize(
    "path", ["..", "../out.mp4", "sub/../../out.mp4", "/etc/passwd", "/", "~/x"]
)
@pytest.mark.parametrize("column", ["path", "labels"])
def test_paths_that_lead_outside_are_refused(corpus, path, column):
    rows = {"path": f"path\n{path}\n", "labels": f"path,labels\na.mp4,{path}\n"}
    root = corpus("a.mp4", table=rows[column])
    (root.parent / "out.mp4").write_bytes(b"")
    message = "leads outside the corpus" if path != "~/x" else "there is no file '~/x'"
    with pytest.raises(InputError, match=f"row 2 column {column}: .*{message}"):
        read(root, SPLIT)


@pytest.mark.parametrize("table", [None, "path\nlink.mp4\n"])
def test_links_that_lead_outside_are_refused(corpus, table):
    root = corpus(table=table)
    (root.parent / "out.mp4").write_bytes(b"")
    (root / "link.mp4").symlink_to(root.parent / "out.mp4")
    with pytest.raises(InputError, match=r"link\.mp4 leads outside the corpus"):
        read(root, SPLIT)


def test_a_linked_folder_that_leads_outside_is_refused(corpus):
    root = corpus(table="path\nsub/out.mp4\n")
    (root.parent / "out.mp4").write_bytes(b"")
    (root / "sub").symlink_to(root.parent)
    with pytest.raises(InputError, match="leads outside the corpus"):
        read(root, SPLIT)


def test_links_inside_the_corpus_are_followed(corpus):
    root = corpus("a.mp4", table="path\nlink.mp4\n")
    (root / "link.mp4").symlink_to("a.mp4")
    assert [item.name for item in read(root, SPLIT).items] == ["link"]


def test_a_loop_of_links_is_an_input_error(corpus):
    root = corpus(table="path\nloop.mp4\n")
    (root / "loop.mp4").symlink_to("loop.mp4")
    with pytest.raises(InputError, match=r"there is no file 'loop\.mp4'"):
        read(root, SPLIT)


def test_what_cannot_be_read_is_listed_and_fails_alone_later(corpus):
    root = corpus("good.mp4")
    (root / "loop.mp4").symlink_to("loop.mp4")
    (root / "broken.mp4").symlink_to("nowhere.mp4")
    assert [item.name for item in read(root, SPLIT).items] == ["broken", "good", "loop"]


def test_links_as_dvc_makes_them_are_used(corpus):
    """`dvc add` with cache.type symlink puts a link into the cache in the place of each file."""
    root = corpus(table="path,labels\nclip.mp4,clip.csv\n")
    cache = root.parent / ".dvc/cache/files/md5"
    for number, name in enumerate(("clip.mp4", "clip.csv")):
        place = cache / f"0{number}" / (30 * "a")
        place.parent.mkdir(parents=True)
        place.write_text("valence,arousal\n0,1\n")
        (root / name).symlink_to(place)
    (item,) = read(root, SPLIT).items
    assert item.path == root / "clip.mp4"
    assert item.labels["arousal"].tolist() == [1.0]
    (root / "items.csv").unlink()
    assert [item.name for item in read(root, SPLIT).items] == ["clip"]


@pytest.mark.parametrize("place", ["cache/files/md5/0a/short", "md5/0a/" + 30 * "a"])
def test_only_dvc_s_own_files_are_its_cache(corpus, place):
    root = corpus()
    outside = root.parent / place
    outside.parent.mkdir(parents=True)
    outside.write_bytes(b"")
    (root / "clip.mp4").symlink_to(outside)
    with pytest.raises(InputError, match=r"clip\.mp4 leads outside .* corpus.links: follow"):
        read(root, SPLIT)


@pytest.mark.parametrize("table", [None, "path\nlink.mp4\nsub/inner.mp4\n"])
def test_links_are_followed_where_that_is_asked_for(corpus, table):
    root = corpus(table=table)
    (root.parent / "out.mp4").write_bytes(b"")
    (root.parent / "far").mkdir()
    (root.parent / "far/inner.mp4").write_bytes(b"")
    (root.parent / "far/back").symlink_to(root)  # in a circle
    (root / "link.mp4").symlink_to(root.parent / "out.mp4")
    (root / "sub").symlink_to(root.parent / "far")
    with following_links(follow=True):
        assert [item.name for item in read(root, SPLIT).items] == ["link", "sub--inner"]


def test_a_path_that_climbs_out_is_refused_where_links_are_followed(corpus):
    root = corpus(table="path\n../out.mp4\n")
    (root.parent / "out.mp4").write_bytes(b"")
    with following_links(follow=True), pytest.raises(InputError, match="leads outside"):
        read(root, SPLIT)


def test_a_linked_folder_is_named_as_not_followed(corpus):
    root = corpus("a.mp4", "z/b.mp4")
    (root.parent / "far").mkdir()
    (root.parent / "far/c.mp4").write_bytes(b"")
    (root / "sub").symlink_to(root.parent / "far")
    (root / "again").symlink_to("z")
    found = read(root, SPLIT)
    assert [item.name for item in found.items] == ["a", "z--b"]
    assert "linked folders that corpus.links: follow would follow: sub" in found.notes


def test_what_a_mac_leaves_is_no_media(corpus):
    root = corpus("a.mp4", "._a.mp4", "sub/b.mp4", "sub/._b.mp4", "__MACOSX/a.mp4", ".hidden.mp4")
    found = read(root, SPLIT)
    assert [item.path.name for item in found.items] == ["a.mp4", ".hidden.mp4", "b.mp4"]
    assert "3 of a Mac's own files (._*, __MACOSX) are left out" in found.notes


@pytest.mark.parametrize(("written", "stored"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFC", "NFC")])
def test_accents_are_the_same_however_they_are_spelled(corpus, written, stored):
    names = ["Zoë/ümläut.mp4", "Zoë/é.csv"]
    on_disk, in_table = (
        [unicodedata.normalize(form, name) for name in names] for form in (stored, written)
    )
    root = corpus(on_disk[0], table=f"path,labels\n{in_table[0]},{in_table[1]}\n")
    (root / on_disk[1]).write_text("valence,arousal\n0,1\n")
    (item,) = read(root, SPLIT).items
    assert item.path.samefile(root / on_disk[0])
    assert item.labels["arousal"].tolist() == [1.0]


def test_a_name_that_is_no_utf_8_is_an_input_error(corpus):
    root = corpus("good.mp4")
    (root / os.fsdecode(b"caf\xe9.mp4")).touch()
    with pytest.raises(InputError, match="has a file named"):
        read(root, SPLIT)


def test_a_long_name_leaves_room_for_endings(corpus):
    (item,) = read(corpus("x" * 251 + ".mp4"), SPLIT).items
    assert len(item.name) < 220


@pytest.mark.parametrize("path", [b"a\x00b.mp4", b"x" * 400])
def test_impossible_file_names_are_an_input_error(corpus, path):
    with pytest.raises(InputError, match="row 2 column path: there is no file"):
        read(corpus(table=b"path\n" + path + b"\n"), SPLIT)


HOSTILE = [
    *("zarr.json.mp4", "---.mp4", "...mp4", ".hidden.mp4", "-rf.mp4", "a b.mp4", "a  b.mp4"),
    *("ünï.mp4", "üni.mp4", "日本.mp4", "日木.mp4", "$(rm).mp4", "a'b\"c.mp4", "[red]x.mp4"),
    *("a/b.mp4", "a--b.mp4", "same.mp4", "same.avi", "same.x.mp4", "tab\there.mp4", "%41.mp4"),
]


def test_any_file_name_gives_a_plain_unique_name(corpus):
    items = read(corpus(*HOSTILE), SPLIT).items
    names = [item.name for item in items]
    assert len(set(names)) == len(names) == len(HOSTILE)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name)
    assert "zarr.json" not in names  # a store's own file
    assert {item.speaker for item in items} == set(HOSTILE)


def test_names_do_not_hang_on_the_other_files(corpus):
    root = corpus("ünï.mp4", "plain.mp4")
    before = {item.path: item.name for item in read(root, SPLIT).items}
    corpus("another.mp4")
    after = {item.path: item.name for item in read(root, SPLIT).items}
    assert before.items() <= after.items()
    assert item_name("plain.mp4") == "plain"


# ------------------------------------------------------------------ random splits


@pytest.fixture
def twenty(corpus):
    rows = [f"{i}.mp4,speaker{i % 20}" for i in range(60)]
    names = [f"{i}.mp4" for i in range(60)]
    return corpus(*names, table="\n".join(["path,speaker", *rows]))


def split_of(corpus):
    found = {}
    for item in corpus.items:
        assert found.setdefault(item.speaker, item.split) == item.split
    return found


def test_random_splits_are_disjoint_in_speakers_and_of_the_size_asked_for(twenty):
    dealt = list(split_of(read(twenty, SplitSettings(validation=0.2, test=0.3))).values())
    assert [dealt.count(part) for part in SPLITS] == [10, 4, 6]


def test_random_splits_are_reproducible(twenty):
    dealt = [split_of(read(twenty, SplitSettings(seed=seed))) for seed in (0, 0, 1)]
    assert dealt[0] == dealt[1] != dealt[2]


def test_random_splits_do_not_hang_on_the_order_of_the_rows(twenty):
    before = split_of(read(twenty, SPLIT))
    header, *rows = (twenty / "items.csv").read_text().split("\n")
    (twenty / "items.csv").write_text("\n".join([header, *reversed(rows)]))
    assert split_of(read(twenty, SPLIT)) == before


@pytest.mark.parametrize("speakers", [1, 2, 3, 7])
@pytest.mark.parametrize(
    ("validation", "test"), [(0, 0), (0.15, 0.15), (0.5, 0.45), (0.9, 0.05), (0, 0.99)]
)
def test_at_least_one_speaker_trains(corpus, speakers, validation, test):
    root = corpus(*(f"{i}.mp4" for i in range(speakers)))
    items = read(root, SplitSettings(validation=validation, test=test)).items
    assert len(items) == speakers
    assert any(item.split == "train" for item in items)


def test_the_example_in_the_documentation_of_item_name():
    assert doctest.testmod(folder).failed == 0
