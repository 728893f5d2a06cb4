"""Several splits of the speakers: the same for all models, and a test that pairs over them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from scipy import stats

from features.corpora.listing import FACTS, ITEMS, RESULTS
from pipeline import splits
from reports.numbers.schema import MEASURES
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
        "evaluate": {"trials": 1, "conditions": [{"strategy": "clip_zero", "p": [1.0, 0.0]}]},
    }
    YAML().dump(params, tmp_path / "params.yaml")
    monkeypatch.setenv("LACUNA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["splits", *arguments])
    splits.main()


@pytest.mark.slow
def test_every_model_meets_the_same_splits_and_the_table_is_of_their_results(
    videos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, SEED, "0,1")
    folders = {value: Path("data/splits") / SEED / str(value) for value in (0, 1)}
    tested = [
        set(pd.read_parquet(folder / ITEMS).query("split == 'test'")["speaker"])
        for folder in folders.values()
    ]
    assert tested[0] != tested[1]
    table = pd.read_csv(RESULTS / "splits" / f"{SEED}.csv")
    assert set(table["metric"]) == {"macro_f1", "micro_f1", "accuracy", "cross_entropy"}
    own = table.query("metric == 'accuracy' and model == 'clip_zero' and measure == 'intact'")
    values = []
    for folder in folders.values():
        evaluation = pd.read_csv(folder / RESULTS / "evaluation" / "clip_zero.csv")
        assert set(evaluation["seed"]) == {0, 1}
        values.append(evaluation.query("p == 0").groupby("seed")["accuracy"].mean().mean())
    assert own["value"].item() == pytest.approx(np.mean(values), abs=1e-5)
    assert own["sd"].item() == pytest.approx(np.std(values, ddof=1), abs=1e-5)
    assert own["n"].item() == 2
    assert own["note"].item() == "needs 5 splits, has 2"
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
                    "burst": 0.0,
                    "fill": "none",
                    "subset": "all",
                    "trial": 0,
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
    table = splits.compare_splits(folders, ["baseline", "better"], "baseline")
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
    printed = splits.comparison_table(table, "baseline")
    cells = [list(column.cells) for column in printed.columns]
    assert cells[0] == ["baseline", "better"]
    assert cells[1] == ["0.570 ± 0.016", "0.592 ± 0.016*"]


def test_a_setting_that_changes_no_split_is_refused_before_any_training(
    videos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    items = (videos / "items.csv").read_text().splitlines()
    parts = ["train", "train", "train", "train", "validation", "test"]
    split = [f"{row},{parts[int(row.split(',')[1])]}" for row in items[1:]]
    (videos / "items.csv").write_text("\n".join([f"{items[0]},split", *split]) + "\n")
    with pytest.raises(SystemExit):
        run(monkeypatch, SEED, "0-1")
    said = capsys.readouterr().err
    assert "corpus.split.seed 1 splits the corpus as 0 does" in said
    assert not list(Path("data/splits").rglob("models"))


@pytest.mark.parametrize("values", ["3", "a-b", "4-0", "1,1", ""])
def test_values_that_are_none_are_refused(
    values: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, SEED, values)
    assert "should be two values or more, such as 0-19 or 0,2,5" in capsys.readouterr().err


def test_values_are_a_range_or_a_list() -> None:
    assert splits._values("0-4") == [0, 1, 2, 3, 4]
    assert splits._values("7,2") == [7, 2]


def test_a_split_that_the_corpus_lacks_is_named(
    videos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, "corpus.ravdess.fold", "0-5")
    assert "corpus.ravdess.fold should be less than or equal to 4" in capsys.readouterr().err
