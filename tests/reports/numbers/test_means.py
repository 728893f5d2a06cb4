"""Means, standard deviations and counts against numbers worked out by hand."""

import math

import pandas as pd
import pytest

from reports.numbers import means
from tests.helpers.evaluation_rows import evaluation, of_two_models, rows


@pytest.fixture
def table():
    return of_two_models()


def test_conditions_pool_seeds_and_trials(table):
    cells = means.conditions(table, "ccc").set_index(["model", "p"])
    half = cells.loc[("a", 0.5)]
    assert half["value"] == pytest.approx(0.35)
    assert half["sd"] == pytest.approx(math.sqrt((0.15**2 + 2 * 0.05**2 + 0.15**2) / 3))
    assert half["n"] == 4
    assert ("b", 0.5) not in cells.index


def test_a_single_value_has_no_deviation_and_an_undefined_one_does_not_count():
    table = evaluation(rows("a", 0, "audio", "frame_zero", 0.9, 0.4, math.nan))
    (cell,) = means.conditions(table, "ccc").itertuples()
    assert cell.value == 0.4
    assert math.isnan(cell.sd)
    assert cell.n == 1


def test_headline_is_over_seeds_and_weighs_conditions_equally(table):
    cells = means.headline(table, "ccc").set_index(["model", "headline"])
    assert cells.loc[("a", "intact"), "value"] == pytest.approx(0.6)
    assert cells.loc[("a", "video_gone"), "value"] == pytest.approx(0.1)
    mean = cells.loc[("a", "mean")]
    seeds = (0.5 + 0.3 + 0.0) / 3, (0.7 + 0.4 + 0.2) / 3
    assert mean["value"] == pytest.approx(sum(seeds) / 2)
    assert mean["sd"] == pytest.approx((seeds[1] - seeds[0]) / math.sqrt(2))
    assert mean["n"] == 2


def test_one_target_has_no_mean_of_targets(table):
    assert set(means.headline(table, "ccc")["target"]) == {"valence"}


def test_intact_has_every_metric_at_p_0(table):
    cells = means.intact_metrics(table.assign(rmse=table["ccc"] * 2), ["ccc", "rmse"])
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
    cells = means.headline(table, "ccc").set_index(["model", "headline"])
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
    cells = means.headline(table, "ccc").set_index(["target", "headline"])["value"]
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
    cells = means.headline(pd.concat([counted, apart]), "ccc").set_index("headline")["value"]
    assert cells["intact"] == pytest.approx(0.6)
    assert cells["mean"] == pytest.approx((0.6 + 0.4 + 0.2) / 3)
    assert cells["worst_drop"] == pytest.approx(0.4)
    assert "video_gone" not in cells
    every = means.conditions(pd.concat([counted, apart]), "ccc")
    assert len(every) == 6
    assert means.losses(every)["burst"].tolist() == [0.0, 5.0, 15.0]


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
    areas = means.headline(table, "ccc").query("headline == 'mean'").set_index("model")
    assert areas["value"].to_dict() == {"a": pytest.approx((0.9 + 0.3 + 0.1 + 0.9 + 0.9) / 5)}
    lossy = means.losses(means.conditions(table, "ccc"))
    assert len(means.counted(lossy[lossy["model"] == "a"])) == 5
    assert len(means.counted(lossy, "model")) == 6


def test_imputed_conditions_stand_with_those_without():
    table = evaluation(
        rows("a", 0, "video", "frame_zero", 0.0, 0.6),
        rows("a", 0, "video", "frame_zero", 0.0, 0.6, fill="hold"),
        rows("a", 0, "video", "frame_zero", 0.9, 0.1),
        rows("a", 0, "video", "frame_zero", 0.9, 0.3, fill="hold"),
        rows("a", 0, "audio", "frame_zero", 0.9, 0.5),
    )
    found = means.imputed(means.conditions(table, "ccc"))
    assert found[["modality", "p", "fill", "value"]].to_numpy().tolist() == [
        ["video", 0.9, "none", 0.1],
        ["video", 0.9, "hold", 0.3],
    ]


def test_seeds_have_headlines_of_their_own(table):
    seeds = means.per_seed(table, "ccc").set_index(["model", "seed", "headline"])["value"]
    assert seeds["a", 0, "mean"] == pytest.approx((0.5 + 0.3 + 0.0) / 3)
    assert seeds["a", 1, "video_gone"] == pytest.approx(0.2)
