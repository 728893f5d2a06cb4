"""The scripts of docs/corpora-recipes.md, on tiny trees in the layouts that they are for."""

import re
import sys

import numpy as np
import pytest
from ruamel.yaml import YAML

from features.corpora.checks import check_speakers
from features.corpora.corpus_settings import CorpusSettings
from features.corpora.item import Work
from features.corpora.reading import read_corpus
from features.media.decoding import probe
from tests.helpers.media_factory import flat_frames, make_video, tone
from tests.helpers.project import ROOT

PAGE = (ROOT / "docs/corpora-recipes.md").read_text()


def written(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """Run the script below a heading of the page, and read what it wrote as the page says."""

    def run(heading):
        section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
        (script,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
        monkeypatch.setattr(sys, "argv", ["recipe.py", str(tmp_path)])
        exec(compile(script, heading, "exec"), {"__name__": "__main__"})
        (settings,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
        settings = YAML(typ="safe").load(settings)["corpus"] | {"root": str(tmp_path)}
        corpus = read_corpus(CorpusSettings(**settings), Work())
        check_speakers(corpus.items)
        return corpus

    return run


def test_iemocap(recipe, tmp_path):
    for session in range(1, 6):
        for letter in "FM":
            dialog = f"Ses0{session}{letter}_impro01"
            folder = tmp_path / f"Session{session}/dialog"
            written(folder / f"avi/DivX/{dialog}.avi")
            written(
                folder / f"EmoEvaluation/{dialog}.txt",
                "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
                f"[6.2901 - 8.2357]\t{dialog}_F000\tneu\t[2.5000, 2.5000, 2.5000]\n"
                "C-E2:\tNeutral;\t()\nA-E3:\tval 3; act 2; dom  2;\t()\n\n"
                f"[10.0100 - 11.3925]\t{dialog}_M001\texc\t[4.5000, 4.5000, 2.5000]\n"
                f"[12.0000 - 13.0000]\t{dialog}_M002\txxx\t[2.5000, 2.5000, 2.5000]\n",
            )
    corpus = recipe("IEMOCAP")
    assert corpus.task.outputs == ("happy", "neutral")
    assert len(corpus.items) == 20  # what raters did not agree on is left out
    assert {i.speaker: i.split for i in corpus.items} == {
        f"Ses0{session}{sex}": split
        for session, split in enumerate(["train"] * 3 + ["validation", "test"], start=1)
        for sex in "FM"
    }
    first = {i.side: i for i in corpus.items if "Ses01F" in i.path.name}
    assert (first["left"].speaker, first["left"].start, first["left"].end) == (
        "Ses01F",
        6.2901,
        8.2357,
    )
    assert first["right"].labels["happy"].item() == 1
    other = {i.side: i.speaker for i in corpus.items if "Ses01M" in i.path.name}
    assert other == {"left": "Ses01M", "right": "Ses01F"}


def test_recola(recipe, tmp_path):
    for number in (16, 28, 45, 46):
        written(tmp_path / f"RECOLA-Video-recordings/P{number}.mp4")
        for target, high in (("arousal", 0.6), ("valence", -0.6)):
            rows = [f"{0.04 * i:.2f};{high};{high};{high};0;0;0" for i in range(150)]
            header = "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3"
            written(
                tmp_path / f"RECOLA-Annotation/emotional_behaviour/{target}/P{number}.csv",
                "\n".join([header, *rows]) + "\n",
            )
    corpus = recipe("RECOLA")
    splits = {i.speaker: i.split for i in corpus.items}
    assert splits == {"P16": "test", "P28": "validation", "P45": "train", "P46": "train"}
    labels = corpus.items[0].labels
    np.testing.assert_allclose(labels["time"].iloc[[0, -1]], [0.0, 5.96 - 2.8], atol=1e-9)
    np.testing.assert_allclose(labels[["arousal", "valence"]], [[0.3, -0.3]] * 80)


def test_sewa(recipe, tmp_path):
    (tmp_path / "video").mkdir()
    (tmp_path / "audio").mkdir()
    for number, name in enumerate(["Train_DE_01", "Train_DE_02", "Devel_HU_01", "Test_DE_01"]):
        make_video(tmp_path / f"video/{name}.mp4", flat_frames(5, first=40 + number), 10)
        make_video(tmp_path / f"audio/{name}.wav", None, sound=tone(0.5), audio_codec="pcm_s16le")
        rows = [f"'{name}';{0.1 * i:.1f};0.1;{0.01 * i:.2f};-0.5" for i in range(30)]
        written(tmp_path / f"labels/{name}.csv", "\n".join(rows) + "\n")
    corpus = recipe("SEWA")
    assert [(i.name, i.speaker, i.split) for i in corpus.items] == [
        ("media--Devel_HU_01", "Devel_HU_01", "test"),
        ("media--Train_DE_01", "Train_DE_01", "train"),
        ("media--Train_DE_02", "Train_DE_02", "train"),
    ]
    assert corpus.items[0].groups == {"group_culture": "HU"}
    assert corpus.task.outputs == ("arousal", "valence", "liking")
    labels = corpus.items[0].labels
    np.testing.assert_allclose(labels["valence"], 0.01 * np.arange(20, 30))
    np.testing.assert_allclose(labels["time"].iloc[[0, -1]], [0.0, 0.9], atol=1e-9)
    info = probe(corpus.items[0].path)
    assert info.has_video
    assert info.has_audio


def test_muse(recipe, tmp_path):
    splits = {"1": "train", "2": "train", "3": "devel", "4": "test"}
    lines = "".join(f"{video},{split}\n" for video, split in splits.items())
    written(tmp_path / "metadata/partition.csv", f"Id,Proposal\n{lines}")
    for video, split in splits.items():
        written(tmp_path / f"raw/video/{video}.mp4")
        for target in ("arousal", "valence"):
            rows = [
                f"{at},{'' if split == 'test' else 0.25},{1 + (at > 500)}"
                for at in (0, 250, 500, 10_000)
            ]
            text = "\n".join(["timestamp,value,segment_id", *rows]) + "\n"
            written(tmp_path / f"c1_muse_wild/label_segments/{target}/{video}.csv", text)
    corpus = recipe("MuSe")
    assert [(i.speaker, i.split) for i in corpus.items] == [
        ("video-1", "train"),
        ("video-2", "train"),
        ("video-3", "test"),
    ]
    assert corpus.items[0].labels["time"].tolist() == [0.0, 0.25, 0.5, 10.0]
    assert corpus.items[0].labels["valence"].tolist() == [0.25] * 4
