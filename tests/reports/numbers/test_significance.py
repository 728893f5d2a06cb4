import shutil

import audmetric
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from features.errors import InputError
from features.task import Task
from models.evaluation import statistics
from reports.numbers.means import headline
from reports.numbers.schema import MEASURES, SIGNIFICANCE
from tests.helpers.drawn_results import ITEMS, Run

EMOTIONS = Task(kind="classification", level="sequence", outputs=("angry", "happy", "sad"))
SENTIMENT = Task(kind="sentiment", level="sequence", outputs=("sentiment",))
DIMENSIONS = Task(level="sequence", outputs=("valence", "arousal"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def table(run):
    return run.test()


def ccc(labels, predicted, column):
    return audmetric.concordance_cc(labels[:, column], predicted[:, column])


def cell(table, model, target, measure, test):
    chosen = (table["model"] == model) & (table["target"] == target)
    (row,) = table[chosen & (table["measure"] == measure) & (table["test"] == test)].itertuples()
    return row


def test_a_row_for_every_model_target_measure_and_test(table):
    assert list(table) == list(SIGNIFICANCE)
    assert not table.duplicated(["model", "target", "measure", "test"]).any()
    assert list(table["model"].unique()) == ["better", "alike", "worse"]
    assert list(table["target"].unique()) == ["valence", "arousal", "mean"]
    assert set(table["reference"]) == {"plain"}
    assert set(table["significant"]) == {-1, 0, 1}
    counts = table.groupby(["test", "measure"]).size().to_dict()
    expected = {(test, measure): 9 for test in ("t", "bootstrap") for measure in MEASURES}
    assert counts == expected | {("fisher_z", "intact"): 6}


def test_the_t_test_is_over_seeds(run, table):
    for model in ("better", "alike", "worse"):
        pairs = np.array(
            [[ccc(*run.of_run(m, seed), 1) for m in (model, "plain")] for seed in range(5)]
        )
        row = cell(table, model, "arousal", "intact", "t")
        assert row.difference == pytest.approx((pairs[:, 0] - pairs[:, 1]).mean())
        assert row.p == pytest.approx(stats.ttest_rel(*pairs.T, alternative="greater").pvalue)
        assert row.p_worse == pytest.approx(stats.ttest_rel(*pairs.T, alternative="less").pvalue)
        assert (row.n, row.note) == (5, "")
        assert np.isnan([row.low, row.high]).all()
    assert cell(table, "better", "mean", "mean", "t").significant
    worse = cell(table, "worse", "mean", "mean", "t")  # one-tailed, and so is the other direction
    assert (worse.difference < 0, worse.p > 0.95, worse.significant) == (True, True, -1)


def test_t_tests_are_adjusted_over_all_pairs_in_either_direction(table):
    for _, rows in table[table["test"] == "t"].groupby(["target", "measure"]):
        better, worse = (statistics.holm(rows[name]) for name in ("p", "p_worse"))
        np.testing.assert_allclose(rows["p_adjusted"], better)
        signs = (better < 0.05).astype(int) - (worse < 0.05).astype(int)
        assert rows["significant"].tolist() == signs.tolist()


def test_every_model_has_rivals_of_its_own(run, table):
    found = run.test_pairs({"better": ["plain", "alike"], "worse": ["plain"]})
    pairs = found[["model", "reference"]].drop_duplicates().apply(tuple, axis=1).tolist()
    assert pairs == [("better", "plain"), ("better", "alike"), ("worse", "plain")]
    own = found[found["reference"] == "plain"].drop(columns=["p_adjusted", "significant"])
    same = table[table["model"].isin(["better", "worse"])].drop(
        columns=["p_adjusted", "significant"]
    )
    pd.testing.assert_frame_equal(own.reset_index(drop=True), same.reset_index(drop=True))


def test_seeds_are_matched_by_their_number_not_by_their_row(run, table, tmp_path):
    other = Run(tmp_path)
    other.edit("evaluation", "better", lambda t: t.iloc[::-1])
    pd.testing.assert_frame_equal(other.test(), table)


def test_the_bootstrap_is_of_the_numbers_of_the_ranking(run, table):
    """Row by row: the difference, its interval and p from the replicates of conditions."""
    one, other = (
        pd.read_parquet(run.folder / "replicates" / f"{model}.parquet")
        for model in ("better", "plain")
    )
    lost, p = one["modality"], one["p"]
    # clip_zero at p = 0 counts for either modality.
    of = {"intact": p == 0, "mean": p >= 0}
    of |= {f"{m}_gone": (lost == m) & (p == 1) for m in ("video", "audio")}
    for measure, rows in of.items():
        for target in ("valence", "arousal", "mean"):
            chosen = rows & ((one["target"] == target) | (target == "mean"))
            values, reference = (np.stack(x.loc[chosen, "replicates"]) for x in (one, other))
            direct = (values.astype(float) - reference.astype(float)).mean(0)
            row = cell(table, "better", target, measure, "bootstrap")
            bounds = np.quantile(direct[1:], [0.025, 0.975])
            np.testing.assert_allclose([row.low, row.high], bounds, atol=1e-7)
            assert row.difference == pytest.approx(direct[0], abs=1e-7)
            assert (row.n, row.p, row.significant) == (24, pytest.approx(2 / 2001), 1)


def test_both_tests_are_of_one_difference(run, table):
    evaluation = pd.concat([pd.read_csv(f) for f in (run.folder / "evaluation").glob("*.csv")])
    headlines = headline(evaluation, "ccc").set_index(["model", "target", "headline"])["value"]
    rows = table[table["test"] != "fisher_z"]
    assert len(rows) == 72
    for row in rows.itertuples():
        expected = (
            headlines[row.model, row.target, row.measure]
            - headlines[row.reference, row.target, row.measure]
        )
        assert row.difference == pytest.approx(expected, abs=1e-6)


def test_the_bootstrap_is_adjusted_over_the_models_of_a_target_and_measure(table):
    rows = table[table["test"] == "bootstrap"]
    for _, of_number in rows.groupby(["target", "measure"]):
        assert len(of_number) == 3
        np.testing.assert_allclose(of_number["p_adjusted"], statistics.holm(of_number["p"]))
    assert (rows["significant"].abs() == (rows["p_adjusted"] < 0.05)).all()
    assert (rows["significant"] * rows["difference"] >= 0).all()
    for measure in MEASURES:
        assert cell(table, "worse", "mean", measure, "bootstrap").high < 0
        assert not cell(table, "alike", "mean", measure, "bootstrap").significant


def test_a_difference_under_loss_alone_is_found_there_alone(tmp_path):
    """With three seeds, which are too few for the t-test."""
    run = Run(tmp_path, models=["plain", "robust"], seeds=3)
    rows = run.test().query("target == 'mean' and significant == 1")
    assert set(rows["test"]) == {"bootstrap"}
    assert set(rows["measure"]) == {"video_gone", "mean"}
    assert (rows["difference"] > 0.05).all()


def test_the_adjusted_p_decides(tmp_path):
    alike = [f"alike_{number}" for number in range(12)]
    rows = Run(tmp_path, models=["plain", *alike], seeds=1).test().query("test == 'bootstrap'")
    adjusted_away = rows[(rows["p"] < 0.05) & (rows["p_adjusted"] >= 0.05)]
    assert len(adjusted_away)
    assert not adjusted_away["significant"].any()


def test_fisher_z_is_of_the_correlation_of_all_frames(run, table):
    z = {}
    for model in ("better", "plain"):
        pooled = [run.of_run(model, seed) for seed in range(5)]
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
    assert set(few["note"]) == {"needs 20 recordings, has 19"}
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
    text = (tmp_path / "evaluation" / "plain.csv").read_text()
    (tmp_path / "evaluation" / "alike.csv").write_text(text.replace("plain", "alike"))
    shutil.copy(*(tmp_path / "replicates" / f"{name}.parquet" for name in ("plain", "alike")))
    table = run.test()
    assert (table["difference"] == 0).all()
    assert not table["significant"].any()
    assert set(table.loc[table["test"] == "t", "note"]) == {"the same difference in every seed"}
    others = table[table["test"] != "t"]
    assert (others["p"] == 1).all()
    assert (others.loc[others["test"] == "bootstrap", ["low", "high"]] == 0).all(axis=None)


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
    assert list(table) == list(SIGNIFICANCE)
    assert table.empty


@pytest.mark.parametrize("task", [EMOTIONS, SENTIMENT, DIMENSIONS], ids=lambda task: task.kind)
def test_sequences_are_resampled_one_by_one(tmp_path, task):
    run = Run(tmp_path, task=task, frames=1, items=[f"s{i}" for i in range(60)])
    table = run.test()
    row = cell(table, "better", task.targets[0], "intact", "bootstrap")
    assert row.low < row.difference < row.high
    assert row.n == 60
    assert ("fisher_z" in set(table["test"])) == (task.kind != "classification")
    assert ("mean" in set(table["target"])) == (len(task.targets) > 1)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("replicates", lambda t: t.iloc[1:], "better.parquet has other items or conditions"),
        ("replicates", lambda t: t.assign(sample="other"), "better.parquet has other items"),
        ("replicates", lambda t: t.drop(columns="replicates"), "cannot be read"),
        ("evaluation", lambda t: t.drop(columns="ccc"), "no column ccc"),
        ("evaluation", lambda t: t.drop(columns=["pearson", "n"]), "no column pearson, n"),
        ("evaluation", lambda t: t.assign(ccc="high"), "cannot be read"),
    ],
)
def test_files_that_do_not_belong_together_are_named(tmp_path, kind, change, message):
    run = Run(tmp_path, models=["plain", "better"])
    run.edit(kind, "better", change)
    with pytest.raises(InputError, match=message):
        run.test()


@pytest.mark.parametrize("file", ["replicates/better.parquet", "evaluation/better.csv"])
def test_a_missing_or_broken_file_is_named(tmp_path, file):
    run = Run(tmp_path, models=["plain", "better"])
    (tmp_path / file).write_bytes(b"")
    with pytest.raises(InputError, match=f"{file} cannot be read"):
        run.test()
    (tmp_path / file).unlink()
    with pytest.raises(InputError, match=f"{file} is missing"):
        run.test()


def test_other_targets_are_named(tmp_path):
    run = Run(tmp_path, models=["plain", "better"])
    for model in run.models:
        run.edit("replicates", model, lambda t: t[t["target"] == "valence"])
    with pytest.raises(InputError, match="other targets"):
        run.test()


def test_what_was_not_evaluated_is_not_tested(tmp_path):
    run = Run(tmp_path, models=["plain", "better"])
    for model in run.models:
        for kind in ("evaluation", "replicates"):
            run.edit(kind, model, lambda t: t[t["p"] == 0.5])
    assert set(run.test()["measure"]) == {"mean"}
    for model in run.models:
        for kind in ("evaluation", "replicates"):
            run.edit(kind, model, lambda t: t.assign(fill="hold"))
    assert run.test().empty
