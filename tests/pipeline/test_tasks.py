"""The whole pipeline on a corpus of classes, and on one that gives features."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from features.stores.store import open_store
from features.stores.windows import open_windows
from tests.helpers.cremad_factory import make_cremad
from tests.helpers.project import Project


def keep_models(project: Project, *names: str) -> None:
    """Drop the other models from params.yaml."""
    yaml, path = YAML(), project.folder / "params.yaml"
    content = yaml.load(path)
    content["models"] = {name: content["models"][name] for name in names}
    yaml.dump(content, path)


@pytest.fixture(scope="module")
def classes(make_project: Callable[[], Project]) -> tuple[Project, str]:
    """A CREMA-D-shaped demo run through, and what was printed."""
    project = make_project()
    make_cremad(project.folder / "cremad", actors=6)
    project.params(
        {
            # With this seed the actor whose votes are all tied is not one of those held back.
            "corpus": {"name": "cremad", "root": "cremad", "split": {"seed": 3}},
            "faces": {"working_height": 180},
            "train": {"class_weights": "balanced"},
        }
    )
    keep_models(project, "baseline", "audio_only")
    project.git("Begin")
    return project, project.run("dvc", "repro")


@pytest.mark.slow
def test_classes_go_through_the_whole_pipeline(classes: tuple[Project, str]) -> None:
    project, said = classes
    assert "classification per sequence: anger 6" in said
    assert "3 clips" in said  # the ties, left out and counted
    results = project.folder / "reports/results"
    run = json.loads((results / "run.json").read_text())
    assert run["task"]["outputs"][0] == "anger"
    assert run["task"]["metrics"][0] == "macro_f1"
    table = pd.read_csv(results / "evaluation/baseline.csv")
    assert set(table["target"]) == {"class"}
    assert table[["macro_f1", "accuracy"]].apply(lambda c: c.between(0, 1)).all(axis=None)
    answers = pd.read_csv(results / "videos/baseline.csv")
    assert set(answers["annotated"]) <= set(run["task"]["outputs"])
    intact = table[table["p"] == 0]
    agreeing = (answers["annotated"] == answers["predicted"]).mean()
    assert intact["accuracy"].round(4).tolist() == [round(agreeing, 4)] * len(intact)
    page = (results / "index.html").read_text()
    assert "macro F1" in page
    assert (results / "figures/confusion.svg").exists()
    assert "baseline.json" in project.run("dvc", "metrics", "show")
    assert "failed" not in project.run("dvc", "plots", "show")  # of sequences there are no traces
    items = pd.read_parquet(project.folder / "data/corpus/items.parquet")
    assert items.groupby("speaker")["split"].nunique().eq(1).all()
    assert set(items["split"]) == {"train", "validation", "test"}


@pytest.mark.slow
def test_a_class_model_predicts_probabilities(classes: tuple[Project, str]) -> None:
    project, _ = classes
    clip = next((project.folder / "cremad/VideoFlash").glob("*.flv"))
    command = ("python", "-m", "pipeline.predict", str(clip), "--model", "baseline")
    said = project.run(*command, "--out", "predictions")
    assert re.search(r"anger 0\.\d\d", said)
    table = pd.read_csv(project.folder / f"predictions/{clip.stem}.baseline.csv", comment="#")
    shares = table[["anger", "disgust", "fear", "happiness", "neutral", "sadness"]]
    assert shares.sum(axis=1).round(3).tolist() == [1.0]
    assert (project.folder / f"predictions/{clip.stem}.baseline.png").stat().st_size > 5000


@pytest.mark.slow
def test_sound_and_picture_can_keep_rates_of_their_own(
    classes: tuple[Project, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = classes
    sound = {"modality": "audio", "extractor": "opensmile", "context_seconds": 0.0, "align": "none"}
    mult = {"network": "mult", "sees": ["sound", "fc6"], "size": {"heads": 4}}
    project.params({"streams": {"sound": sound}, "models": {"mult": mult}})
    for stage in ("keys", "extract sound", "windows", "train mult", "evaluate mult"):
        project.run("python", "-m", *f"pipeline.{stage}".split())
    monkeypatch.chdir(project.folder)
    windows = open_windows(Path("data/windows.zarr"))
    item = windows.items[0]
    heard, seen = (len(windows.steps(item, stream).index) for stream in ("sound", "fc6"))
    assert heard > 3 * seen  # 100 rows a second, and pictures
    table = pd.read_csv("reports/results/evaluation/mult.csv")
    assert table["macro_f1"].between(0, 1).all()
    assert set(table.loc[table["asked"] == 1, "modality"]) == {"audio", "video"}


@pytest.mark.slow
def test_the_simulated_corpus_goes_through_the_whole_pipeline(
    make_project: Callable[[], Project],
) -> None:
    project = make_project()
    simulated = {"train": 8, "validation": 10, "test": 4, "frames": 150, "video": 12, "audio": 8}
    root = "features/corpora/made"
    project.params({"corpus": {"name": "simulated", "root": root, "simulated": simulated}})
    keep_models(project, "baseline", "video_only")
    project.params(
        {
            "streams": {
                "picture": {
                    "modality": "video",
                    "extractor": "given",
                    "of": "picture",
                    "normalise": False,
                },
                "sound": {"modality": "audio", "extractor": "given", "of": "sound"},
            },
            "models": {
                "baseline": {"sees": ["sound", "picture"]},
                "video_only": {"sees": ["picture"]},
            },
        }
    )
    project.git("Begin")
    said = project.run("dvc", "repro")
    assert said.count("there is nothing to extract") == 3  # faces, fc6, lld
    for store in ("faces", "streams/fc6", "streams/lld"):
        path = project.folder / f"data/{store}.zarr"
        assert open_store(path, stage=store).items == ()
    windows = open_windows(project.folder / "data/windows.zarr")
    assert len(windows.items) == 22
    assert set(windows.streams) == {"picture", "sound"}
    table = pd.read_csv(project.folder / "reports/results/evaluation/baseline.csv")
    of_split = table.groupby("speakers")
    assert of_split["n"].agg(set).to_dict() == {"reported": {4 * 150}, "choosing": {10 * 150}}
    for _, rows in of_split:  # every evaluation has the named conditions
        named = rows[rows["unit"] == "signal"]
        assert set(named["strategy"]) == {"none", "clip_zero", "burst"}
        assert set(named["asked"]) == {0}
    trust = pd.read_csv(project.folder / "reports/results/trust/baseline.csv")
    assert set(trust["basis"]) == {"both", "audio", "video", "none", "any"}
    assert (trust.loc[trust["measure"] == "radius", "value"] > 0).all()
    assert trust["value"].notna().all()
    page = (project.folder / "reports/results/index.html").read_text()
    assert "Half widths come from 10 speakers" in page
    assert "Risk against coverage" in page
    page = (project.folder / "reports/results/index.html").read_text()
    assert "Features as the corpus gives them" in page
    assert "<b>Synthetic corpus simulated.</b>" in page
    project.git("Run")
    assert "up to date" in project.run("dvc", "repro")
    refused = project.run(
        "python", "-m", "pipeline.predict", "x.mp4", "--model", "baseline", fails=True
    )
    assert "was trained on features that its corpus gives" in refused
    assert "Traceback" not in refused
