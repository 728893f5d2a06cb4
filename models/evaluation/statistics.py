"""Whether models differ, or chance made it look so: over seeds, over labels and over videos."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def paired_t(values: ArrayLike, reference: ArrayLike) -> float:
    r"""One-tailed matched-pair t-test: are the values higher than those of the reference?

    .. math:: t = \bar d / (s_d / \sqrt n), \quad p = P(T_{n - 1} > t)

    with d the differences of the pairs. It is the test of Goncalves and Busso 2022 (section 4.4),
    whose pairs are the trainings with the same seed.

    Args:
        values: (n,) of the one model.
        reference: (n,) of the model that it is compared with, in the same order.

    Returns:
        p; NaN for fewer than two pairs and where all pairs differ by the same, so that nothing is
        known of the spread.

    Raises:
        ValueError: the two are not of one length.

    >>> round(paired_t([0.5, 0.6, 0.8], [0.4, 0.4, 0.5]), 4)
    0.0371
    """
    from scipy import stats

    first, second = np.asarray(values, np.float64), np.asarray(reference, np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"pairs need two vectors of one length, not {first.shape} and {second.shape}"
        )
    if len(first) < 2:
        return np.nan
    # Differences that are the same except for the rounding of the values count as the same.
    rounding = 4 * np.finfo(np.float64).eps * max(np.abs(first).max(), np.abs(second).max())
    if np.ptp(first - second) <= rounding:
        return np.nan
    return float(stats.ttest_rel(first, second, alternative="greater").pvalue)


def mean_correlation(r: ArrayLike, axis: int = 0) -> Array:
    r"""Mean of correlations by Fisher's z-transform.

    .. math:: \tanh\left(\overline{\operatorname{artanh} r}\right)

    Args:
        r: correlations.
        axis: the axis to average.

    >>> float(mean_correlation([0.5, 0.5]).round(6))
    0.5
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.tanh(np.arctanh(np.clip(r, -1, 1)).mean(axis))


def fisher_z(r: ArrayLike, r_reference: ArrayLike, n: ArrayLike, n_reference: ArrayLike) -> Array:
    r"""Two-sided test of two correlations of independent samples by Fisher's z-transform.

    .. math:: z = \frac{\operatorname{artanh} r_1 - \operatorname{artanh} r_2}
              {\sqrt{1 / (n_1 - 3) + 1 / (n_2 - 3)}}

    (Fisher 1921), the test of Parthasarathy and Sundaram, "Detecting expressions with multimodal
    transformers". It takes the n pairs behind a correlation as independent. Frames of a video are
    not, so with n frames it overstates what is known, by far; and two models that are tried on the
    same frames are not independent of each other. `resamples` is for a test without either fault.

    Args:
        r: correlations of one model.
        r_reference: correlations of the other.
        n: number of pairs behind `r`.
        n_reference: number of pairs behind `r_reference`.

    Returns:
        p, of the shape the arguments broadcast to; NaN for three pairs or fewer, and for two
        correlations that are both 1 or both -1.

    Raises:
        ValueError: a correlation is not within -1 and 1.
    """
    from scipy import stats

    correlations = [np.asarray(value, np.float64) for value in (r, r_reference)]
    if any((np.abs(value) > 1 + 1e-9).any() for value in correlations):
        raise ValueError("a correlation is not within -1 and 1")
    # Three pairs or fewer leave nothing free: NaN in place of a division by zero.
    free = [np.where(count > 3, count - 3.0, np.nan) for count in map(np.asarray, (n, n_reference))]
    with np.errstate(divide="ignore", invalid="ignore"):
        z, z_reference = (np.arctanh(np.clip(value, -1, 1)) for value in correlations)
        score = (z - z_reference) / np.sqrt(1 / free[0] + 1 / free[1])
    return 2 * stats.norm.sf(np.abs(score))


def resamples(items: int, replicates: int, seed: int) -> Array:
    """Bootstrap resamples (Efron 1979): how often each item was drawn, with replacement.

    All models that are weighted by one result are resampled alike, so their differences are
    those of pairs. An item is a video or a sequence, never a frame: frames of a video are alike.

    Args:
        items: number of items, each as likely as any other.
        replicates: number of resamples R.
        seed: the same one gives the same resamples.

    Returns:
        Weights (R, items); each row sums to `items`.

    Raises:
        ValueError: there is no item.

    >>> resamples(4, 3, seed=0).sum(1).tolist()
    [4.0, 4.0, 4.0]
    """
    if items < 1:
        raise ValueError("there is no item to draw")
    rng = np.random.default_rng(seed)
    return rng.multinomial(items, np.full(items, 1 / items), size=replicates).astype(np.float64)


