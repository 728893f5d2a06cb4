import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import stats

from models.evaluation import statistics
from models.evaluation.moments import Moments, ccc, pearson

RNG = np.random.default_rng
untimed = settings(deadline=None)

PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=12).map(np.array)


# --- matched pairs


@untimed
@given(
    arrays(np.float64, st.integers(2, 20), elements=st.floats(-1, 1, width=32)), st.integers(0, 99)
)
def test_paired_t_is_the_one_sample_test_of_the_differences(reference, seed):
    values = reference + RNG(seed).normal(0.1, 0.2, len(reference))
    expected = stats.ttest_1samp(values - reference, 0, alternative="greater").pvalue
    assert statistics.paired_t(values, reference) == pytest.approx(expected)


def test_paired_t_by_hand():
    # Differences 1, 2, 3: mean 2, standard error 1/sqrt(3), t = 3.4641 with 2 degrees of freedom.
    p = statistics.paired_t([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert p == pytest.approx(1 - stats.t.cdf(2 * np.sqrt(3), 2))
    assert p == pytest.approx(0.0371, abs=1e-4)


def test_paired_t_is_one_tailed():
    better, worse = [0.5, 0.7, 0.6], [0.4, 0.5, 0.45]
    p = statistics.paired_t(better, worse)
    assert p < 0.05
    assert statistics.paired_t(worse, better) == pytest.approx(1 - p)


def test_paired_t_needs_the_pairs_matched():
    reference = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    values = reference + np.array([0.01, 0.02, 0.01, 0.02, 0.015])
    assert statistics.paired_t(values, reference) < 0.01
    assert statistics.paired_t(values[::-1], reference) > 0.3


@pytest.mark.parametrize(
    ("values", "reference"),
    [
        ([], []),
        ([0.5], [0.4]),
        ([0.5, 0.6, 0.7], [0.5, 0.6, 0.7]),
        ([0.5, 0.6, 0.7], [0.25, 0.35, 0.45]),
        ([1.1, 2.1, 3.1], [1.0, 2.0, 3.0]),  # the same but for rounding
        ([0.5, np.nan, 0.7], [0.4, 0.3, 0.2]),
    ],
)
@pytest.mark.filterwarnings("error")
def test_paired_t_gives_no_verdict_where_there_is_none(values, reference):
    assert np.isnan(statistics.paired_t(values, reference))


def test_paired_t_refuses_what_is_not_paired():
    with pytest.raises(ValueError, match="one length"):
        statistics.paired_t([1.0, 2.0], [1.0])


# --- correlations


@untimed
@given(st.floats(-0.95, 0.95), st.floats(-0.95, 0.95), st.integers(4, 9999), st.integers(4, 9999))
def test_fisher_z_is_its_formula(r, other, n, n_other):
    z = 0.5 * np.log((1 + r) / (1 - r)) - 0.5 * np.log((1 + other) / (1 - other))
    p = 2 * stats.norm.cdf(-abs(z) / np.sqrt(1 / (n - 3) + 1 / (n_other - 3)))
    assert statistics.fisher_z(r, other, n, n_other) == pytest.approx(p, abs=1e-12)
    assert statistics.fisher_z(other, r, n_other, n) == pytest.approx(p, abs=1e-12)


def test_fisher_z_by_hand():
    # artanh .5 - artanh .3 = .54931 - .30952 = .23979; standard error sqrt(2 / 100) = .14142.
    p = statistics.fisher_z(0.5, 0.3, 103, 103)
    assert p == pytest.approx(2 * stats.norm.sf(0.23979 / 0.14142), abs=1e-4)


def test_fisher_z_is_right_as_often_as_it_says_where_samples_are_independent():
    rng = RNG(0)
    tries, n, rho = 4000, 60, 0.5

    def correlations():
        x = rng.standard_normal((tries, n))
        y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((tries, n))
        return pearson(Moments.of(x, y))

    p = statistics.fisher_z(correlations(), correlations(), n, n)
    for level in (0.05, 0.01):
        error = np.sqrt(level * (1 - level) / tries)
        assert (p < level).mean() == pytest.approx(level, abs=3.5 * error)


def test_fisher_z_overstates_what_frames_of_videos_show():
    # Frames that stay for 20 in a row: what is said of 20 n frames is known of n.
    rng = RNG(1)
    x, y, z = np.repeat(rng.standard_normal((3, 2000, 40)), 20, axis=-1)
    p = statistics.fisher_z(pearson(Moments.of(x, z)), pearson(Moments.of(y, z)), 800, 800)
    assert (p < 0.01).mean() > 0.3


@pytest.mark.filterwarnings("error")
def test_fisher_z_at_the_limits():
    assert np.isnan(statistics.fisher_z(0.5, 0.1, 3, 100))
    assert np.isnan(statistics.fisher_z(1.0, 1.0, 100, 100))
    assert np.isnan(statistics.fisher_z(np.nan, 0.1, 100, 100))
    assert statistics.fisher_z(1 + 1e-12, 0.1, 100, 100) == 0
    with pytest.raises(ValueError, match="within"):
        statistics.fisher_z([0.1, 1.1], 0.1, 100, 100)


def test_mean_correlation():
    r = np.array([[0.2, 0.9], [0.4, 0.5]])
    expected = np.tanh(0.5 * (np.arctanh(r[0]) + np.arctanh(r[1])))
    np.testing.assert_allclose(statistics.mean_correlation(r), expected)
    np.testing.assert_allclose(statistics.mean_correlation(r[:1]), r[0])


# --- bootstrap


def test_resamples_draw_as_many_as_there_are():
    weights = statistics.resamples(30, 4000, seed=3)
    assert weights.shape == (4000, 30)
    assert (weights.sum(1) == 30).all()
    assert np.array_equal(weights, statistics.resamples(30, 4000, seed=3))
    assert not np.array_equal(weights, statistics.resamples(30, 4000, seed=4))
    # Binomial(30, 1/30): mean 1, variance 29/30; an item is left out in (29/30)^30 of resamples.
    np.testing.assert_allclose(weights.mean(0), 1, atol=4 * np.sqrt(29 / 30 / 4000))
    assert weights.var() == pytest.approx(29 / 30, rel=0.03)
    assert (weights == 0).mean() == pytest.approx((29 / 30) ** 30, abs=0.005)


def test_resamples_need_an_item():
    with pytest.raises(ValueError, match="no item"):
        statistics.resamples(0, 10, seed=0)


def test_weights_are_the_same_as_drawing_items():
    rng = RNG(5)
    videos = [rng.standard_normal((2, rng.integers(5, 40))) + rng.normal() for _ in range(8)]
    each = [Moments.of(*video) for video in videos]
    fields = ("n", "mean_x", "mean_y", "var_x", "var_y", "cov")
    items = Moments(*(np.array([[getattr(one, name)] for one in each]) for name in fields))
    weights = statistics.resamples(8, 50, seed=0)
    by_weight = items.weighted(weights)
    for replicate, counts in enumerate(weights.astype(int)):
        drawn = [video for video, count in zip(videos, counts, strict=True) for _ in range(count)]
        directly = Moments.of(*np.concatenate(drawn, axis=1))
        assert ccc(by_weight)[replicate, 0] == pytest.approx(ccc(directly), abs=1e-12)
        assert pearson(by_weight)[replicate, 0] == pytest.approx(pearson(directly), abs=1e-12)


def test_the_interval_is_that_of_scipy():
    values = RNG(6).exponential(size=60)
    replicates = statistics.resamples(60, 4000, seed=0) @ values / 60
    interval = statistics.percentile_interval(replicates)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=RNG(0)
    ).confidence_interval
    np.testing.assert_allclose(interval, theirs, atol=0.1 * (theirs.high - theirs.low))


def test_intervals_cover_as_often_as_they_say():
    rng = RNG(7)
    tries, items = 1000, 40
    weights = statistics.resamples(items, 1000, seed=0)
    truth = 0.2
    videos = rng.normal(truth, 1, (items, tries))
    replicates = weights @ videos / items
    low, high = statistics.percentile_interval(replicates)
    covered = ((low <= truth) & (truth <= high)).mean()
    # A percentile interval of 40 items is a little narrow: 94 % or so.
    assert covered == pytest.approx(0.94, abs=0.02)
    rejected = statistics.bootstrap_p(replicates - truth) < 0.05
    assert rejected.mean() == pytest.approx(0.06, abs=0.02)
    assert (rejected == ((low > truth) | (high < truth))).mean() > 0.99


def test_the_interval_leaves_out_what_is_undefined():
    replicates = np.stack([np.arange(101.0), np.full(101, np.nan)], axis=1)
    replicates = np.concatenate([replicates, np.full((7, 2), np.nan)])
    low, high = statistics.percentile_interval(replicates, level=0.9)
    np.testing.assert_allclose(low, [5, np.nan])
    np.testing.assert_allclose(high, [95, np.nan])
    for level in (0.0, 1.0):
        with pytest.raises(ValueError, match="level"):
            statistics.percentile_interval(replicates, level)


def test_bootstrap_p_counts():
    ahead = np.r_[np.full(97, 0.1), np.full(2, -0.1)]
    assert statistics.bootstrap_p(ahead) == 2 * 3 / 100
    assert statistics.bootstrap_p(-ahead) == 2 * 3 / 100
    assert statistics.bootstrap_p(np.full(99, 0.1)) == 2 / 100  # never 0
    assert statistics.bootstrap_p(np.zeros(99)) == 1
    assert statistics.bootstrap_p(np.r_[np.full(9, 0.1), np.full(90, np.nan)]) == 2 / 10
    assert np.isnan(statistics.bootstrap_p(np.full(9, np.nan)))


@untimed
@given(
    arrays(
        np.float64,
        array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=9),
        elements=st.floats(-1, 1),
    )
)
def test_bootstrap_p_is_a_probability_and_has_two_sides(differences):
    p = statistics.bootstrap_p(differences)
    assert p.shape == differences.shape[1:]
    assert ((p > 0) & (p <= 1)).all()
    np.testing.assert_array_equal(p, statistics.bootstrap_p(-differences))


