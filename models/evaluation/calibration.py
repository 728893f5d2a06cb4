"""Trust in a number: temperatures, conformal intervals, and risk against what is answered.

All of it is learnt from speakers that no model has learnt from, for each of what an answer can rest
on (`models.evaluation.trust`); everything here is a function of arrays.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from features.settings import Settings
from features.task import Task

Array = NDArray[np.float64]

COVERAGE = 0.9
"""The share of labels that intervals are to hold."""
SPEAKERS_NEEDED = 10
"""With fewer, neither intervals nor temperatures are offered: an interval that holds nine labels of
ten for a new speaker takes nine speakers to exist at all."""
BINS = 15
"""Of the expected calibration error, as Guo et al. (2017) have it."""
TEMPERATURES = (0.05, 20.0)
"""The range in which a temperature is looked for."""
KEPT = tuple(round(0.1 * step, 1) for step in range(1, 11))
"""Shares of the labels that are answered, the surest first, at which risks are told."""


class Calibration(Settings):
    """What turns a recogniser's outputs into statements that hold as often as they say.

    Attributes:
        weights: sha256 of the recogniser's weights; it is no other's.
        speakers: how many it is learnt from.
        coverage: the share of labels that intervals hold.
        temperatures: of classes, by what an answer rests on: both, audio, video, none.
        radii: of other tasks, likewise: half the width of the interval of each target.
    """

    weights: str
    speakers: int
    coverage: float = COVERAGE
    temperatures: dict[str, float] = Field(default={})
    radii: dict[str, list[float]] = Field(default={})

    @property
    def note(self) -> str:
        """What the columns that come of it mean, as a sentence; empty where it offers none."""
        if self.temperatures:
            return f"confidence: the largest probability, calibrated on {self.speakers} speakers"
        if self.radii:
            return (
                f"_low and _high hold {self.coverage:.0%} of the labels of a new speaker like the "
                f"{self.speakers} that they are learnt from"
            )
        return ""

    def columns(
        self, task: Task, values: NDArray[np.floating], basis: Sequence[str]
    ) -> dict[str, Array]:
        """What stands beside outputs: `<target>_low` and `<target>_high`, or `confidence`.

        Args:
            task: of the recogniser.
            values: (N, outputs) probabilities of classes, else values in units; NaN where there
                are none.
            basis: (N,) what each rests on; where nothing is known of that, numbers are NaN.

        Returns:
            Arrays (N,) by name; none where the calibration offers nothing.
        """
        if self.temperatures:
            t = np.array([self.temperatures.get(b, np.nan) for b in basis])
            # Logits are the logarithms of probabilities, up to a constant.
            logits = np.log(np.maximum(values, np.finfo(np.float64).tiny))
            return {"confidence": softmax(logits / t[:, None], axis=-1).max(-1)}
        if not self.radii:
            return {}
        unknown = [np.nan] * len(task.outputs)
        radii = np.array([self.radii.get(b, unknown) for b in basis])
        columns: dict[str, Array] = {}
        for place, target in enumerate(task.outputs):
            radius = radii[:, place] * task.unit(target)
            ends = interval(values[:, place], radius, *task.range_of(target))
            columns |= {f"{target}_low": ends[0], f"{target}_high": ends[1]}
        return columns


def temperature(logits: NDArray[np.floating], labels: NDArray[np.floating]) -> float:
    r"""The T that makes softmax(logits / T) likeliest (Guo et al. 2017, section 4.2).

    .. math:: T = \arg\min_T -\sum_i \sum_c y_{ic} \log \mathrm{softmax}(z_i / T)_c

    Args:
        logits: (N, classes).
        labels: (N, classes) shares of the classes.

    Raises:
        ValueError: there are no labels.

    >>> z = np.array([[4.0, 0.0]] * 4)  # three of four are right: log 3 apart, not 4
    >>> round(temperature(z, np.eye(2)[[0, 0, 0, 1]]), 3), round(4 / float(np.log(3)), 3)
    (3.641, 3.641)
    """
    if not len(logits):
        raise ValueError("a temperature needs labels")
    z, y = np.asarray(logits, np.float64), np.asarray(labels, np.float64)

    def loss(log_t: float) -> float:
        return float(-(y * log_softmax(z / np.exp(log_t), axis=1)).sum(1).mean())

    # Convex in 1 / T, so that there is one minimum.
    found = minimize_scalar(
        loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(found.x))


def calibration_error(
    probabilities: NDArray[np.floating], labels: NDArray[np.floating], bins: int = BINS
) -> float:
    r"""Expected calibration error of the largest probability (Guo et al. 2017, equation 3).

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{N} |\mathrm{acc}(b) - \mathrm{conf}(b)|

    over bins (l, u] of equal width; NaN without labels.

    Args:
        probabilities: (N, classes).
        labels: (N, classes) shares of the classes, the largest of which is the label.
        bins: their number.

    >>> calibration_error(np.array([[0.8, 0.2]] * 5), np.eye(2)[[0, 0, 0, 0, 1]]).__round__(6)
    0.0
    """
    if not len(probabilities):
        return float("nan")
    confidence = np.asarray(probabilities, np.float64).max(1)
    right = probabilities.argmax(1) == labels.argmax(1)
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    # n_b / N · |acc − conf| = |Σ right − Σ confidence| / N
    gaps = np.bincount(bin_of, right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def brier(probabilities: NDArray[np.floating], labels: NDArray[np.floating]) -> float:
    """Brier score: the squared distance from the labels, summed over classes, mean over labels.

    From 0 to 2 (Brier 1950); NaN without labels.

    >>> brier(np.array([[0.5, 0.5], [1.0, 0.0]]), np.eye(2))
    1.25
    """
    if not len(probabilities):
        return float("nan")
    return float(np.square(np.asarray(probabilities, np.float64) - labels).sum(1).mean())


def conformal_radius(
    errors_of_speakers: Sequence[NDArray[np.floating]], coverage: float = COVERAGE
) -> float:
    r"""Half the width of an interval that holds a label of a new speaker with this probability.

    .. math:: \min \{ r : \frac{1}{K + 1} \sum_{k=1}^{K} \frac{1}{N_k} \#\{i : e_{ki} \le r\}
              \ge \mathrm{coverage} \}

    Every speaker weighs the same, and the new one counts as one more whose errors have no bound:
    with one label each it is the quantile of split conformal prediction. Speakers have to be
    exchangeable; frames of one need not be independent (Lee, Barber and Willett 2023,
    "Distribution-free inference with hierarchical data", section 3; Dunn, Wasserman and Ramdas
    2022).

    Args:
        errors_of_speakers: absolute errors (N_k,) of each speaker; those without any do not count.
        coverage: the probability.

    Returns:
        The radius; infinity with too few speakers.

    >>> conformal_radius([np.array([e]) for e in range(1, 10)])  # the last of nine
    9.0
    >>> conformal_radius([np.array([e]) for e in range(1, 9)])
    inf
    """
    speakers = [np.asarray(errors, np.float64) for errors in errors_of_speakers if len(errors)]
    if not speakers:
        return float("inf")
    errors = np.concatenate(speakers)
    weights = np.concatenate([np.full(len(e), 1 / len(e)) for e in speakers]) / (len(speakers) + 1)
    order = np.argsort(errors, kind="stable")
    reached = np.cumsum(weights[order]) >= coverage - 1e-9  # sums of shares are rounded
    return float(errors[order][reached.argmax()]) if reached.any() else float("inf")


def interval(
    values: NDArray[np.floating], radius: float | Array, low: float, high: float
) -> tuple[Array, Array]:
    """Lower and upper ends of intervals around values, within the labels' range.

    No label lies beyond the range, so what is cut off costs no coverage.

    >>> interval(np.array([0.9]), 0.25, -1.0, 1.0)
    (array([0.65]), array([1.]))
    """
    centre = np.asarray(values, np.float64)
    return np.clip(centre - radius, low, high), np.clip(centre + radius, low, high)


def coverage_of_speakers(
    covered: Mapping[str, NDArray[np.bool_]],
) -> tuple[float, float]:
    """Mean and smallest share of the labels of a speaker that intervals hold; NaN without any.

    >>> coverage_of_speakers({"a": np.array([True, True, True, False]), "b": np.array([True])})
    (0.875, 0.75)
    """
    shares = [float(np.mean(c)) for c in covered.values() if len(c)]
    return (float(np.mean(shares)), min(shares)) if shares else (float("nan"), float("nan"))


def risks(sureness: NDArray[np.floating], losses: NDArray[np.floating]) -> Array:
    """Mean loss of the surest answers, where the model abstains from the others.

    Answers that are equally sure are kept or left out at random: each counts as the mean of them.

    Args:
        sureness: (N,) larger is surer.
        losses: (N,).

    Returns:
        One mean for each share of KEPT; NaN without answers.

    >>> risks(np.arange(10), np.arange(10)[::-1])[[0, -1]].tolist()
    [0.0, 4.5]
    """
    if not len(losses):
        return np.full(len(KEPT), np.nan)
    _, group = np.unique(-np.asarray(sureness), return_inverse=True)
    of_group = np.bincount(group, losses) / np.bincount(group)
    ordered = np.cumsum(of_group[np.sort(group)])
    counts = np.maximum(1, np.round(np.array(KEPT) * len(losses)).astype(int))
    return ordered[counts - 1] / counts