def permutations(labels: ArrayLike, strata: ArrayLike, count: int, seed: int) -> NDArray[np.int64]:
    """Labels dealt out again at random, among those of a stratum alone.

    Args:
        labels: (N,) numbers.
        strata: (N,) likewise.
        count: how many times.
        seed: the same one gives the same permutations.

    Returns:
        (count, N); each row has the labels of every stratum in another order.

    >>> permutations([1, 2, 3, 4], [0, 0, 1, 1], 2, seed=0).sum(1).tolist()
    [10, 10]
    """
    values, places = np.asarray(labels, np.int64), np.asarray(strata, np.int64)
    keys = np.random.default_rng(seed).random((count, len(values)))
    # In the order of strata, and within each at random; places[into] is in the order of strata.
    order = np.lexsort((keys, np.broadcast_to(places, keys.shape)), axis=1)
    dealt = np.empty_like(order)
    np.put_along_axis(
        dealt, np.broadcast_to(np.argsort(places, kind="stable"), order.shape), values[order], 1
    )
    return dealt


def permutation_p(observed: ArrayLike, permuted: Array) -> Array:
    r"""P of a permutation test: how often chance does at least as much as was observed.

    .. math:: p = \frac{1 + \#\{t_r \ge t\}}{R + 1}

    (Phipson and Smyth 2010). An undefined value counts as one that is larger.

    Args:
        observed: (...) the statistic as it is.
        permuted: (R, ...) in every permutation.

    Returns:
        p (...); NaN where the observed one is undefined.

    >>> float(permutation_p(0.5, np.array([0.1, 0.2, 0.6])))
    0.5
    """
    value = np.asarray(observed, np.float64)
    # The same dealing gives the same value up to the rounding of what was stored.
    as_large = ~(permuted < value - 1e-6)
    return np.where(np.isnan(value), np.nan, (1 + as_large.sum(0)) / (len(permuted) + 1))


def percentile_interval(replicates: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Percentile interval of a bootstrap (Efron and Tibshirani 1993, section 13.3).

    Args:
        replicates: (R, ...) the statistic in every resample; NaN where it is undefined.
        level: share of the defined replicates that lie within.

    Returns:
        Lower and upper bound (...); NaN where no replicate is defined.

    Raises:
        ValueError: the level is not between 0 and 1.

    >>> low, high = percentile_interval(np.arange(101.0))
    >>> round(float(low), 6), round(float(high), 6)
    (2.5, 97.5)
    """
    if not 0 < level < 1:
        raise ValueError(f"a level is between 0 and 1, not {level}")
    tail = (1 - level) / 2
    defined = np.isfinite(replicates).any(0)
    bounds = np.nanquantile(np.where(defined, replicates, 0.0), [tail, 1 - tail], axis=0)
    low, high = np.where(defined, bounds, np.nan)
    return low, high


def bootstrap_p(differences: Array) -> Array:
    r"""Two-sided p of "no difference", by inverting the percentile interval.

    .. math:: p = \min\left(1, 2 \frac{1 + \min(\#\{d \le 0\}, \#\{d \ge 0\})}{R + 1}\right)

    The added one (Davison and Hinkley 1997, section 4.2.3) keeps it from 0, which no number of
    resamples can show.

    Args:
        differences: (R, ...) differences in every resample; NaN where one is undefined.

    Returns:
        p (...); NaN where no difference is defined.

    >>> float(bootstrap_p(np.array([0.1, 0.2, 0.3])).round(3))
    0.5
    """
    count = np.isfinite(differences).sum(0)
    fewer = np.minimum((differences <= 0).sum(0), (differences >= 0).sum(0))
    return np.where(count == 0, np.nan, np.minimum(1.0, 2 * (1 + fewer) / (count + 1)))


def holm(p: ArrayLike) -> Array:
    r"""Adjust p-values for their number, step-down (Holm 1979).

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min(1, (m - j + 1) p_{(j)})

    with p sorted upwards. The chance of one false rejection or more is at most the level that the
    adjusted values are held against, however the tests depend on each other.

    Args:
        p: (m,) p-values; a NaN stands for no test, stays, and is not counted.

    Raises:
        ValueError: a value is not a probability, or they are not a vector.
    """
    values = np.asarray(p, np.float64)
    tested = ~np.isnan(values)
    p_values = values[tested]
    if values.ndim != 1 or ((p_values < 0) | (p_values > 1)).any():
        raise ValueError("p-values are a vector of numbers from 0 to 1")
    order = np.argsort(p_values, kind="stable")
    steps = np.minimum(1.0, np.arange(len(p_values), 0, -1) * p_values[order])
    adjusted = np.full(values.shape, np.nan)
    adjusted[np.flatnonzero(tested)[order]] = np.maximum.accumulate(steps)
    return adjusted
