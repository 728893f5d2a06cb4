import audmetric
import numpy as np
import pytest
import scipy.stats
import torch
import torchmetrics.functional as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from features.task import Task
from models.evaluation.registry import CONFUSION, metrics_of
from models.evaluation.scores import score, stacked

KINDS = {
    "regression": Task(outputs=["valence", "arousal"]),
    "classification": Task(kind="classification", level="sequence", outputs=list("abcde")),
    "sentiment": Task(kind="sentiment", level="sequence", outputs=["sentiment"]),
}


def planted(kind: str, n: int = 200, runs: int = 2, seed: int = 0) -> tuple:
    """Predictions (runs, n, outputs) that know something of the labels (n, outputs)."""
    rng = np.random.default_rng(seed)
    outputs = len(KINDS[kind].outputs)
    if kind == "classification":
        labels = np.eye(outputs)[rng.integers(0, outputs - 1, n)]  # the last class never occurs
    else:
        labels = rng.normal(size=(n, outputs)).round(1)
    return labels + rng.normal(size=(runs, n, outputs)), labels


def test_regression_equals_audmetric_and_scipy() -> None:
    predictions, labels = planted("regression")
    values = score(metrics_of(KINDS["regression"]), predictions, labels).values()
    assert list(values) == list(metrics_of(KINDS["regression"]))
    for run in range(2):
        for target in range(2):
            x, y = predictions[run, :, target], labels[:, target]
            assert values["ccc"][run, target] == pytest.approx(audmetric.concordance_cc(y, x))
            assert values["pearson"][run, target] == pytest.approx(scipy.stats.pearsonr(x, y)[0])
            rmse = np.sqrt(audmetric.mean_squared_error(y, x))
            assert values["rmse"][run, target] == pytest.approx(rmse)


def test_classification_equals_torchmetrics_and_audmetric() -> None:
    predictions, labels = planted("classification")
    scores = score(metrics_of(KINDS["classification"]), predictions, labels)
    values = scores.values()
    assert list(values) == list(metrics_of(KINDS["classification"]))
    true = labels.argmax(-1)
    for run in range(2):
        logits, guess = torch.tensor(predictions[run]), predictions[run].argmax(-1)
        options = {"task": "multiclass", "num_classes": 5}
        target = torch.tensor(true)
        macro = reference.f1_score(logits, target, average="macro", **options)
        micro = reference.f1_score(logits, target, average="micro", **options)
        confusion = reference.confusion_matrix(logits, target, **options)
        assert values["macro_f1"][run, 0] == pytest.approx(macro.item(), abs=1e-6)
        assert values["micro_f1"][run, 0] == pytest.approx(micro.item(), abs=1e-6)
        assert values["accuracy"][run, 0] == pytest.approx(audmetric.accuracy(true, guess))
        entropy = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
        assert values["cross_entropy"][run, 0] == pytest.approx(entropy.item())
        assert np.array_equal(scores.statistics[CONFUSION].counts[run], confusion.numpy())


def test_a_class_that_never_occurs_does_not_lower_macro_f1() -> None:
    labels = np.eye(3)[[0, 0, 1, 1]]
    values = score(metrics_of(KINDS["classification"]), labels, labels).values()
    assert values["macro_f1"].tolist() == [1.0]


def test_soft_labels_count_as_their_largest_class() -> None:
    shares = np.array([[0.6, 0.4, 0.0], [0.1, 0.2, 0.7]])
    logits = np.log([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3]])
    values = score(metrics_of(KINDS["classification"]), logits, shares).values()
    assert values["accuracy"].tolist() == [0.5]
    expected = -(shares * logits).sum(-1).mean()
    assert values["cross_entropy"][0] == pytest.approx(expected)


def test_sentiment_equals_its_definition() -> None:
    predictions, labels = planted("sentiment")
    values = score(metrics_of(KINDS["sentiment"]), predictions, labels).values()
    assert list(values) == list(metrics_of(KINDS["sentiment"]))
    for run in range(2):
        x, y = predictions[run, :, 0], labels[:, 0]
        assert values["mae"][run, 0] == pytest.approx(audmetric.mean_absolute_error(y, x))
        assert values["pearson"][run, 0] == pytest.approx(scipy.stats.pearsonr(x, y)[0])
        signed = y != 0
        assert not signed.all()
        agree = ((x > 0) == (y > 0))[signed].mean()
        assert values["binary_accuracy"][run, 0] == pytest.approx(agree)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=5), seed=st.integers(0, 9))
def test_pooled_scores_are_those_of_everything_together(kind, sizes, seed) -> None:
    predictions, labels = planted(kind, n=sum(sizes), seed=seed)
    cuts = np.cumsum(sizes)[:-1]
    parts = zip(np.split(predictions, cuts, axis=1), np.split(labels, cuts), strict=True)
    first, *others = [score(metrics_of(KINDS[kind]), x, y) for x, y in parts]
    for other in others:
        first = first.pooled_with(other)
    whole = score(metrics_of(KINDS[kind]), predictions, labels)
    assert np.array_equal(first.n, whole.n)
    for name, value in whole.values().items():
        assert np.allclose(first.values()[name], value, atol=1e-9, equal_nan=True), name


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=5), seed=st.integers(0, 9))
def test_weighted_scores_are_those_of_items_drawn_as_often(kind, sizes, seed) -> None:
    predictions, labels = planted(kind, n=sum(sizes), runs=1, seed=seed)
    cuts = np.cumsum(sizes)[:-1]
    items = list(zip(np.split(predictions[0], cuts), np.split(labels, cuts), strict=True))
    weights = np.random.default_rng(seed).integers(0, 3, size=(4, len(sizes)))
    scored = [score(metrics_of(KINDS[kind]), x, y) for x, y in items]
    found = stacked(scored, slice(None)).weighted(weights)
    for row, counts in enumerate(weights):
        drawn = np.repeat(np.arange(len(sizes)), counts)
        x, y = (
            np.concatenate([part[i] for i in drawn] or [part[0][:0]])
            for part in zip(*items, strict=True)
        )
        whole = score(metrics_of(KINDS[kind]), x, y)
        assert np.array_equal(found.n[row], whole.n)
        for name, value in whole.values().items():
            own = found.values()[name][row]
            assert np.allclose(own, value, atol=1e-9, equal_nan=True), name


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_scored_is_undefined(kind) -> None:
    predictions, labels = planted(kind, n=0)
    scores = score(metrics_of(KINDS[kind]), predictions, labels)
    assert not scores.n.any()
    assert all(np.isnan(value).all() for value in scores.values().values())
