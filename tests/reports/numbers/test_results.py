"""Reading result files: what is right is read, what is wrong is named."""

import json

import pandas as pd
import pytest

from features.errors import InputError
from reports.numbers.results import load_results
from tests.helpers import result_files

MODELS, SEEDS = ("baseline", "clip_zero"), (0, 1)


@pytest.fixture
def folder(tmp_path):
    return result_files.write(tmp_path, MODELS, SEEDS)


def change(path, **columns):
    pd.read_csv(path).assign(**columns).to_csv(path, index=False)


def test_reads_every_named_model_and_nothing_else(folder):
    (folder / "evaluation" / "leftover.csv").write_text("not a table")
    results = load_results(folder, MODELS, SEEDS)
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
    results = load_results(folder, MODELS, SEEDS)
    assert tuple(results.videos["item"].unique()) == names
    assert tuple(results.traces["item"].unique()) == names
    assert results.traces["annotated"].isna().any()


@pytest.mark.parametrize(
    ("file", "stage"),
    [
        ("evaluation/clip_zero.csv", "evaluate@clip_zero"),
        ("videos/baseline.csv", "evaluate@baseline"),
        ("traces/baseline.csv", "evaluate@baseline"),
        ("training/clip_zero.csv", "train@clip_zero"),
        ("trust/clip_zero.csv", "evaluate@clip_zero"),
        ("cost/clip_zero.csv", "evaluate@clip_zero"),
        ("significance.csv", "summarise"),
        ("groups.csv", "summarise"),
        ("gaps.csv", "summarise"),
        ("choice.json", "summarise"),
        ("run.json", "summarise"),
    ],
)
def test_a_missing_file_names_itself_and_its_stage(folder, file, stage):
    (folder / file).unlink()
    with pytest.raises(InputError, match="is missing") as caught:
        load_results(folder, MODELS, SEEDS)
    assert file in caught.value.reason
    assert f"dvc repro {stage}" in caught.value.remedy


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"pearson": "high"}, "cannot be read"),
        ({"seed": 0}, "holds seeds 0, params name seeds 0, 1"),
        ({"model": "other"}, "has model 'other', expected baseline"),
        ({"strategy": "clip_one"}, "has strategy 'clip_one', expected none or clip_zero or"),
        ({"target": "dominance"}, "has target 'dominance', expected valence or arousal"),
        ({"fill": "zeros"}, "has fill 'zeros', expected none or hold or nearest"),
        ({"subset": "no_hands"}, "has subset 'no_hands', expected all or no_picture or no"),
        ({"modality": "smell"}, "has modality 'smell', expected audio or video or both"),
        ({"burst": "long"}, "cannot be read"),
        ({"trial": 0}, "two rows for the same model, seed, speakers, modality"),
        ({"n": 7}, "same labels .baseline: 7 to 7; clip_zero: 960 to 960"),
    ],
)
def test_a_wrong_value_is_named(folder, columns, message):
    change(folder / "evaluation" / "baseline.csv", **columns)
    with pytest.raises(InputError, match=message):
        load_results(folder, MODELS, SEEDS)


def test_a_run_of_an_older_version_is_told_to_run_again(folder):
    path = folder / "evaluation" / "baseline.csv"
    pd.read_csv(path).drop(columns=["burst", "fill", "subset"]).to_csv(path, index=False)
    with pytest.raises(InputError, match="cannot be read") as caught:
        load_results(folder, MODELS, SEEDS)
    assert caught.value.remedy == "rerun `dvc repro evaluate@baseline`"


def test_labels_are_counted_for_each_subset(tmp_path):
    folder = result_files.write(tmp_path, MODELS, SEEDS, further=True)
    evaluation = load_results(folder, MODELS, SEEDS).evaluation
    assert evaluation.groupby("subset")["n"].unique().map(list).to_dict() == {
        "all": [960],
        "no_face": [120],
        "no_sound": [240],
        "no_voice": [90],
        "face_and_sound": [640],
    }
    path = folder / "evaluation" / "clip_zero.csv"
    table = pd.read_csv(path)
    table.loc[table["subset"] == "no_face", "n"] = 7
    table.to_csv(path, index=False)
    message = "same labels of no_face .baseline: 120 to 120; clip_zero: 7 to 7"
    with pytest.raises(InputError, match=message):
        load_results(folder, MODELS, SEEDS)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"test": "anova"}, "has test 'anova', expected t or bootstrap or fisher_z"),
        ({"measure": "worst_drop"}, "has measure 'worst_drop'"),
        ({"model": "other"}, "has model 'other'"),
        ({"target": "anger"}, "has target 'anger', expected valence or arousal or mean"),
        ({"significant": "yes"}, "cannot be read"),
    ],
)
def test_a_wrong_test_is_named(folder, columns, message):
    change(folder / "significance.csv", **columns)
    with pytest.raises(InputError, match=message) as caught:
        load_results(folder, MODELS, SEEDS)
    assert caught.value.remedy == "rerun `dvc repro summarise`"


