"""Several splits of the speakers: the same for all models, and a test that pairs over them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from scipy import stats

from features.corpora.listing import FACTS, ITEMS, RESULTS
from features.errors import InputError
from pipeline import study
from pipeline.studies import splits
from pipeline.studies.settings import StudySettings
from pipeline.studies.tables import means_table, read_results, results_table, with_numbers
from reports.numbers.schema import CONDITION, MEASURES
from tests.helpers.evaluation_rows import ONE_TRIAL
from tests.helpers.media_factory import flat_frames, make_video, tone

SPEAKERS = 6
SEED = "corpus.split.seed"


@pytest.fixture
def videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of short videos of two classes without splits, and params.yaml beside it."""
    folder = tmp_path / "videos"
    folder.mkdir()
    rows = ["path,speaker,label"]
    for speaker in range(SPEAKERS):
        for label, first in (("calm", 40), ("tense", 120)):
            name = f"{speaker}-{label}.mp4"
            hertz = 150.0 + 10 * speaker
            make_video(
                folder / name,
                flat_frames(12, first=first + speaker),
                sound=tone(0.4, hertz=hertz),
            )
            rows.append(f"{name},{speaker},{label}")
    (folder / "items.csv").write_text("\n".join(rows) + "\n")
    params = {
        "corpus": {
            "name": "folder",
            "root": str(folder),
            "split": {"validation": 0.2, "test": 0.34},
        },
        "streams": {
            "fc6": {"extractor": "vggface", "precision": "fp32"},
            "lld": {"extractor": "opensmile"},
        },
        "train": {
            "seeds": [0, 1],
            "epochs": 1,
            "precision": "fp32",
            "network": {"dim": 8, "heads": 2, "ffn": 8, "layers": 1},
        },
        "models": {"baseline": {}, "clip_zero": {"ablation": {"strategy": "clip_zero"}}},
        "evaluate": {
            "reference": "baseline",
            "trials": 1,
            "conditions": [{"strategy": "clip_zero", "p": [1.0, 0.0]}],
        },
        "splits": {"setting": SEED, "values": [0, 1]},
    }
    YAML().dump(params, tmp_path / "mine.yaml")
    monkeypatch.setenv("LACUNA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return folder


def reported(folder: Path) -> pd.DataFrame:
    """What a model came to on the speakers that results are of."""
    table = pd.read_csv(folder / RESULTS / "evaluation" / "clip_zero.csv", keep_default_na=False)
    return table[table["speakers"] == "reported"]


def run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["study", "mine.yaml"])
    study.main()


@pytest.mark.slow
def test_every_model_meets_the_same_splits_and_the_table_is_of_their_results(
    videos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch)
    folders = {value: Path("data/studies/mine/splits") / str(value) for value in (0, 1)}
    tested = [
        set(pd.read_parquet(folder / ITEMS).query("split == 'test'")["speaker"])
        for folder in folders.values()
    ]
    assert tested[0] != tested[1]
    out = RESULTS / "study" / "mine"
    assert {file.name for file in out.iterdir()} == {
        "results.csv",
        "means.csv",
        "splits.csv",
        "study.json",
    }
    table = pd.read_csv(out / "splits.csv")
    assert set(table["metric"]) == {"macro_f1", "micro_f1", "accuracy", "cross_entropy"}
    own = table.query("metric == 'accuracy' and model == 'clip_zero' and measure == 'intact'")
    values = []
    for folder in folders.values():
        evaluation = reported(folder)
        assert set(evaluation["seed"]) == {0, 1}
        values.append(evaluation.query("p == 0").groupby("seed")["accuracy"].mean().mean())
    assert own["value"].item() == pytest.approx(np.mean(values), abs=1e-5)
    assert own["sd"].item() == pytest.approx(np.std(values, ddof=1), abs=1e-5)
    assert own["n"].item() == 2
    assert own["note"].item() == "needs 5 splits, has 2"
    results = read_results(out / "results.csv")
    assert list(results)[:5] == ["model", "seed", "split", "speakers", "asked"]
    assert set(results["split"]) == {"0", "1"}
    assert len(results) == 2 * sum(len(reported(folder)) for folder in folders.values())
    means = pd.read_csv(out / "means.csv")
    assert set(means["metric"]) == set(table["metric"])
    assert len(means) == 2 * len(results[CONDITION].drop_duplicates()) * 4
    said = capsys.readouterr().err
    assert "mean ± sd of 2 splits" in said
    assert "one-tailed matched-pair t-test" in said


def evaluations(folders: dict[int, Path], gains: dict[int, float]) -> None:
    """Result files in which a model is better than the baseline by so much in each split."""
    for split, folder in folders.items():
        (folder / FACTS).parent.mkdir(parents=True)
        task = '{"kind": "classification", "level": "sequence", "outputs": ["a", "b"]}'
        (folder / FACTS).write_text(f'{{"task": {task}}}')
        out = folder / RESULTS / "evaluation"
        out.mkdir(parents=True)
        for model, gain in (("baseline", 0.0), ("better", gains[split])):
            rows = [
                {
                    "model": model,
                    "seed": seed,
                    "modality": modality,
                    "strategy": "clip_zero",
                    "p": p,
                    **ONE_TRIAL,
                    "target": "class",
                    "macro_f1": 0.5 + 0.01 * split + gain + 0.1 * seed - 0.2 * p,
                    "micro_f1": 0.6,
                    "accuracy": 0.6,
                    "cross_entropy": 0.5 - gain,
                    "n": 10,
                }
                for seed in (0, 1)
                for modality in ("audio", "video")
                for p in (0.0, 1.0)
            ]
            pd.DataFrame(rows).to_csv(out / f"{model}.csv", index=False)


