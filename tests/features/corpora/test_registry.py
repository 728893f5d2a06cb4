"""A corpus is a row and a module: ours, or the user's own (extensions/, an installed package)."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

import features
from features.corpora.corpus_settings import MADE, CorpusSettings
from features.corpora.item import Corpus, Item, Work
from features.corpora.labels import class_label
from features.corpora.reading import read_corpus
from features.corpora.registry import CORPORA, CorpusRow
from features.corpora.settings import CremadSettings, SplitSettings
from features.corpora.splits import draw_splits, with_validation
from features.errors import InputError
from features.settings import Settings
from features.task import AFFECT

PROJECT = Path(features.__file__).parents[1]

READER = '''
"""A corpus of one's own."""

import numpy as np
import pandas as pd

from features.corpora.item import Corpus, Features, Item
from features.task import AFFECT


def read(root, options, split, work):
    names = (root / "names.txt").read_text().split()
    labels = pd.DataFrame({"time": [np.nan], "valence": [0.5], "arousal": [options["arousal"]]})
    work.progress(1, 1)
    items = [Item(name, None, name, "train", labels) for name in names]
    items += [Item("tested", None, "tested", "test", labels)]
    return Corpus(AFFECT, items, gives={"gestures": "video"}, features=features, identity="one")


def features(name):
    rows = np.ones((5, 3), np.float32)
    return {"gestures": Features(np.arange(5) / 30, rows, np.ones(5, bool))}


nothing = None


def wrong(root, options, split, work):
    return []