# --- many tests


def closed_testing(p):
    """Holm by its definition: the closure of Bonferroni tests of every set of hypotheses."""
    count = len(p)
    adjusted = np.zeros(count)
    for members in range(1, 2**count):
        chosen = [i for i in range(count) if members >> i & 1]
        of_set = min(1.0, len(chosen) * min(p[i] for i in chosen))
        for i in chosen:
            adjusted[i] = max(adjusted[i], of_set)
    return adjusted


def test_holm_by_hand():
    # Sorted .01, .02, .03, .04 times 4, 3, 2, 1 = .04, .06, .06, .04; then never downwards.
    adjusted = statistics.holm([0.04, 0.01, 0.03, 0.02])
    np.testing.assert_allclose(adjusted, [0.06, 0.04, 0.06, 0.06])


@untimed
@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_holm_is_the_closure_of_bonferroni(p):
    np.testing.assert_allclose(statistics.holm(p), closed_testing(p), atol=1e-15)


@untimed
@given(PROBABILITIES, st.randoms(use_true_random=False))
def test_holm_keeps_order_and_lies_between_nothing_and_bonferroni(p, random):
    adjusted = statistics.holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, len(p) * p)).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    order = list(range(len(p)))
    random.shuffle(order)
    np.testing.assert_array_equal(statistics.holm(p[order]), adjusted[order])


