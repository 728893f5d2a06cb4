import audmetric
import numpy as np
import pandas as pd
import pytest
from drawn_results import ITEMS, Run
from scipy import stats

from features.errors import InputError
from models import statistics
from models.settings import Task
from pipeline.significance import COLUMNS

EMOTIONS = Task(kind="classification", level="sequence", outputs=["angry", "happy", "sad"])
SENTIMENT = Task(kind="sentiment", level="sequence", outputs=["sentiment"])
DIMENSIONS = Task(level="sequence", outputs=["valence", "arousal"])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def table(run):
    return run.test()


def cell(table, model, target, measure, test):
    chosen = (table["model"] == model) & (table["target"] == target)
    (row,) = table[chosen & (table["measure"] == measure) & (table["test"] == test)].itertuples()
    return row


def test_a_row_for_every_model_target_measure_and_test(table):
    assert list(table) == list(COLUMNS)
    assert not table.duplicated(["model", "target", "measure", "test"]).any()
    assert list(table["model"].unique()) == ["better", "alike", "worse"]
    assert list(table["target"].unique()) == ["valence", "arousal", "mean"]
    assert set(table["reference"]) == {"plain"}
    assert set(table["significant"]) == {0, 1}
    counts = table.groupby(["test", "measure"]).size().to_dict()
    of_t = {("t", measure): 9 for measure in ("intact", "video_gone", "audio_gone", "mean")}
    assert counts == of_t | {("bootstrap", "intact"): 9, ("fisher_z", "intact"): 6}


def test_the_t_test_is_over_seeds(run, table):
    for model in ("better", "alike", "worse"):
        pairs = np.array([[run.metric(m, s, 1) for m in (model, "plain")] for s in range(5)])
        row = cell(table, model, "arousal", "intact", "t")
        assert row.difference == pytest.approx((pairs[:, 0] - pairs[:, 1]).mean())
        assert row.p == pytest.approx(stats.ttest_rel(*pairs.T, alternative="greater").pvalue)
        assert (row.n, row.significant, row.note) == (5, int(row.p < 0.05), "")
        assert np.isnan([row.low, row.high, row.p_adjusted]).all()
    assert cell(table, "better", "mean", "mean", "t").significant
    worse = cell(table, "worse", "mean", "mean", "t")  # one-tailed
    assert (worse.difference < 0, worse.p > 0.95, worse.significant) == (True, True, 0)


