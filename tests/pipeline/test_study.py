"""Small studies from beginning to end: they go on where they were, and leave nothing behind."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from features.corpora.listing import RESULTS
from features.errors import InputError
from features.task import Task
from pipeline import study
from pipeline.params import load_params, read_settings
from pipeline.studies import runs as study_runs
from pipeline.studies.champion import ALIKE, AUDIO_ONLY, CHAMPION, RIVALS
from pipeline.studies.settings import StudySettings
from reports.numbers.schema import evaluation_columns
from tests.helpers.entries import keys_in
from tests.helpers.project import Project

SETTINGS = """
corpus:
  name: simulated
  root: features/corpora/made
  simulated: {train: 6, test: 2, frames: 60, video: 8, audio: 6}
train:
  seeds: [0]
  epochs: 1
  batch_clips: 4
  precision: fp32
  network: {dim: 8, heads: 2, ffn: 8, layers: 1}
streams:
  picture: {modality: video, extractor: given, of: picture, normalise: false}
  sound: {modality: audio, extractor: given, of: sound}
models:
  baseline: {sees: [sound, picture]}
  lacuna: {sees: [sound, picture], presence: marked, ablation: {strategy: mixed}}
evaluate:
  trials: 1
  conditions: [{strategy: clip_zero, p: [1.0, 0.0]}]
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of a study, in an empty folder to run it in."""
    folder = tmp_path / "studies"
    folder.mkdir()
    (folder / "small.yaml").write_text(SETTINGS)
    monkeypatch.setattr(study, "SETTINGS", folder)
    monkeypatch.setenv("LACUNA_CACHE", "cache")
    monkeypatch.chdir(tmp_path)
    return folder / "small.yaml"


def run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["study", "small"])
    study.main()


@pytest.mark.slow
def test_a_study_publishes_results_that_its_stages_computed(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch)
    target = RESULTS / "study" / "small"
    table = pd.read_csv(target / "results.csv")
    assert set(table["model"]) == {"baseline", "lacuna"}
    assert table["split"].isna().all()
    reported = table[table["speakers"] == "reported"]
    assert set(reported.loc[reported["asked"] == 1, "p"]) == {0.0, 1.0}
    assert reported["n"].eq(2 * 60).all()
    assert "lacuna" in (target / "index.html").read_text()
    assert set(json.loads((target / "metrics.json").read_text())) == {"baseline", "lacuna"}
    described = json.loads((target / "run.json").read_text())["models"]
    assert all(model["minutes"] >= 0 for model in described.values())
    about = json.loads((target / "study.json").read_text())
    assert about["command"] == "python -m pipeline.study small"
    assert (about["trainings"], about["trainings_from_cache"]) == (2, 0)
    assert about["verdict"] == []  # there are no rivals
    assert about["minutes"] > 0

    trained = keys_in(Path("cache"), "train")
    assert len(trained) == 2
    # A model fewer: the results of the other one do not stay, and nothing is trained again.
    small.write_text(SETTINGS.replace("  baseline: {sees: [sound, picture]}\n", ""))
    run(monkeypatch)
    assert keys_in(Path("cache"), "train") == trained
    assert set(pd.read_csv(target / "results.csv")["model"]) == {"lacuna"}
    about = json.loads((target / "study.json").read_text())
    assert (about["trainings"], about["trainings_from_cache"]) == (1, 1)
    assert [folder.name for folder in target.parent.iterdir()] == ["small"]


COLUMNS = evaluation_columns(Task())
ROW = {"model": "m", "speakers": "reported", "modality": "audio", "strategy": "clip_zero"}
ROW |= {"fill": "none", "subset": "all", "target": "valence"}
TABLE = pd.DataFrame([{column: ROW.get(column, "1") for column in COLUMNS}])


def without_work(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stages and models leave results that say nothing."""

    def run_stage(stages: study_runs.Stages, stage: str, *arguments: str) -> None:
        results = workspace / RESULTS
        if stage == "summarise":
            (results / "figures").mkdir(exist_ok=True)
            for name in study.PUBLISHED:
                (results / name).write_text("")

    def run_models(title: str, runs: study.Runs, on_end: Callable[[], None]) -> None:
        ((folder, params),) = runs.values()
        for model in params.models:
            results, weights = folder / RESULTS / "evaluation", folder / "data/models" / model
            for made in (results, weights / "seed-0"):
                made.mkdir(parents=True, exist_ok=True)
            (results / f"{model}.csv").write_text(TABLE.to_csv(index=False))
            (weights / "seed-0" / study.WEIGHTS).touch()

    monkeypatch.setattr(study_runs.Stages, "run", run_stage)
    monkeypatch.setattr(study, "run_models", run_models)
    monkeypatch.setattr(study_runs, "read_task", Task)
    monkeypatch.setattr(study, "read_task", Task)
    monkeypatch.setattr(study_runs, "check_settings", lambda *_, **__: None)


