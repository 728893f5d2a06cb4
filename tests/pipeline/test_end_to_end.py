"""The whole pipeline on a tiny demo corpus, as a user runs it."""

import json
import re
import signal
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from features.stores.windows import open_windows
from tests.helpers.project import Project

MODELS = (
    "baseline",
    "clip_zero",
    "frame_zero",
    "frame_repeat",
    "video_only",
    "audio_only",
    "lacuna",
)


def ran(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def test_every_result_is_there(finished: Project) -> None:
    results = finished.folder / "reports/results"
    metrics = json.loads((results / "metrics.json").read_text())
    assert tuple(metrics) == MODELS
    assert all(np.isfinite(v) for m in metrics.values() for t in m.values() for v in t.values())
    page = (results / "index.html").read_text()
    assert "synthetic" in page.lower()
    assert "random weights" in page.lower()
    for model in MODELS:
        assert (finished.folder / f"data/models/{model}/seed-0/model.safetensors").exists()
        table = pd.read_csv(results / f"evaluation/{model}.csv")
        table = table[(table["asked"] == 1) & (table["speakers"] == "reported")]
        conditions = table[["modality", "strategy", "p"]].drop_duplicates()
        assert len(conditions) == 30
        random = table[(table["p"] > 0) & (table["p"] < 1)]
        assert (
            random.groupby(["modality", "strategy", "p", "target"])["trial"].nunique().eq(2).all()
        )


def test_what_was_made_missing_is_found_missing(finished: Project) -> None:
    """The truth of the demo corpus against the present flags of the stores."""
    windows = open_windows(finished.folder / "data/windows.zarr")
    agree = {"face": [], "voice": []}
    for name in windows.items:
        truth = pd.read_csv(finished.folder / f"data/corpus/demo/truth/{name}.csv")
        for kind, flag in (("face", "face"), ("voice", "sound")):
            agree[kind].append(windows.array(name, flag) == truth[kind].to_numpy(bool))
    assert np.concatenate(agree["face"]).mean() > 0.95
    assert np.concatenate(agree["voice"]).mean() > 0.95
    for flag in ("face", "sound"):
        assert any((~windows.array(name, flag)).any() for name in windows.items)


def test_labels_survive_exactly_and_speakers_never_cross_splits(finished: Project) -> None:
    windows = open_windows(finished.folder / "data/windows.zarr")
    for name in windows.items:
        labels = pd.read_csv(finished.folder / f"data/corpus/demo/labels/{name}.csv")
        stored = windows.labels(name)
        expected = labels[["valence", "arousal"]].to_numpy(np.float32)
        assert np.array_equal(stored, expected)
    items = pd.read_parquet(finished.folder / "data/corpus/items.parquet")
    assert items.groupby("speaker")["split"].nunique().eq(1).all()
    assert set(items["split"]) == {"train", "validation", "test"}


def test_a_second_repro_finds_nothing_to_do(finished: Project) -> None:
    output = finished.run("dvc", "repro")
    assert ran(output) == set()
    assert "up to date" in output


def test_metrics_show_prints_a_row_per_model(finished: Project) -> None:
    output = finished.run("dvc", "metrics", "show")
    assert all(re.search(rf"{model}\.json +-?\d", output) for model in MODELS)
    assert max(map(len, output.splitlines())) < 200


def test_a_changed_probability_retrains_its_model_alone(finished: Project) -> None:
    output = finished.run("dvc", "exp", "run", "-S", "models.frame_zero.ablation.p=0.9")
    assert ran(output) == {"keys", "train@frame_zero", "evaluate@frame_zero", "summarise"}
    changed = finished.run("dvc", "metrics", "diff")
    assert "frame_zero.json" in changed
    assert "baseline.json" not in changed
    finished.run("dvc", "plots", "diff", "-o", "plots-diff")
    assert (finished.folder / "plots-diff/index.html").stat().st_size > 100_000
    finished.run("git", "checkout", "-q", ".")
    finished.run("dvc", "checkout", "-q")


def test_impossible_params_are_refused_before_any_work(finished: Project) -> None:
    output = finished.run("dvc", "exp", "run", "-S", "models.frame_zero.ablation.p=1.5", fails=True)
    assert "models.frame_zero.ablation.p" in output
    assert "1.5" in output
    assert "Traceback" not in output
    # DVC's index takes a file of the same size and second for unchanged.
    (finished.folder / "params.yaml").touch()
    finished.run("git", "checkout", "-q", ".")
    assert "p: 1.5" not in (finished.folder / "params.yaml").read_text()


def test_a_killed_training_ends_with_the_same_weights(finished: Project) -> None:
    """SIGKILL at three moments of a longer training, each time begun again."""
    weights = {}
    finished.params({"train": {"epochs": 40, "patience": 40, "checkpoint_seconds": 0}})
    finished.run("python", "-m", "pipeline.keys")
    reference = finished.cache
    for way in ("undisturbed", "killed"):
        finished.cache = finished.folder / f"item-cache-{way}"
        if way == "killed":
            checkpoints = finished.cache / "training"
            for least in (1, 3, 5):
                process = finished.start("python", "-m", "pipeline.train", "frame_zero")
                while len(list(checkpoints.glob("*.state"))) == 0 and process.poll() is None:
                    time.sleep(0.02)
                time.sleep(0.2 * least)
                process.send_signal(signal.SIGKILL)
                process.communicate()
        finished.run("python", "-m", "pipeline.train", "frame_zero")
        weights[way] = load_file(
            finished.folder / "data/models/frame_zero/seed-0/model.safetensors"
        )
    finished.cache = reference
    finished.run("git", "checkout", "-q", ".")
    finished.run("dvc", "checkout", "-q", "--force")
    assert weights["killed"].keys() == weights["undisturbed"].keys()
    for name, value in weights["undisturbed"].items():
        assert np.array_equal(value, weights["killed"][name]), name


def test_bad_files_are_named_and_the_others_are_done(
    make_project: Callable[[], Project], finished: Project
) -> None:
    project, videos = make_project(), finished.folder / "data/corpus/demo"
    root = project.folder / "my-videos"
    root.mkdir()
    (root / "good.mp4").write_bytes((videos / "clip_000.mp4").read_bytes())
    (root / "empty.mp4").write_bytes(b"")
    (root / "text.mp4").write_text("not a video")
    (root / "cut.mp4").write_bytes((videos / "clip_001.mp4").read_bytes()[:20_000])
    project.params({"corpus": {"name": "folder", "root": "my-videos"}})
    output = project.run("python", "-m", "pipeline.corpus", fails=True)
    for name in ("empty", "text", "cut"):
        assert re.search(rf"{name} .*corpus", output), output
    assert "3 items failed, 1 are done and kept" in output
    assert "Traceback" not in output
    reasons = dict.fromkeys(("empty", "text", "cut"), "broken, for this test")
    project.params({"corpus": {"exclude": reasons}})
    output = project.run("python", "-m", "pipeline.corpus")
    assert "excluded cut: broken, for this test" in output
    assert "no labels: features only: good" in output
