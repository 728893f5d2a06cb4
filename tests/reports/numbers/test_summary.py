"""Means, standard deviations and counts against numbers worked out by hand."""

import math

import pandas as pd
import pytest

from features.task import Task
from reports.numbers import summary
from reports.numbers.schema import CONDITION


def rows(
    model,
    seed,
    modality,
    strategy,
    p,
    *cccs,
    target="valence",
    burst=0.0,
    fill="none",
    subset="all",
):
    condition = (modality, strategy, p, burst, fill, subset)
    return [(model, seed, *condition, trial, target, ccc, 100) for trial, ccc in enumerate(cccs)]


def evaluation(*groups):
    names = ["model", "seed", *CONDITION, "trial", "target", "ccc", "n"]
    return pd.DataFrame([row for group in groups for row in group], columns=names)


@pytest.fixture
def table():
    return evaluation(
        rows("a", 0, "video", "clip_zero", 0.0, 0.5),
        rows("a", 1, "video", "clip_zero", 0.0, 0.7),
        rows("a", 0, "video", "clip_zero", 0.5, 0.2, 0.4),
        rows("a", 1, "video", "clip_zero", 0.5, 0.3, 0.5),
        rows("a", 0, "video", "clip_zero", 1.0, 0.0),
        rows("a", 1, "video", "clip_zero", 1.0, 0.2),
        rows("b", 0, "video", "clip_zero", 0.0, 0.6),
        rows("b", 1, "video", "clip_zero", 0.0, 0.6),
    )


def test_conditions_pool_seeds_and_trials(table):
    cells = summary.conditions(table, "ccc").set_index(["model", "p"])
    half = cells.loc[("a", 0.5)]
    assert half["value"] == pytest.approx(0.35)
    assert half["sd"] == pytest.approx(math.sqrt((0.15**2 + 2 * 0.05**2 + 0.15**2) / 3))
    assert half["n"] == 4
    assert ("b", 0.5) not in cells.index


def test_a_single_value_has_no_deviation_and_an_undefined_one_does_not_count():
    table = evaluation(rows("a", 0, "audio", "frame_zero", 0.9, 0.4, math.nan))
    (cell,) = summary.conditions(table, "ccc").itertuples()
    assert cell.value == 0.4
    assert math.isnan(cell.sd)
    assert cell.n == 1


def test_headline_is_over_seeds_and_weighs_conditions_equally(table):
    cells = summary.headline(table, "ccc").set_index(["model", "headline"])
    assert cells.loc[("a", "intact"), "value"] == pytest.approx(0.6)
    assert cells.loc[("a", "video_gone"), "value"] == pytest.approx(0.1)
    mean = cells.loc[("a", "mean")]
    seeds = (0.5 + 0.3 + 0.0) / 3, (0.7 + 0.4 + 0.2) / 3
    assert mean["value"] == pytest.approx(sum(seeds) / 2)
    assert mean["sd"] == pytest.approx((seeds[1] - seeds[0]) / math.sqrt(2))
    assert mean["n"] == 2


def nested(evaluation, *models):
    """The nested numbers of a run with the metrics CCC and RMSE, for one target or two."""
    task = Task(outputs=tuple(evaluation["target"].unique()))
    evaluation = evaluation.assign(rmse=evaluation["ccc"] * 2)
    of_run = summary.Summary(
        conditions=summary.conditions(evaluation, "ccc"),
        imputed=pd.DataFrame(),
        headlines=summary.headline(evaluation, "ccc"),
        ranking=models,
        shown=models,
        intact=summary.intact_metrics(evaluation, ["ccc", "rmse"]),
        videos=pd.DataFrame(),
        traces={},
    )
    return summary.nested_metrics(of_run, models, task)


def test_the_mean_of_the_targets_is_taken_seed_by_seed(table):
    arousal = table.assign(target="arousal", ccc=1 - table["ccc"] / 2)
    both = pd.concat([table, arousal])
    cells = summary.headline(both, "ccc").set_index(["model", "target", "headline"])
    intact = cells.loc[("a", "mean", "intact")]
    assert intact["value"] == pytest.approx((0.5 + 0.75 + 0.7 + 0.65) / 4)
    assert intact["sd"] == pytest.approx((0.675 - 0.625) / math.sqrt(2))
    assert intact["n"] == 2
    assert list(nested(both, "a", "b")["a"]) == ["valence", "arousal", "mean"]
    undefined = both.assign(ccc=both["ccc"].where(both["target"] == "valence"))
    assert "mean" not in nested(undefined, "a", "b")["a"]