def test_results_are_replaced_whole(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_work(Path("data/studies/small"), monkeypatch)
    run(monkeypatch)
    target = RESULTS / "study" / "small"
    (target / "index.html").write_text("earlier")
    (target / "old.csv").touch()

    def no_space(*_: object) -> None:
        raise InputError("no space", "make room")

    with monkeypatch.context() as now:
        now.setattr(study, "means_table", no_space)
        with pytest.raises(SystemExit):
            run(monkeypatch)
    assert (target / "index.html").read_text() == "earlier"
    run(monkeypatch)
    assert (target / "index.html").read_text() == ""
    assert not (target / "old.csv").exists()
    assert [folder.name for folder in target.parent.iterdir()] == ["small"]


def test_minutes_are_those_of_all_runs_until_one_is_published(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hour(stopwatch: study_runs.Stopwatch) -> None:
        stopwatch._start -= 3600

    file = Path("time.json")
    first = study_runs.Stopwatch(file, "settings")
    hour(first)
    first.save()
    second = study_runs.Stopwatch(file, "settings")
    assert second.began == first.began
    hour(second)
    assert second.seconds == pytest.approx(7200, abs=60)
    assert study_runs.Stopwatch(file, "others").seconds < 60
    second.reset()
    assert study_runs.Stopwatch(file, "settings").seconds < 60


def test_a_mistake_in_the_settings_is_said_once_and_before_any_training(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small.write_text(
        SETTINGS.replace("batch_clips: 4", "batch_clips: 4\n  class_weights: balanced")
    )
    with pytest.raises(SystemExit):
        run(monkeypatch)
    said = capsys.readouterr().err
    assert said.count("train.class_weights") == 1
    logs = {log.name for log in Path("data/studies/small/logs").iterdir()}
    assert logs == {"keys.txt", "corpus.txt"}


def stages(workspace: Path) -> study_runs.Stages:
    return study_runs.Stages(workspace, threads=1, on_end=lambda: None)


def test_a_stage_that_fails_says_where_its_log_is(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("models: {}\n")
    with pytest.raises(
        InputError, match=r"corpus failed \(models .*params.yaml.*\); see"
    ) as failed:
        stages(tmp_path).run("corpus")
    log = tmp_path / "logs" / "corpus.txt"
    assert failed.value.remedy == f"see {log}"
    log.write_text("└───┘\n")  # the end of a table
    assert study_runs._ending(1, log) == "failed"
    assert study_runs._ending(-9, log) == "was killed by signal 9"


def test_paths_are_made_whole_and_the_user_s_execution_is_taken(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = "a" * 64
    small.write_text(
        f"""
faces:
  detector: ssd
  models:
    ssd: {{path: ssd.caffemodel, sha256: {sha256}}}
    ssd_config: {{path: ssd.prototxt, sha256: {sha256}}}
streams:
  fc6: {{extractor: vggface, weights: vgg.pt, sha256: {sha256}}}
  lld: {{extractor: opensmile, set: own.conf, sha256: {sha256}}}
models: {{lacuna: {{}}}}
"""
    )
    for name in ("ssd.caffemodel", "ssd.prototxt", "vgg.pt", "own.conf"):
        Path(name).touch()
    Path("params.yaml").write_text("models: {a: {}}\nexecution: {workers: 3, threads: 2}\n")
    params = study.prepare_workspace(small, tmp_path / "studies")
    assert params == load_params(tmp_path / "studies" / "params.yaml")
    assert params.corpus.root == "features/corpora/made"
    files = params.faces.models
    assert files.ssd is not None
    assert files.ssd_config is not None
    assert files.ssd.path == str(tmp_path / "ssd.caffemodel")
    assert files.ssd_config.path == str(tmp_path / "ssd.prototxt")
    assert params.streams["fc6"].weights == str(tmp_path / "vgg.pt")
    assert params.streams["lld"].set == str(tmp_path / "own.conf")
    assert (params.execution.processes, params.execution.threads) == (3, 2)
    assert params.execution.cache == str(tmp_path / "cache")

    small.write_text(SETTINGS + "execution: {workers: 1, cache: mine}\n")
    params = study.prepare_workspace(small, tmp_path / "studies")
    assert params.execution.processes == 1
    assert params.execution.cache == str(tmp_path / "mine")
    assert params.corpus.root == "features/corpora/made"


MODELS = """
import os, time
from functools import partial
from pipeline.engine.jobs import Job, run_jobs

def sleep(folder, name, out):
    (folder / f"pid-{name}").write_text(str(os.getpid()))
    time.sleep(600)

def run_models(title, runs, on_end):
    ((folder, params),) = runs.values()
    jobs = [Job(name, name * 64, partial(sleep, folder, name)) for name in params.models]
    run_jobs(title, jobs, params.execution)
"""
FACTS = """
import pathlib
pathlib.Path("data/corpus").mkdir(parents=True, exist_ok=True)
facts = '{"task": {"outputs": ["valence"]}, "gives_features": {}}'
pathlib.Path("data/corpus/corpus.json").write_text(facts)
"""


class Sleeper:
    """A study of four models, two at a time, that never end."""

    def __init__(self, project: Project) -> None:
        code = project.folder / "pipeline"
        (code / "studies" / "models.py").write_text(MODELS)
        (code / "corpus.py").write_text(FACTS)
        for stage in ("faces", "extract", "windows"):
            (code / f"{stage}.py").write_text("")
        (code / "keys.py").write_text("def check(*_): ...\n")  # the page's code imports it
        (code / "studies" / "small.yaml").write_text(
            "models: {a: {}, b: {}, c: {}, d: {}}\nexecution: {workers: 2}\n"
        )
        self.project = project
        self.workspace = project.folder / "data/studies/small"

    def start(self) -> "subprocess.Popen[str]":
        return self.project.start("python", "-m", "pipeline.study", "small")

    def children(self) -> list[int]:
        """Two models that are being trained."""
        until = time.monotonic() + 600
        while time.monotonic() < until:
            pids = [file.read_text() for file in self.workspace.glob("pid-*")]
            if len(pids) == 2 and all(pids):
                return [int(pid) for pid in pids]
            time.sleep(0.05)
        raise AssertionError("no two models were begun")


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"  # ended, and nobody has asked yet


@pytest.mark.slow
def test_a_study_that_is_stopped_or_killed_leaves_no_process(
    make_project: Callable[[], Project],
) -> None:
    sleeper = Sleeper(make_project())
    first = sleeper.start()
    children = sleeper.children()
    second = sleeper.start()
    said, _ = second.communicate(timeout=600)
    assert second.returncode == 1
    assert "Error: another run of this study is working in" in said
    assert all(map(is_alive, children))

    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=600)
    assert first.returncode == 130
    assert "Traceback" not in said
    assert not any(map(is_alive, children))
    started = list(sleeper.workspace.glob("pid-*"))
    assert len(started) == 2  # and not the two that waited
    assert json.loads((sleeper.workspace / "time.json").read_text())["seconds"] > 0

    for file in started:
        file.unlink()
    third = sleeper.start()
    children = sleeper.children()
    os.kill(third.pid, signal.SIGKILL)
    third.communicate(timeout=600)
    until = time.monotonic() + 600
    while any(map(is_alive, children)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(is_alive, children))


def test_the_studies_that_come_along_are_in_order() -> None:
    for file in study.SETTINGS.glob("*.yaml"):
        _, params = read_settings(file, StudySettings)
        if params.paper or params.title or file.stem == "since2022":  # with tests of their own
            continue
        needed = (
            {CHAMPION, AUDIO_ONLY} if file.stem == "teacher" else {CHAMPION, *RIVALS, AUDIO_ONLY}
        )
        assert needed <= set(params.models)
        assert file.stem != "levers" or set(ALIKE) <= set(params.models)
        # What is chosen on one split is reported of another.
        chosen_on = file.stem in ("choice", "teacher")
        assert params.evaluate.split == ("validation" if chosen_on else "test")
