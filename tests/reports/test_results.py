"""Reading result files: what is right is read, what is wrong is named."""

import json

import pandas as pd
import pytest
import result_files

from reports.results import ResultsError, caveat, load

MODELS, SEEDS = ("baseline", "clip_zero"), (0, 1)


@pytest.fixture
def folder(tmp_path):
    return result_files.write(tmp_path, MODELS, SEEDS)


def change(path, **columns):
    pd.read_csv(path).assign(**columns).to_csv(path, index=False)


def test_reads_every_named_model_and_nothing_else(folder):
    (folder / "evaluation" / "leftover.csv").write_text("not a table")
    results = load(folder, MODELS, SEEDS)
    for table in (results.evaluation, results.videos, results.traces, results.training):
        assert list(table["model"].unique()) == list(MODELS)
    assert results.run["corpus"]["name"] == "demo"
    assert results.traces["annotated"].isna().any()  # an empty cell is an invalid label


def test_items_keep_names_that_look_like_missing_values(folder):
    names = ("NA", "null", "None", "nan")
    for kind in ("videos", "traces"):
        for model in MODELS:
            path = folder / kind / f"{model}.csv"
            table = pd.read_csv(path)
            renamed = table["item"].map(dict(zip(result_files.ITEMS, names, strict=True)))
            table.assign(item=renamed).to_csv(path, index=False)
    results = load(folder, MODELS, SEEDS)
    assert tuple(results.videos["item"].unique()) == names
    assert tuple(results.traces["item"].unique()) == names
    assert results.traces["annotated"].isna().any()


@pytest.mark.parametrize(
    ("synthetic", "random_weights", "expected"),
    [
        ("demo", True, "synthetic demo corpus · random fc6 weights, not VGG-Face"),
        ("demo", False, "synthetic demo corpus"),
        ("simulated", False, "simulated features"),
        ("", True, "random fc6 weights, not VGG-Face"),
        ("", False, ""),
    ],
)
def test_the_caveat_says_what_applies(synthetic, random_weights, expected):
    assert caveat(synthetic=synthetic, random_weights=random_weights) == expected


@pytest.mark.parametrize(
    ("file", "stage"),
    [
        ("evaluation/clip_zero.csv", "evaluate@clip_zero"),
        ("videos/baseline.csv", "evaluate@baseline"),
        ("traces/baseline.csv", "evaluate@baseline"),
        ("training/clip_zero.csv", "train@clip_zero"),
        ("run.json", "summarise"),
    ],
)
def test_a_missing_file_names_itself_and_its_stage(folder, file, stage):
    (folder / file).unlink()
    with pytest.raises(ResultsError, match="is missing") as caught:
        load(folder, MODELS, SEEDS)
    assert file in caught.value.reason
    assert f"dvc repro {stage}" in caught.value.remedy


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"pearson": "high"}, "cannot be read"),
        ({"seed": 0}, "holds seeds 0, params name seeds 0, 1"),
        ({"model": "other"}, "has model 'other', expected baseline"),
        ({"strategy": "clip_one"}, "has strategy 'clip_one', expected clip_zero or"),
        ({"target": "dominance"}, "has target 'dominance', expected valence or arousal"),
        ({"trial": 0}, "two rows for the same seed, modality"),
        ({"n": 7}, "same labels .baseline: 7 to 7; clip_zero: 960 to 960"),
    ],
)
def test_a_wrong_value_is_named(folder, columns, message):
    change(folder / "evaluation" / "baseline.csv", **columns)
    with pytest.raises(ResultsError, match=message):
        load(folder, MODELS, SEEDS)


def test_sequences_have_numbers_or_classes_and_no_traces(tmp_path):
    numbers = load(
        result_files.write(tmp_path / "a", MODELS, SEEDS, task=result_files.DIMENSIONS),
        MODELS,
        SEEDS,
    )
    assert numbers.traces.empty
    assert numbers.videos["annotated"].dtype == numbers.videos["predicted"].dtype == "float64"
    assert list(numbers.videos["target"].unique()) == ["valence", "arousal", "dominance"]
    classes = load(
        result_files.write(tmp_path / "b", MODELS, SEEDS, task=result_files.EMOTIONS),
        MODELS,
        SEEDS,
    )
    assert classes.traces.empty
    assert set(classes.videos["annotated"]) == set(result_files.CLASSES)
    assert set(classes.evaluation["target"]) == {"class"}


def test_a_class_that_the_task_has_not_is_named(tmp_path):
    folder = result_files.write(tmp_path, MODELS, SEEDS, task=result_files.EMOTIONS)
    change(folder / "videos" / "baseline.csv", predicted="joy")
    with pytest.raises(ResultsError, match="has predicted 'joy', expected anger or disgust or"):
        load(folder, MODELS, SEEDS)


def test_a_run_without_fc6_of_its_own_has_no_random_weights(folder):
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(run | {"fc6": None}))
    assert load(folder, MODELS, SEEDS).note == "synthetic demo corpus"
    simulated = run["corpus"] | {"name": "simulated"}
    (folder / "run.json").write_text(json.dumps(run | {"fc6": None, "corpus": simulated}))
    assert load(folder, MODELS, SEEDS).note == "simulated features"


@pytest.mark.parametrize("content", ["", "model,seed\nbaseline,0\n"])
def test_an_empty_or_other_table_cannot_be_read(folder, content):
    (folder / "training" / "baseline.csv").write_text(content)
    with pytest.raises(ResultsError, match=r"baseline\.csv cannot be read"):
        load(folder, MODELS, SEEDS)


def test_a_table_without_rows_is_refused(folder):
    path = folder / "videos" / "baseline.csv"
    pd.read_csv(path).head(0).to_csv(path, index=False)
    with pytest.raises(ResultsError, match="has no rows"):
        load(folder, MODELS, SEEDS)


@pytest.mark.parametrize(
    ("change_of_run", "message"),
    [
        (lambda run: run.update(seeds=[0]), "names seeds 0, params name seeds 0, 1"),
        (lambda run: run.pop("fc6"), "has no fc6"),
        (lambda run: run.pop("task"), "has no task"),
        (lambda run: run["task"].pop("kind"), "a task that is not known: KeyError"),
        (lambda run: run["task"].update(kind="captioning"), "a task that is not known.*captioning"),
        (lambda run: run["task"].update(level="word"), "a task that is not known.*word"),
        (lambda run: run["task"].update(metrics=["ccc", "bleu"]), "a task that is not known.*bleu"),
        (lambda run: run["task"].update(outputs=[]), "a task that is not known.*no outputs"),
        (lambda run: run.pop("seeds"), "cannot be read"),
    ],
)
def test_a_run_of_other_settings_is_refused(folder, change_of_run, message):
    run = json.loads((folder / "run.json").read_text())
    change_of_run(run)
    (folder / "run.json").write_text(json.dumps(run))
    with pytest.raises(ResultsError, match=message):
        load(folder, MODELS, SEEDS)