def test_one_target_has_no_mean_of_targets(table):
    assert set(summary.headline(table, "ccc")["target"]) == {"valence"}


def test_every_model_has_metrics_be_it_none(table):
    undefined = table.assign(ccc=table["ccc"].where(table["model"] == "a"))
    assert nested(undefined, "b", "a")["b"] == {}


def test_a_model_without_every_condition_has_no_mean(table):
    metrics = nested(table, "a", "b")
    assert metrics["b"] == {"valence": {"intact": 0.6, "rmse": 1.2}}
    names = {"intact", "video_gone", "mean", "worst_drop", "rmse"}  # audio: not evaluated
    assert set(metrics["a"]["valence"]) == names


def test_metrics_have_four_digits(table):
    assert nested(table, "a", "b")["a"]["valence"]["mean"] == 0.35


def test_intact_has_every_metric_at_p_0(table):
    cells = summary.intact_metrics(table.assign(rmse=table["ccc"] * 2), ["ccc", "rmse"])
    assert len(cells) == 4  # two models, two metrics
    cells = cells.set_index(["model", "metric"])
    assert cells.loc[("a", "ccc"), ["value", "n"]].tolist() == [pytest.approx(0.6), 2]
    assert cells.loc[("a", "rmse"), "value"] == pytest.approx(1.2)
    assert cells.loc[("a", "rmse"), "sd"] == pytest.approx(0.2 * math.sqrt(2))
    assert cells.loc[("b", "rmse"), "value"] == pytest.approx(1.2)


def test_the_worst_drop_is_the_largest_fall_of_a_seed_in_any_condition():
    table = evaluation(
        rows("a", 0, "video", "clip_zero", 0.0, 0.5),
        rows("a", 0, "video", "clip_zero", 1.0, 0.1),
        rows(
            "a", 0, "audio", "frame_zero", 0.9, 0.0, 0.4
        ),  # one trial fell by 0.5, its mean by 0.3
        rows("a", 1, "video", "clip_zero", 0.0, 0.7),
        rows("a", 1, "video", "clip_zero", 1.0, 0.5),
        rows("a", 1, "audio", "frame_zero", 0.9, 0.1, 0.3),
        rows("b", 0, "video", "clip_zero", 0.0, 0.9),
    )
    cells = summary.headline(table, "ccc").set_index(["model", "headline"])
    worst = cells.loc[("a", "worst_drop")]
    assert worst["value"] == pytest.approx((0.4 + 0.5) / 2)  # video gone, then sound at 0.9
    assert worst["sd"] == pytest.approx(0.1 / math.sqrt(2))
    assert worst["n"] == 2
    assert math.isnan(cells.loc[("b", "worst_drop"), "value"])  # it lacks conditions


def test_the_worst_drop_of_the_mean_is_that_of_the_means():
    table = evaluation(
        *(
            rows("a", 0, "video", strategy, p, ccc, target=target)
            for target, cccs in {"valence": (0.5, 0.1, 0.4), "arousal": (0.7, 0.6, 0.1)}.items()
            for (strategy, p), ccc in zip(
                (("clip_zero", 0.0), ("clip_zero", 1.0), ("frame_zero", 0.9)), cccs, strict=True
            )
        )
    )
    cells = summary.headline(table, "ccc").set_index(["target", "headline"])["value"]
    assert cells["valence", "worst_drop"] == pytest.approx(0.4)
    assert cells["arousal", "worst_drop"] == pytest.approx(0.6)
    assert cells["mean", "worst_drop"] == pytest.approx(0.35)  # 0.6 - 0.25, not the mean of both