@untimed
@given(PROBABILITIES, st.integers(0, 11), st.floats(0, 1))
def test_holm_grows_with_every_p(p, place, other):
    larger = p.copy()
    larger[place % len(p)] = max(other, larger[place % len(p)])
    assert (statistics.holm(larger) >= statistics.holm(p)).all()


def test_holm_does_not_count_what_was_not_tested():
    adjusted = statistics.holm([np.nan, 0.02, np.nan, 0.03])
    np.testing.assert_allclose(adjusted, [np.nan, 0.04, np.nan, 0.04])
    assert statistics.holm([]).shape == (0,)
    assert np.isnan(statistics.holm([np.nan])).all()


def test_holm_holds_the_chance_of_any_false_alarm_where_tests_depend():
    rng = RNG(8)
    common = rng.standard_normal((4000, 1))
    z = 0.7 * common + np.sqrt(1 - 0.49) * rng.standard_normal((4000, 6))
    p = 2 * stats.norm.sf(np.abs(z))
    alarms = np.array([(statistics.holm(row) < 0.05).any() for row in p])
    assert alarms.mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)
    assert (p < 0.05).any(1).mean() > 0.1


@pytest.mark.parametrize("p", [[-0.1], [1.1, 0.5], [[0.1, 0.2]]])
def test_holm_refuses_what_is_no_probability(p):
    with pytest.raises(ValueError, match="from 0 to 1"):
        statistics.holm(p)
