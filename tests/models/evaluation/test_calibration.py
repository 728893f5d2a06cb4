"""Temperatures, calibration errors, intervals and risks against direct computations."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from features.corpora.settings import SimulatedSettings
from features.corpora.simulated import features, truth
from features.task import Task
from models.evaluation.calibration import (
    KEPT,
    Calibration,
    brier,
    calibration_error,
    conformal_radius,
    coverage_of_speakers,
    interval,
    risks,
    temperature,
)

CLASSES = Task(kind="classification", level="sequence", outputs=("a", "b", "c", "d"))


def sampled(seed: int, count: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits `scale` times those that the labels are drawn from."""
    rng = np.random.default_rng(seed)
    true = rng.standard_normal((count, 4))
    drawn = (true + rng.gumbel(size=true.shape)).argmax(1)
    return scale * true, np.eye(4)[drawn]


def test_the_temperature_is_by_how_much_logits_are_too_large() -> None:
    logits, labels = sampled(0, 20_000, 3.0)
    found = temperature(logits, labels)
    assert found == pytest.approx(3.0, rel=0.05)
    # No T of a fine grid is likelier.
    grid = np.geomspace(1, 9, 200)
    loss = [-(labels * log_softmax(logits / t, 1)).sum(1).mean() for t in [found, *grid]]
    assert min(loss) >= loss[0] - 1e-9


def test_the_temperature_is_where_torch_finds_no_slope() -> None:
    logits, labels = sampled(1, 500, 0.5)
    t = torch.tensor(temperature(logits, labels), dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits) / t, torch.from_numpy(labels))
    loss.backward()
    assert abs(float(t.grad)) < 1e-5


def test_calibration_error_and_brier_are_those_of_loops() -> None:
    logits, labels = sampled(2, 400, 2.0)
    probabilities = softmax(logits, axis=1)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels.argmax(1)
    edges, expected = np.linspace(0, 1, 16), 0.0
    for low, high in pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            expected += inside.mean() * gap
    assert calibration_error(probabilities, labels) == pytest.approx(expected, abs=1e-12)
    direct = np.mean([sum((p - y) ** 2) for p, y in zip(probabilities, labels, strict=True)])
    assert brier(probabilities, labels) == pytest.approx(direct)
    assert calibration_error(np.eye(4)[[0, 1]], np.eye(4)[[0, 1]]) == 0
    assert np.isnan(brier(probabilities[:0], labels[:0]))


def test_scaling_lowers_the_calibration_error_of_logits_that_are_too_large() -> None:
    learnt, tested = sampled(3, 2000, 3.0), sampled(4, 2000, 3.0)
    t = temperature(*learnt)
    before, after = (calibration_error(softmax(tested[0] / x, 1), tested[1]) for x in (1.0, t))
    assert after < 0.04
    assert before > 0.15


@pytest.mark.parametrize("count", [9, 10, 19, 40])
def test_one_label_a_speaker_gives_the_quantile_of_split_conformal_prediction(count: int) -> None:
    errors = np.random.default_rng(count).exponential(size=count)
    rank = int(np.ceil((count + 1) * 0.9 - 1e-9))
    assert conformal_radius([e[None] for e in errors]) == np.sort(errors)[rank - 1]


def test_the_radius_is_the_smallest_that_covers_enough_of_every_speaker_alike() -> None:
    rng = np.random.default_rng(0)
    speakers = [
        s * rng.exponential(size=int(n))
        for s, n in zip(rng.uniform(0.5, 2, 15), rng.integers(1, 50, 15), strict=True)
    ]
    found = conformal_radius(speakers, 0.8)

    def covered(radius: float) -> float:
        return sum((s <= radius).mean() for s in speakers) / 16

    assert covered(found) >= 0.8 - 1e-9
    assert covered(np.nextafter(found, 0)) < 0.8
    assert np.isinf(conformal_radius(speakers[:8], 0.9))
    # Copies of a speaker's frames tell nothing new.
    assert conformal_radius([np.repeat(s, 7) for s in speakers], 0.8) == found


def test_intervals_cover_what_they_say_on_new_speakers_of_the_simulated_corpus() -> None:
    """A ridge regression on what is there, for each of what an answer can rest on."""
    settings = SimulatedSettings(seed=3, frames=150)
    counts = {"train": 20, "test": 160}
    rows = {
        part: [simulated(settings, f"{part}-{n:05d}") for n in range(count)]
        for part, count in counts.items()
    }
    width, heard = rows["train"][0][0].shape[1], settings.audio
    draws = [np.random.default_rng(n).permutation(160) for n in range(40)]
    for keep in (slice(None), slice(0, heard), slice(heard, None), slice(0, 0)):
        mask = np.zeros(width)
        mask[keep] = 1
        x = np.vstack([x * mask for x, _ in rows["train"]])
        y = np.vstack([y for _, y in rows["train"]])
        weights = np.linalg.solve(x.T @ x + 100 * np.eye(width), x.T @ y)
        errors = [np.abs((x * mask) @ weights - y)[:, 1] for x, y in rows["test"]]
        means = []
        for order in draws:  # 40 speakers to learn from, 120 new ones
            radius = conformal_radius([errors[n] for n in order[:40]])
            mean, least = coverage_of_speakers({str(n): errors[n] <= radius for n in order[40:]})
            assert least < mean
            means.append(mean)
        # The promise is of the mean over whom it is learnt from: 0.9, and 1 / 41 above at most.
        assert 0.885 < np.mean(means) < 0.935


def simulated(settings: SimulatedSettings, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows of sound and picture side by side, and labels."""
    streams = features(settings, name)
    affect = settings.label_scale * truth(settings, name).affect
    return np.hstack([streams["sound"].rows, streams["picture"].rows]), affect.clip(-1, 1)


def test_intervals_stay_within_the_range_of_labels() -> None:
    low, high = interval(np.array([-0.9, 0.0, 0.9]), 0.3, -1.0, 1.0)
    assert np.allclose([low, high], [[-1.0, -0.3, 0.6], [-0.6, 0.3, 1.0]])


def test_risk_is_the_mean_of_the_surest_and_ties_share_theirs() -> None:
    rng = np.random.default_rng(5)
    sureness, losses = rng.permutation(100), rng.exponential(size=100)
    order = np.argsort(-sureness)
    expected = [losses[order[: round(share * 100)]].mean() for share in KEPT]
    assert np.allclose(risks(sureness, losses), expected)
    assert np.allclose(risks(np.zeros(100), losses), losses.mean())
    assert np.isnan(risks(np.zeros(0), np.zeros(0))).all()


def test_columns_say_nothing_where_nothing_is_known() -> None:
    found = Calibration(weights="", speakers=12, radii={"both": [0.1, 0.2]})
    columns = found.columns(Task(), np.array([[0.0, 0.0], [0.5, 0.95]]), ["audio", "both"])
    assert list(columns) == ["valence_low", "valence_high", "arousal_low", "arousal_high"]
    assert np.isnan(columns["valence_low"][0])
    assert columns["arousal_high"][1] == 1.0
    assert Calibration(weights="", speakers=4).columns(Task(), np.zeros((1, 2)), ["both"]) == {}
    sure = Calibration(weights="", speakers=12, temperatures={"both": 2.0})
    logits = np.array([[4.0, 0.0, 0.0, 0.0]])
    expected = softmax(logits / 2, axis=1).max()
    assert sure.columns(CLASSES, softmax(logits, 1), ["both"])["confidence"][0] == pytest.approx(
        expected
    )