def test_there_is_a_reference_where_all_tests_are_of_one_model(folder):
    path = folder / "significance.csv"
    table = pd.read_csv(path)
    assert load_results(folder, MODELS, SEEDS).reference == "baseline"
    table.head(0).to_csv(path, index=False)
    results = load_results(folder, MODELS, SEEDS)
    assert results.significance.empty
    assert results.reference is None
    swapped = table.assign(model="baseline", reference="clip_zero")
    pd.concat([table, swapped]).to_csv(path, index=False)
    assert load_results(folder, MODELS, SEEDS).reference is None


def test_rows_are_told_apart_by_whom_they_are_of_and_who_asked(folder):
    for model in MODELS:
        path = folder / "evaluation" / f"{model}.csv"
        table = pd.read_csv(path, keep_default_na=False)
        intact = table[(table["strategy"] == "none") & (table["asked"] == 0)]
        table = table[table["asked"] == 1]
        live = intact.assign(causal=1, asked=1)
        choosing = intact.assign(speakers="choosing", n=7)
        pd.concat([table, intact, live, choosing]).to_csv(path, index=False)
    results = load_results(folder, MODELS, SEEDS)
    per_model = len(SEEDS) * 2
    assert set(results.evaluation["strategy"]) == {"clip_zero", "frame_zero", "frame_repeat"}
    for part in (results.named, results.causal, results.choosing):
        assert set(part["strategy"]) == {"none"}
        assert part.groupby("model").size().tolist() == [per_model] * len(MODELS)
    assert set(results.choosing["n"]) == {7}


def test_sequences_have_numbers_or_classes_and_no_traces(tmp_path):
    numbers = load_results(
        result_files.write(tmp_path / "a", MODELS, SEEDS, task=result_files.DIMENSIONS),
        MODELS,
        SEEDS,
    )
    assert numbers.traces.empty
    assert numbers.videos["annotated"].dtype == numbers.videos["predicted"].dtype == "float64"
    assert list(numbers.videos["target"].unique()) == ["valence", "arousal", "dominance"]
    classes = load_results(
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
    with pytest.raises(InputError, match="has predicted 'joy', expected anger or disgust or"):
        load_results(folder, MODELS, SEEDS)


def test_a_run_without_an_untrained_stream_has_no_random_weights(folder):
    run = json.loads((folder / "run.json").read_text())
    given = {
        "lld": {"modality": "audio", "extractor": "given", "of": "sound"},
        "fc6": {"modality": "video", "extractor": "given", "of": "picture"},
    }
    (folder / "run.json").write_text(json.dumps(run | {"streams": given}))
    assert load_results(folder, MODELS, SEEDS).note == "synthetic corpus demo"
    simulated = run["corpus"] | {"name": "simulated"}
    (folder / "run.json").write_text(json.dumps(run | {"streams": given, "corpus": simulated}))
    assert load_results(folder, MODELS, SEEDS).note == "synthetic corpus simulated"


@pytest.mark.parametrize("content", ["", "model,seed\nbaseline,0\n"])
def test_an_empty_or_other_table_cannot_be_read(folder, content):
    (folder / "training" / "baseline.csv").write_text(content)
    with pytest.raises(InputError, match=r"baseline\.csv cannot be read"):
        load_results(folder, MODELS, SEEDS)


def test_a_table_without_rows_is_refused(folder):
    path = folder / "videos" / "baseline.csv"
    pd.read_csv(path).head(0).to_csv(path, index=False)
    with pytest.raises(InputError, match="has no rows"):
        load_results(folder, MODELS, SEEDS)


@pytest.mark.parametrize(
    ("change_of_run", "message"),
    [
        (lambda run: run.update(seeds=[0]), "names seeds 0, params name seeds 0, 1"),
        (lambda run: run.pop("streams"), "has no streams"),
        (lambda run: run.pop("task"), "has no task"),
        (lambda run: run["task"].pop("kind"), "a task that is not known: it has no kind"),
        (lambda run: run["task"].update(kind="captioning"), "a task that is not known.*captioning"),
        (lambda run: run["task"].update(level="word"), "a task that is not known.*word"),
        (lambda run: run["task"].update(metrics=["ccc", "bleu"]), "a task that is not known.*bleu"),
        (lambda run: run["task"].update(outputs=[]), "a task that is not known: outputs is"),
        (lambda run: run.pop("seeds"), "has no seeds"),
    ],
)
def test_a_run_of_other_settings_is_refused(folder, change_of_run, message):
    run = json.loads((folder / "run.json").read_text())
    change_of_run(run)
    (folder / "run.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match=message):
        load_results(folder, MODELS, SEEDS)