def test_seeds_are_matched_by_their_number_not_by_their_row(run, table, tmp_path):
    other = Run(tmp_path)
    other.edit("evaluation", "better", lambda t: t.iloc[::-1])
    other.edit("videos", "better", lambda t: t.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(other.test(), table)


def test_the_bootstrap_is_of_the_pooled_metric_of_videos(run, table):
    weights = statistics.resamples(len(ITEMS), 2000, seed=0)[:25].astype(int)
    replicates = np.empty((25, 2))
    for replicate, counts in enumerate(weights):
        for place, model in enumerate(("better", "plain")):
            scores = []
            for seed in range(5):
                x, y = (
                    np.concatenate(
                        [of[i][:, 0] for i, c in zip(ITEMS, counts, strict=True) for _ in range(c)]
                    )
                    for of in (run.predictions[model, seed], run.labels)
                )
                scores.append(audmetric.concordance_cc(y, x))
            replicates[replicate, place] = np.mean(scores)
    direct = replicates[:, 0] - replicates[:, 1]
    row = cell(table, "better", "valence", "intact", "bootstrap")
    assert row.low < row.difference < row.high
    assert ((direct > row.low) & (direct < row.high)).mean() > 0.8
    assert direct.std() == pytest.approx((row.high - row.low) / (2 * 1.96), rel=0.4)
    expected = cell(table, "better", "valence", "intact", "t").difference
    assert row.difference == pytest.approx(expected, abs=1e-9)
    assert (row.n, row.p, row.significant) == (24, pytest.approx(2 / 2001), 1)


def test_the_bootstrap_is_adjusted_over_the_models_of_a_target(table):
    rows = table[table["test"] == "bootstrap"]
    for _, of_target in rows.groupby("target"):
        np.testing.assert_allclose(of_target["p_adjusted"], statistics.holm(of_target["p"]))
    assert (rows["significant"] == (rows["p_adjusted"] < 0.05)).all()
    assert cell(table, "worse", "mean", "intact", "bootstrap").high < 0
    assert not cell(table, "alike", "mean", "intact", "bootstrap").significant


def test_the_adjusted_p_decides(tmp_path):
    alike = [f"alike_{number}" for number in range(10)]
    rows = Run(tmp_path, models=["plain", *alike], seeds=1).test().query("test == 'bootstrap'")
    adjusted_away = rows[(rows["p"] < 0.05) & (rows["p_adjusted"] >= 0.05)]
    assert len(adjusted_away)
    assert not adjusted_away["significant"].any()


def test_fisher_z_is_of_the_correlation_of_all_frames(run, table):
    z = {}
    for model in ("better", "plain"):
        pooled = [run.pooled(model, seed) for seed in range(5)]
        z[model] = np.mean([np.arctanh(stats.pearsonr(x[:, 0], y[:, 0])[0]) for y, x in pooled])
    row = cell(table, "better", "valence", "intact", "fisher_z")
    assert row.n == 24 * 20
    assert row.difference == pytest.approx(np.tanh(z["better"]) - np.tanh(z["plain"]))
    score = (z["better"] - z["plain"]) / np.sqrt(2 / (480 - 3))
    assert row.p == pytest.approx(2 * stats.norm.sf(score))
    assert row.significant


def test_few_seeds_and_few_videos_give_no_verdict(tmp_path):
    table = Run(tmp_path, seeds=3, items=ITEMS[:19]).test()
    rows = table[table["test"] == "t"]
    assert set(rows["note"]) == {"needs 5 seeds, has 3"}
    assert rows["p"].isna().all()
    assert rows["difference"].notna().all()
    few = table[table["test"] == "bootstrap"]
    assert set(few["note"]) == {"needs 20 videos, has 19"}
    assert few[["low", "high", "p", "p_adjusted"]].isna().all(axis=None)
    assert not table.loc[table["test"] != "fisher_z", "significant"].any()


def test_a_seed_without_a_value_makes_no_pair(tmp_path):
    run = Run(tmp_path, seeds=6)

    def undefined(table):
        table.loc[table["seed"] == 2, "ccc"] = np.nan
        return table

    run.edit("evaluation", "plain", undefined)
    row = cell(run.test(), "better", "valence", "intact", "t")
    assert (row.n, row.significant, row.note) == (5, 1, "")


def test_the_same_model_twice_differs_by_nothing(tmp_path):
    run = Run(tmp_path, models=["plain", "alike"])
    for kind in ("evaluation", "videos"):
        text = (tmp_path / kind / "plain.csv").read_text()
        (tmp_path / kind / "alike.csv").write_text(text.replace("plain", "alike"))
    table = run.test()
    assert (table["difference"] == 0).all()
    assert not table["significant"].any()
    assert set(table.loc[table["test"] == "t", "note"]) == {"the same difference in every seed"}
    assert (table.loc[table["test"] != "t", "p"] == 1).all()


def test_any_model_can_be_the_reference(run, table):
    turned = run.test(reference="better")
    assert list(turned["model"].unique()) == ["plain", "alike", "worse"]
    one, other = (
        cell(tests, model, "arousal", "intact", "bootstrap")
        for tests, model in ((table, "better"), (turned, "plain"))
    )
    np.testing.assert_allclose(
        [one.difference, one.low, one.high], [-other.difference, -other.high, -other.low]
    )
    assert one.p == other.p


def test_one_model_is_compared_with_nothing(tmp_path):
    table = Run(tmp_path, models=["plain"]).test()
    assert list(table) == list(COLUMNS)
    assert table.empty


@pytest.mark.parametrize("task", [EMOTIONS, SENTIMENT, DIMENSIONS], ids=lambda task: task.kind)
def test_sequences_are_resampled_one_by_one(tmp_path, task):
    run = Run(tmp_path, task=task, frames=1, items=[f"s{i}" for i in range(60)])
    table = run.test()
    metric = task.metrics[0]
    values = {}
    for model in ("better", "plain"):
        answers = pd.read_csv(tmp_path / "videos" / f"{model}.csv")
        answers = answers[answers["target"] == task.targets[0]]
        of = {
            "macro_f1": lambda rows: audmetric.unweighted_average_fscore(
                rows["annotated"], rows["predicted"]
            ),
            "pearson": lambda rows: stats.pearsonr(rows["annotated"], rows["predicted"])[0],
            "ccc": lambda rows: audmetric.concordance_cc(rows["annotated"], rows["predicted"]),
        }[metric]
        values[model] = np.mean([of(rows) for _, rows in answers.groupby("seed")])
    row = cell(table, "better", task.targets[0], "intact", "bootstrap")
    assert row.difference == pytest.approx(values["better"] - values["plain"])
    assert row.low < row.difference < row.high
    assert row.n == 60
    assert ("fisher_z" in set(table["test"])) == (task.kind != "classification")
    assert ("mean" in set(table["target"])) == (len(task.targets) > 1)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("videos", lambda t: t[t["item"] != "clip_03"], "better.csv has other items than plain"),
        ("videos", lambda t: pd.concat([t, t.head(1)]), "two rows for one item"),
        ("videos", lambda t: t.drop(columns=["covariance", "n"]), "no column n, covariance"),
        ("videos", lambda t: t[t["target"] == "valence"], "other targets"),
        ("evaluation", lambda t: t.drop(columns="ccc"), "no column ccc"),
        ("evaluation", lambda t: t.assign(ccc="high"), "cannot be read"),
    ],
)
def test_files_that_do_not_belong_together_are_named(tmp_path, kind, change, message):
    run = Run(tmp_path, models=["plain", "better"])
    run.edit(kind, "better", change)
    with pytest.raises(InputError, match=message):
        run.test()


def test_a_missing_file_is_named(tmp_path):
    run = Run(tmp_path, models=["plain", "better"])
    (tmp_path / "videos" / "better.csv").unlink()
    with pytest.raises(InputError, match=r"videos/better.csv is missing"):
        run.test()


def test_an_item_may_be_named_na(tmp_path):
    run = Run(tmp_path, models=["plain", "better"], items=("NA", *ITEMS))
    assert cell(run.test(), "better", "mean", "intact", "bootstrap").n == 25