def test_only_losses_of_all_labels_that_stay_lost_count():
    counted = evaluation(
        rows("a", 0, "video", "clip_zero", 0.0, 0.6),
        rows("a", 0, "both", "burst", 0.5, 0.4, burst=5.0),
        rows("a", 0, "both", "burst", 0.5, 0.2, burst=15.0),
    )
    apart = evaluation(
        rows("a", 0, "both", "burst", 0.5, 0.9, burst=5.0, fill="hold"),
        rows("a", 0, "both", "none", 0.0, -0.9, subset="no_face"),
        rows("a", 0, "both", "none", 0.0, 0.6),
    )
    cells = summary.headline(pd.concat([counted, apart]), "ccc").set_index("headline")["value"]
    assert cells["intact"] == pytest.approx(0.6)
    assert cells["mean"] == pytest.approx((0.6 + 0.4 + 0.2) / 3)
    assert cells["worst_drop"] == pytest.approx(0.4)
    assert "video_gone" not in cells
    every = summary.conditions(pd.concat([counted, apart]), "ccc")
    assert len(every) == 6
    assert summary.losses(every)["burst"].tolist() == [0.0, 5.0, 15.0]


def test_bursts_that_lose_nothing_count_once_whatever_their_length():
    table = evaluation(
        *(
            rows("a", 0, "video", "burst", p, ccc, burst=burst)
            for burst, cccs in {5.0: (0.9, 0.3), 15.0: (0.9, 0.1)}.items()
            for p, ccc in zip((0.0, 0.5), cccs, strict=True)
        ),
        rows("a", 0, "audio", "burst", 0.0, 0.9, burst=15.0),
        rows("a", 0, "video", "clip_zero", 0.0, 0.9),
        rows("b", 0, "video", "burst", 0.5, 0.1, burst=5.0),  # lacks conditions
    )
    areas = summary.headline(table, "ccc").query("headline == 'mean'").set_index("model")
    assert areas["value"].to_dict() == {"a": pytest.approx((0.9 + 0.3 + 0.1 + 0.9 + 0.9) / 5)}
    lossy = summary.losses(summary.conditions(table, "ccc"))
    assert len(summary.counted(lossy[lossy["model"] == "a"])) == 5
    assert len(summary.counted(lossy, "model")) == 6


def test_imputed_conditions_stand_with_those_without():
    table = evaluation(
        rows("a", 0, "video", "frame_zero", 0.0, 0.6),
        rows("a", 0, "video", "frame_zero", 0.0, 0.6, fill="hold"),
        rows("a", 0, "video", "frame_zero", 0.9, 0.1),
        rows("a", 0, "video", "frame_zero", 0.9, 0.3, fill="hold"),
        rows("a", 0, "audio", "frame_zero", 0.9, 0.5),
    )
    found = summary.imputed(summary.conditions(table, "ccc"))
    assert found[["modality", "p", "fill", "value"]].to_numpy().tolist() == [
        ["video", 0.9, "none", 0.1],
        ["video", 0.9, "hold", 0.3],
    ]


def test_seeds_have_headlines_of_their_own(table):
    seeds = summary.per_seed(table, "ccc").set_index(["model", "seed", "headline"])["value"]
    assert seeds["a", 0, "mean"] == pytest.approx((0.5 + 0.3 + 0.0) / 3)
    assert seeds["a", 1, "video_gone"] == pytest.approx(0.2)


def areas(**values):
    names = ["model", "target", "headline", "value"]
    rows = [(model, "mean", "mean", value) for model, value in values.items()]
    return pd.DataFrame([*rows, ("a", "valence", "mean", 9.0)], columns=names)


def test_the_ranking_is_by_area_and_those_without_are_last():
    table = areas(a=0.1, b=math.nan, c=0.4, d=0.1)
    assert summary.ranking(table, ["d", "b", "a", "c", "e"], "mean") == ("c", "d", "a", "b", "e")
    assert summary.ranking(table, ["b", "a"], "valence") == ("a", "b")


def test_figures_show_the_best_and_the_reference():
    models = [f"m{i}" for i in range(12)]
    ranked = models[::-1]
    assert summary.shown_models(ranked, models, "m0") == ("m0", *models[5:])
    assert summary.shown_models(ranked, models, "m9") == tuple(models[4:])
    assert summary.shown_models(["b", "a"], ["a", "b"], "a") == ("a", "b")
