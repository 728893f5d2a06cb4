"""The stage: what training depends on, and what is refused before it."""

from pathlib import Path

import pytest

from features.task import Task
from models.training.stores import Inputs, read_inputs
from pipeline import evaluate, train
from pipeline.params import load_params


@pytest.mark.parametrize("stage", [train, evaluate])
def test_training_and_evaluation_refuse_it_before_any_work(tmp_path, monkeypatch, capsys, stage):
    monkeypatch.chdir(tmp_path)
    sections = "train: {heldout: validation}\nevaluate: {split: validation}\n"
    Path("params.yaml").write_text("models: {mine: {}}\n" + sections)
    monkeypatch.setattr("sys.argv", ["stage", "mine"])
    write_inputs("mine")
    monkeypatch.setattr(stage, "check", lambda *_: None)
    with pytest.raises(SystemExit) as caught:
        stage.main()
    assert caught.value.code == 1
    assert "are both validation" in capsys.readouterr().err


# ------------------------------------------------------------------ when to train again

PARAMS = {
    "models": "{mine: {}, other: {}}",
    "train": "{}",
    "evaluate": "{}",
    "execution": "{}",
    "faces": "{}",
}
ITEMS = {"a": ("1", "train"), "b": ("2", "train"), "c": ("3", "train")}
"""Speaker and split by item."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose models have manifests of what they read."""
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "other"):
        write_inputs(name)
    return tmp_path


def write_inputs(name, *, items=ITEMS, rows="1", seconds=4):
    common = {
        "task": Task().model_dump(mode="json"),
        "gives_features": False,
        "clip_frames": 25 * seconds,
    }
    contents = {
        item: {
            "speaker": speaker,
            "split": split,
            "labelled": True,
            "frames": "f",
            "shown": "s",
            "streams": {"audio": rows, "video": "2"},
        }
        for item, (speaker, split) in items.items()
    }
    Inputs(common, contents).write(Path("data/inputs") / f"{name}.json")


def key(*, name="mine", seed=0, items=None, **sections):
    text = "\n".join(f"{section}: {value}" for section, value in {**PARAMS, **sections}.items())
    Path("params.yaml").write_text(text)
    if items is not None:
        write_inputs(name, items=items)
    params, inputs = load_params(), read_inputs(name)
    job = train.training_job(params, name, train.plan_of(params, name, seed, inputs), inputs)
    return job.key


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 1},
        {"models": "{mine: {ablation: {strategy: frame_zero, p: 0.5}}, other: {}}"},
        {"train": "{epochs: 3}"},
        {"train": "{threads: 2}"},
        {"train": "{network: {dim: 64}}"},
        {"models": "{mine: {size: {dim: 64}}, other: {}}"},
        {"models": "{mine: {options: {auxiliary: 0.5}}, other: {}}"},
        {"models": "{mine: {train: {epochs: 3}}, other: {}}"},
        {"models": "{mine: {preset: parthasarathy2021}, other: {}}"},
        {"items": {"a": ("1", "train"), "b": ("2", "train")}},
        {"train": "{heldout: 0.5}"},
        {"train": "{heldout: validation}", "items": ITEMS | {"c": ("3", "validation")}},
    ],
    ids=str,
)
def test_what_the_weights_depend_on_changes_the_key(project, changed):
    before = key()
    assert key(**changed) != before


@pytest.mark.parametrize(
    "changed",
    [
        {"models": "{mine: {}, other: {ablation: {strategy: frame_zero}}, third: {}}"},
        {"train": "{seeds: [0, 7]}"},
        {"train": "{checkpoint_seconds: 1}"},
        {"evaluate": "{trials: 2}"},
        {"execution": "{workers: 1, device: cpu}"},
    ],
    ids=str,
)
def test_what_they_do_not_depend_on_does_not(project, changed):
    assert key(**changed) == key()


PRESET = "{mine: {preset: parthasarathy2020, train: {epochs: 3}}, other: {}}"


def test_shared_settings_that_the_preset_replaces_do_not_change_the_key(project):
    before = key(models=PRESET)
    replaced = "{learning_rate: 0.5, epochs: 9, network: {dim: 64}}"
    assert key(models=PRESET, train=replaced) == before
    assert key(models=PRESET, train="{batch_clips: 5}") != before


@pytest.mark.parametrize("changed", [{"rows": "another"}, {"seconds": 5}], ids=str)
def test_other_features_change_the_key(project, changed):
    before = key()
    write_inputs("mine", **changed)
    assert key() != before


def test_a_name_changes_nothing(project):
    assert key(name="mine") == key(name="other")


# ------------------------------------------------------------------ the command


def test_an_unknown_model_is_refused_before_any_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("models: {one: {}}")
    monkeypatch.setattr("sys.argv", ["train", "two"])
    with pytest.raises(SystemExit) as caught:
        train.main()
    assert caught.value.code == 1
    assert "params.yaml has no model named two; it has one." in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["params.yaml"]