'''


def settings_of(root, **others):
    return CorpusSettings.model_validate({"root": str(root), **others})


# ------------------------------------------------------------------ the table


def test_every_row_can_be_loaded_and_has_its_section():
    sections = set(CorpusSettings.model_fields)
    for name, row in CORPORA.items():
        assert callable(row.load())
        assert row.title
        assert (name in sections) == bool(row.settings)
        root = MADE if row.synthetic else "clips"
        assert isinstance(settings_of(root, name=name).section, row.settings_class())


def test_a_section_is_that_of_the_chosen_corpus():
    settings = settings_of("clips", name="cremad", cremad={"ties": "soft"})
    assert settings.section == CremadSettings(ties="soft")
    with pytest.raises(ValidationError, match=r"cremad\.ties\n"):
        settings_of("clips", name="cremad", cremad={"ties": "hard"})


def test_an_unknown_corpus_lists_the_rows_and_is_read_as_no_other():
    with pytest.raises(ValidationError, match="there is no corpus 'iemocap': choose demo, folder,"):
        settings_of("clips", name="iemocap")
    with pytest.raises(InputError, match="there is no corpus 'iemocap'"):
        CORPORA["iemocap"]


def test_a_row_is_all_that_a_corpus_of_ours_needs(monkeypatch, tmp_path):
    """A reader that is in the table is read, without another place that knows its name."""
    row = CorpusRow(code="tests.helpers.corpus_items:read_files")
    monkeypatch.setitem(CORPORA._rows, "folder_again", row)
    (tmp_path / "a.mp4").touch()
    corpus = read_corpus(settings_of(tmp_path, name="folder_again"), Work())
    assert [item.name for item in corpus.items] == ["a"]


def test_options_are_for_one_s_own_alone():
    with pytest.raises(ValidationError, match=r"package\.module:read\), not for cremad"):
        settings_of("clips", name="cremad", options={"ties": "soft"})


def test_settings_come_without_heavy_imports():
    code = (
        "import sys, features.corpora.corpus_settings;"
        "print(sorted({'torch', 'pandas', 'cv2', 'numpy', 'dlib'} & set(sys.modules)))"
    )
    shown = subprocess.run(
        (sys.executable, "-c", code), cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "[]\n"


# ------------------------------------------------------------------ a corpus of one's own


def run(folder, *lines, python=sys.executable, path=""):
    """What a process in a folder prints, with Lacuna on its path."""
    code = "\n".join(
        (
            "from features.corpora.corpus_settings import CorpusSettings",
            "from features.corpora.item import Work",
            "from features.corpora.reading import read_corpus",
            *lines,
        )
    )
    shown = subprocess.run(
        (python, "-c", code),
        cwd=folder,
        env={"PYTHONPATH": f"{PROJECT}:{path}", "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return shown.stdout + shown.stderr


def reading(name):
    return (
        f"settings = CorpusSettings(name={name!r}, root='clips', options={{'arousal': -0.5}})",
        "print(settings.section)",
        "corpus = read_corpus(settings, Work(progress=lambda *done: print(done)))",
        "print([item.name for item in corpus.items], corpus.items[0].labels['arousal'].item())",
        "print(corpus.gives, corpus.features('x')['gestures'].rows.shape)",
    )


READ = "{'arousal': -0.5}\n(1, 1)\n['anna', 'ben', 'tested'] -0.5\n{'gestures': 'video'} (5, 3)\n"


@pytest.fixture
def workplace(tmp_path):
    """A folder with a corpus and a module of one's own."""
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips/names.txt").write_text("anna ben")
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions/gestures.py").write_text(READER)
    return tmp_path


def test_a_corpus_in_extensions(workplace):
    assert run(workplace, *reading("extensions.gestures:read")) == READ


def test_a_corpus_in_an_installed_package(workplace):
    """A virtual environment of its own, with a package in its site-packages."""
    environment = workplace / "environment"
    subprocess.run(
        (sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", environment),
        check=True,
    )
    (place,) = (environment / "lib").glob("python*/site-packages")
    (place / "gesturelab").mkdir()
    (place / "gesturelab/__init__.py").touch()
    (place / "gesturelab/corpus.py").write_text(READER)
    ours = next(path for path in sys.path if path.endswith("site-packages"))
    shown = run(
        workplace,
        *reading("gesturelab.corpus:read"),
        python=environment / "bin/python",
        path=ours,
    )
    assert shown == READ


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("extensions.nowhere:read", "there is no module extensions.nowhere"),
        ("features.corpora.cremad:read", "features.corpora.cremad is in Lacuna's package features"),
        ("gestures:read", "there is no module gestures"),
        ("extensions.gestures", "there is no corpus 'extensions.gestures': choose demo"),
    ],
)
def test_a_name_that_is_none_is_refused_before_anything_is_imported(workplace, name, says):
    assert says in run(workplace, f"CorpusSettings(name={name!r}, root='clips')")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing", "extensions.gestures:missing cannot be loaded"),
        ("nothing", "extensions.gestures:nothing is no function"),
        ("wrong", "extensions.gestures:wrong returns list, not a Corpus"),
    ],
)
def test_a_reader_that_is_none_is_named(workplace, name, says):
    assert says in run(workplace, *reading(f"extensions.gestures:{name}"))


# ------------------------------------------------------------------ a validation split


def corpus_of(train, test=2, *, validation=0, shared=(), labelled=True):
    """Speakers train0, ... with an item each; those in `shared` have one file together."""
    label = class_label({"valence": 0.5}, AFFECT.outputs) if labelled else None
    items = [
        Item(name, Path("both.mp4" if name in shared else f"{name}.mp4"), name, split, label)
        for split, count in (("train", train), ("validation", validation), ("test", test))
        for name in (f"{split}{number}" for number in range(count))
    ]
    return Corpus(AFFECT, items)


def validating(corpus):
    return {item.speaker for item in corpus.items if item.split == "validation"}


def test_a_corpus_without_validation_gets_some_of_its_training_speakers():
    corpus = corpus_of(20, test=5)
    drawn = with_validation(corpus, SplitSettings())
    assert len(validating(drawn)) == 3  # 15 % of 20
    assert all(name.startswith("train") for name in validating(drawn))
    assert sum(item.split == "test" for item in drawn.items) == 5
    assert [item.name for item in drawn.items] == [item.name for item in corpus.items]
    (note,) = drawn.notes
    assert "3 of 20 training speakers" in note
    assert validating(with_validation(corpus, SplitSettings())) == validating(drawn)
    reseeded = with_validation(corpus, SplitSettings(seed=1))
    assert validating(reseeded) != validating(drawn)


@pytest.mark.parametrize(
    "corpus",
    [
        corpus_of(20, validation=1),  # it has one
        corpus_of(20, labelled=False),  # nothing is learnt
        corpus_of(3),  # too few
        corpus_of(0),
    ],
)
def test_other_corpora_stay_as_they_are(corpus):
    assert with_validation(corpus, SplitSettings()) is corpus


def test_no_validation_is_drawn_where_none_is_asked_for():
    corpus = corpus_of(20)
    assert with_validation(corpus, SplitSettings(validation=0.0)) is corpus


@pytest.mark.parametrize("seed", range(8))
def test_speakers_who_share_a_file_stay_together(seed):
    shared = {"train0", "train3", "train4"}
    corpus = corpus_of(6, test=0, shared=shared)
    drawn = validating(with_validation(corpus, SplitSettings(seed=seed)))
    assert drawn
    assert drawn & shared in (set(), shared)


def test_two_train_wherever_there_are_enough():
    for count in range(4, 30):
        for share in (0.01, 0.15, 0.5, 0.9):
            drawn = with_validation(corpus_of(count), SplitSettings(validation=share, test=0.0))
            assert 1 <= len(validating(drawn)) <= count - 1


def test_dealt_speakers_are_in_one_split():
    names = [f"s{i}" for i in range(40)]
    dealt = draw_splits(names, SplitSettings())
    assert sorted(dealt) == sorted(names)
    assert np.unique(list(dealt.values()), return_counts=True)[1].tolist() == [6, 28, 6]


def test_settings_without_a_class_are_empty():
    assert CorpusRow(code="features.corpora.folder:read").settings_class() is Settings


# ------------------------------------------------------------------ through the stage


def test_a_corpus_of_one_s_own_goes_through_its_stage(workplace):
    (workplace / "params.yaml").write_text(
        "corpus: {name: extensions.gestures:read, root: clips, options: {arousal: -0.5}}\n"
        "models: {m: {}}\nexecution: {workers: 1, cache: cache}\n"
        "streams:\n"
        "  fc6: {modality: video, extractor: given, of: gestures}\n"
        "  lld: {modality: audio, extractor: opensmile}\n"
    )
    shown = run(
        workplace,
        "from pipeline import corpus",
        "from features.corpora.listing import read_facts, read_items",
        "corpus.run(checks_only=False)",
        "print(read_facts()['gives_features'], [item.item for item in read_items()])",
        "print({item.has_audio for item in read_items()}, read_items()[0].seconds)",
    )
    assert "3 items (2 train, 1 test), 3 speakers" in shown
    assert "no sound: all frames count as without sound: anna, ben, tested" in shown
    assert "{'gestures': 'video'} ['anna', 'ben', 'tested']\n{False} 0.16" in shown