def test_the_t_test_pairs_the_splits(tmp_path: Path) -> None:
    gains = {0: 0.03, 1: 0.01, 2: 0.04, 3: 0.02, 4: 0.01}
    folders = {split: tmp_path / str(split) for split in gains}
    evaluations(folders, gains)
    models, metrics = ["baseline", "better"], ["macro_f1", "accuracy", "cross_entropy"]
    results = with_numbers(results_table(folders, models))
    table = splits.compare_splits(results, metrics, {"better": ["baseline"]})
    rows = table.query("metric == 'macro_f1' and model == 'better'").set_index("measure")
    assert set(rows.index) == set(MEASURES)
    expected = stats.ttest_1samp(list(gains.values()), 0, alternative="greater").pvalue
    assert rows["p"].to_list() == pytest.approx([expected] * len(MEASURES))
    assert rows["significant"].eq(1).all()
    assert rows.loc["intact", "difference"] == pytest.approx(0.022)
    assert rows.loc["intact", "value"] == pytest.approx(0.5 + 0.02 + 0.05 + 0.022)
    assert rows.loc["video_gone", "value"] == pytest.approx(0.392)
    assert table.query("model == 'baseline'")["p"].isna().all()
    # Of a metric of which less is better, the test would ask the wrong question.
    assert table.query("metric == 'cross_entropy'")["p"].isna().all()
    same = table.query("metric == 'accuracy' and model == 'better'")
    assert same["note"].eq("the same difference in every split").all()
    printed = splits.comparison_table(table)
    cells = [list(column.cells) for column in printed.columns]
    assert cells[0] == ["baseline", "better"]
    assert cells[1] == ["0.570 ± 0.016", "0.592 ± 0.016*"]


def test_a_setting_that_changes_no_split_is_refused(tmp_path: Path) -> None:
    folders = {value: tmp_path / str(value) for value in (0, 1, 2, 3)}
    for value, folder in folders.items():
        (folder / ITEMS).parent.mkdir(parents=True)
        parts = ["train", "test"] if value == 1 else ["test", "train"]
        content = ["c" if value == 3 else "b"] * 2
        items = {"item": ["a", "b"], "split": parts, "sha256": content}
        pd.DataFrame(items).to_parquet(folder / ITEMS)
    splits.check_differ(SEED, {value: folders[value] for value in (0, 1, 3)})
    del folders[3]  # another content is another corpus
    with pytest.raises(InputError, match=r"corpus.split.seed 2 splits the corpus as 0 does"):
        splits.check_differ(SEED, folders)


def test_means_are_over_splits_in_which_seeds_count_as_one(tmp_path: Path) -> None:
    folders = {split: tmp_path / str(split) for split in (0, 3)}
    evaluations(folders, {0: 0.1, 3: 0.3})
    results = with_numbers(results_table(folders, ["baseline", "better"]))
    means = means_table(results, ["macro_f1", "accuracy"])
    assert len(means) == 2 * 4 * 2
    (row,) = means.query(
        "model == 'better' and metric == 'macro_f1' and modality == 'audio' and p == 1"
    ).itertuples()
    values = [0.5 + 0.05 - 0.2 + 0.01 * split + gain for split, gain in ((0, 0.1), (3, 0.3))]
    assert (row.value, row.n) == (pytest.approx(np.mean(values)), 2)
    assert row.sd == pytest.approx(np.std(values, ddof=1))
    only = with_numbers(results_table({None: folders[0]}, ["baseline"]))
    (row,) = means_table(only, ["macro_f1"]).query("modality == 'audio' and p == 0").itertuples()
    assert (row.value, row.n) == (pytest.approx(0.55), 2)  # of the seeds


def test_a_mean_of_targets_is_undefined_where_one_is() -> None:
    row = {"model": "a", "seed": 0, "split": "", "modality": "audio", "strategy": "clip_zero"}
    row |= {"p": 1.0} | ONE_TRIAL
    values = [("valence", 0.2), ("arousal", np.nan)]
    results = pd.DataFrame([{**row, "target": target, "ccc": ccc} for target, ccc in values])
    means = means_table(results, ["ccc"]).set_index("target")
    assert means.loc["valence", "value"] == 0.2
    assert (means.loc["mean", "n"], means.loc["arousal", "n"]) == (0, 0)
    means = means_table(results.fillna(0.4), ["ccc"]).set_index("target")
    assert means.loc["mean", "value"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"values": [3]}, "at least 2"),
        ({"values": [1, 1]}, "has a value twice"),
        ({"values": [0, 1], "setting": "train.epochs"}, "must be a setting of the corpus"),
    ],
)
def test_splits_that_are_none_are_refused(section: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        StudySettings.model_validate({"models": {"a": {}}, "splits": section})


def test_a_split_that_the_corpus_lacks_is_named(
    videos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path("mine.yaml").read_text()
    text = text.replace(SEED, "corpus.ravdess.fold").replace("name: folder", "name: ravdess")
    Path("mine.yaml").write_text(text.replace("- 1\n", "- 5\n"))
    with pytest.raises(SystemExit):
        run(monkeypatch)
    assert "corpus.ravdess.fold is 5, must be at most 4" in capsys.readouterr().err


def test_a_study_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["study", "strategy"])
    with pytest.raises(SystemExit):
        study.main()
    assert "there is no study strategy; name one of choice, chum" in capsys.readouterr().err
