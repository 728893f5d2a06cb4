"""What a run will take: the proportions, and one real measuring of a small corpus."""

import numpy as np
import pandas as pd
import pytest

from features.corpora.corpus_settings import CorpusSettings
from features.corpora.item import Work
from features.corpora.reading import read_corpus
from features.task import AFFECT, Task
from pipeline.extraction.inspecting import inspect_all
from pipeline.forecast import measuring, show
from pipeline.forecast.scaling import Measures, ModelRate, Rate, clips, pictures, sound, stages
from pipeline.params import Params
from tests.helpers.face_factory import portrait
from tests.helpers.media_factory import make_video, tone

TABLE = pd.DataFrame(
    {
        "item": ["a", "b", "c", "d"],
        "path": ["a.mp4", "b.mp4", "b.mp4", "d.wav"],
        "sha256": ["1", "2", "2", "3"],
        "side": "",
        "person": "",
        "split": ["train", "train", "validation", "test"],
        "labelled": [True, True, True, True],
        "start": [0.0, 0.0, 60.0, 0.0],
        "seconds": [100.0, 50.0, 40.0, 10.0],
        "rate": [30.0, 20.0, 20.0, np.nan],
        "has_video": [True, True, True, False],
        "has_audio": [True, True, True, True],
    }
)
"""Two recordings, one of them in two parts, and a sound: 100 s, 100 s and 10 s."""

PARAMS = Params(
    train={"seeds": [0, 1, 2], "epochs": 10, "refit": 2, "heldout": 0.2},
    models={"m": {}},
    evaluate={"trials": 2, "conditions": [{"strategy": "clip_zero", "p": [0.5]}]},
)


def test_there_is_as_much_as_files_hold():
    assert pictures(TABLE) == 100 * 30 + 100 * 20
    assert sound(TABLE) == 210
    assert clips(TABLE, AFFECT, 100).tolist() == [30, 10, 8, 3]
    classes = Task(kind="classification", level="sequence", outputs=("a", "b"))
    assert clips(TABLE, classes, 80).tolist() == [37.5, 12.5, 10, 3.75]


def test_stages_are_scaled():
    measures = Measures(
        "2 s of a",
        Rate(seconds=0.02, size=1000, jobs=2),
        {"fc6": Rate(0.1, 100, 1), "lld": Rate(0.5, 10, 2)},
        Rate(0.001, 1, 1),
        {"m": ModelRate(epoch=0.1, run=2.0, run_clip=0.01, size=5, jobs=2)},
    )
    found = {s.name: (s.seconds, s.size) for s in stages(PARAMS, AFFECT, TABLE, measures)}
    # Two conditions of the grid and four named ones are random; three are not.
    runs = 2 * (2 + 4) + 3
    assert found == {
        "faces": pytest.approx((0.02 * 5000 / 2, 5e6)),
        "extract@fc6": pytest.approx((500, 5e5)),
        "extract@lld": pytest.approx((0.5 * 210 / 2, 2100)),
        "windows": pytest.approx((5.1, 5100)),
        # 40 clips, ten epochs of four fifths and two of all; two turns for three seeds.
        "train@m": pytest.approx((0.1 * 40 * (10 * 0.8 + 2) * 2, 15)),
        "evaluate@m": pytest.approx((runs * (2 + 0.01 * 11) * 2, 0)),
    }


def test_what_cannot_be_measured_is_named(capsys, monkeypatch):
    def nothing(*_):
        return Measures("2 s of a", faces=Rate(36.0, 1e6, 1), notes=["no [such] file"])

    monkeypatch.setattr(show, "measure_here", nothing)
    corpus = type("Corpus", (), {"task": AFFECT})
    found = show.forecast(PARAMS, corpus, TABLE)
    assert [stage.name for stage in found.stages] == ["faces"]
    show.show(found)
    said = capsys.readouterr().err
    assert "50:00:00" in said
    assert "no [such] file\n" in said


def test_a_small_corpus_is_measured_by_its_stages(tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "COPIES", {"train": 3, "validation": 1, "test": 2})
    root = tmp_path / "clips"
    root.mkdir()
    make_video(root / "a.mp4", [portrait()[0]] * 15, sound=tone(0.5))
    make_video(root / "b.mp4", [portrait(left=90)[0]] * 15, sound=tone(0.5))
    (root / "items.csv").write_text("path,speaker,split\na.mp4,a,train\nb.mp4,b,test\n")
    params = Params(
        corpus=CorpusSettings(name="folder", root=str(root)),
        streams={
            "mel": {"modality": "audio", "extractor": "logmel"},
            "pixels": {"modality": "video", "extractor": "crops"},
            "fc6": {
                "modality": "video",
                "extractor": "vggface",
                "weights": "no.h5",
                "sha256": "0" * 64,
            },
        },
        train={"network": {"dim": 8, "heads": 2, "ffn": 8, "layers": 1}},
        models={
            "m": {"network": "unimodal", "sees": ["mel"]},
            "like_m": {"network": "unimodal", "sees": ["mel"], "train": {"epochs": 9}},
            "other": {"sees": ["mel", "fc6"]},
        },
        execution={"workers": 1, "cache": str(tmp_path / "cache"), "device": "cpu"},
    )
    corpus = read_corpus(params.corpus, Work())
    table, _ = inspect_all(corpus, corpus.items, params.execution, {})
    (tmp_path / "small").mkdir()
    found = measuring.Measuring(params, corpus, table, tmp_path / "small").run()
    assert found.piece == "0.5 s of a"
    assert found.faces.seconds > 0
    assert found.faces.size > 1000
    assert found.streams["mel"].size > 64 * 4 * 50
    assert set(found.streams) == {"mel"}
    assert found.windows.seconds > 0
    assert found.models["m"].epoch > 0
    assert found.models["m"].run_clip >= 0
    assert found.models["like_m"] == found.models["m"]
    assert len(found.notes) == 2
    assert found.notes[0].startswith("extract@fc6 is not estimated: ")
    assert found.notes[1] == "models.other is not estimated: it sees fc6"
    assert not list(tmp_path.glob("cache/training/*"))
