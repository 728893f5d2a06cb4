"""Shared work against the plain way, for every network of the registry in every form."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
import torch

from models.ablation.strategies import draw, filling
from models.evaluation import shared as shared_work
from models.evaluation.conditions import INTACT, Condition, Run, grid, runs_under
from models.evaluation.evaluator import evaluate, item_scores, pooled_scores, predict
from models.evaluation.registry import metrics_of
from models.evaluation.scores import pooled, score
from models.evaluation.shared import Shared
from models.networks.picture_fusion import WHITE, PictureFusion
from models.networks.recogniser import Recogniser
from models.settings import ConditionGrid, EvaluateSettings
from models.training.data import ClipData
from tests.helpers.network_cases import FEATURES, FORMS, Case, masks_of
from tests.helpers.planted import planted_sequences, planted_stores

CPU = torch.device("cpu")
SEED = 3
EVERYWHERE = ["audio", "video", "both"]
CONDITIONS = grid(
    EvaluateSettings(
        conditions=[
            ConditionGrid(strategy="clip_zero", modality=EVERYWHERE, p=[0.5, 0]),
            ConditionGrid(strategy="frame_zero", modality=EVERYWHERE, p=[1, 0.6]),
            ConditionGrid(strategy="frame_zero", modality=EVERYWHERE, p=[1, 0.8], fill="hold"),
            ConditionGrid(strategy="frame_repeat", p=[1, 0.7]),
            ConditionGrid(strategy="subclip", p=[0.5]),
            ConditionGrid(strategy="burst", modality=["both"], p=[0.6], burst=[3, 8]),
            ConditionGrid(strategy="burst", p=[0.7], fill="nearest"),
            ConditionGrid(strategy="noise", modality=EVERYWHERE, p=[0.5]),
            ConditionGrid(strategy="blank_face", modality=["video"], p=[0.5]),
        ]
    )
)
"""Every strategy, and every modality where its losses are not others' code."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    """Six clips, of which the last are shorter, with faces and sounds missing at random."""
    stores = planted_stores(
        tmp_path_factory.mktemp("s"),
        items=2,
        frames=50,
        clip_frames=20,
        missing=0.2,
        blank=True,
        width=FEATURES["video"],
    )
    return ClipData(*stores, ["item-0", "item-1"], preload_bytes=1 << 30)


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    """Four sequences of different lengths."""
    stores = planted_sequences(tmp_path_factory.mktemp("q"), items=4, width=FEATURES["video"])
    return ClipData(*stores, [f"item-{i}" for i in range(4)], preload_bytes=0)


def network(case: Case, data: ClipData, task: str = "frames") -> Recogniser:
    sizes = data.features
    return replace(case, features=(sizes["audio"], sizes["video"])).evaluated(task)


def plainly(model: Recogniser, data: ClipData, runs: Sequence[Run]) -> np.ndarray:
    """Predictions (runs, labels, outputs) by ablating the inputs of one run after the other."""
    batch = data.batch(range(len(data.clips)))
    predictions = []
    for run in runs:
        condition, inputs, received = run.condition, batch.inputs(), batch.received()
        for modality in condition.modalities:
            key = (SEED, condition.strategy, condition.p, run.trial)
            frame_map = draw(condition.ablation, modality, batch.draws(*key))
            if condition.fill != "none":
                frame_map = frame_map.imputed(condition.fill, received[modality] & batch.mask)
            filled = filling(frame_map, modality, batch, key)
            if condition.strategy == "noise" and modality == "video":
                filled = filled * (WHITE if isinstance(model, PictureFusion) else 1)
            inputs[modality] = frame_map.apply(inputs[modality], filled)
            received[modality] = frame_map.present(received[modality])
        with torch.inference_mode():
            outputs = model(inputs, masks_of(batch.mask), received).fused
        predictions.append(outputs[batch.valid].numpy())
    return np.stack(predictions)


def shared(model: Recogniser, data: ClipData, runs: Sequence[Run]) -> np.ndarray:
    """The same, of the evaluator."""
    batch = data.batch(range(len(data.clips)))
    with torch.inference_mode():
        return Shared(model, batch, SEED).predict(runs)[:, batch.valid].numpy()


@pytest.mark.parametrize("case", FORMS, ids=str)
def test_shared_work_equals_the_plain_way(data: ClipData, case: Case) -> None:
    model, runs = network(case, data), runs_under(CONDITIONS, 1)
    expected, found = plainly(model, data, runs), shared(model, data, runs)
    assert found.shape == expected.shape == (len(runs), 2 * 47, 2)
    assert np.abs(found - expected).max() < 1e-6 * max(1, np.abs(expected).max())
    assert np.ptp(expected, axis=0).max() > 1e-4  # losses change what is predicted


SEQUENCES = [case for case in FORMS if len(case.modalities) == 2 and case.repeats == "shown"]


@pytest.mark.parametrize("case", SEQUENCES, ids=str)
def test_so_it_does_for_sequences(sequences: ClipData, case: Case) -> None:
    model = network(case, sequences, "classes")
    of_one = ("clip_zero", "frame_zero", "subclip")
    runs = [
        run
        for run in runs_under(CONDITIONS, 1)
        if run.condition.modality == "both" or run.condition.strategy in of_one
    ]
    expected, found = plainly(model, sequences, runs), shared(model, sequences, runs)
    assert np.abs(found - expected).max() < 1e-6 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("batch_clips", [2, 5])
def test_scores_do_not_depend_on_batches(
    data: ClipData, batch_clips: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, runs = network(FORMS[0], data), runs_under(CONDITIONS, 3)
    if batch_clips == 5:
        monkeypatch.setattr(shared_work, "PASS_NUMBERS", 1)  # a trial at a time
    own = evaluate(
        model,
        data,
        runs,
        metrics=metrics_of(data.task),
        seed=SEED,
        device=CPU,
        batch_clips=batch_clips,
    )
    found = pooled(own.values())
    batch = data.batch(range(len(data.clips)))
    labels = batch.labels[batch.valid].numpy()
    expected = score(metrics_of(data.task), plainly(model, data, runs), labels).values()
    for name, values in found.values().items():
        assert values.shape == (len(runs), 2)
        assert np.abs(values - expected[name]).max() < 1e-6


def test_runs_may_come_in_any_order(data: ClipData) -> None:
    model, runs = network(FORMS[0], data), runs_under(CONDITIONS, 2)
    order = np.random.default_rng(0).permutation(len(runs))
    shuffled = shared(model, data, [runs[i] for i in order])
    assert np.allclose(shuffled, shared(model, data, runs)[order], atol=1e-6)


def test_trials_and_conditions_differ_where_they_are_random(data: ClipData) -> None:
    runs = runs_under(CONDITIONS, 3)
    predictions = shared(network(FORMS[0], data), data, runs)
    for condition in {run.condition for run in runs}:
        own = [
            x.tobytes()
            for run, x in zip(runs, predictions, strict=True)
            if run.condition == condition
        ]
        assert len(own) == (3 if condition.is_random else 1)
        assert len(set(own)) >= (2 if condition.is_random else 1), condition


def test_a_model_of_one_modality_does_not_notice_the_other(data: ClipData) -> None:
    model = network(next(case for case in FORMS if case.modalities == ("audio",)), data)
    runs = runs_under([INTACT, Condition("video", "frame_zero", 0.5), INTACT], 2)
    predictions = shared(model, data, runs)
    assert (predictions == predictions[0]).all()


def test_what_both_lose_is_what_each_loses_alone(data: ClipData) -> None:
    """So a condition on both differs from one on picture by the sound alone."""
    batch = data.batch(range(len(data.clips)))
    draws = batch.draws(SEED, "frame_zero", 0.5, 0)
    maps = {
        (lossy, m): draw(Condition(lossy, "frame_zero", 0.5).ablation, m, draws)
        for lossy in EVERYWHERE
        for m in Condition(lossy, "frame_zero", 0.5).modalities
    }
    for m in ("audio", "video"):
        assert torch.equal(maps["both", m].empty, maps[m, m].empty)
    assert not torch.equal(maps["both", "audio"].empty, maps["both", "video"].empty)


def test_imputed_frames_are_shown_only_if_they_were_received(data: ClipData) -> None:
    batch = data.batch(range(len(data.clips)))
    received = batch.received()["video"] & batch.mask
    condition = Condition("video", "frame_zero", 0.7)
    lost = draw(condition.ablation, "video", batch.draws(0))
    for how in ("hold", "nearest"):
        imputed = lost.imputed(how, received)
        filled = lost.empty & ~imputed.empty
        assert filled.any()
        assert received.gather(1, imputed.source)[filled].all()
        assert not lost.empty.gather(1, imputed.source)[filled].any()
        untouched = ~lost.empty
        assert torch.equal(imputed.source[untouched], lost.source[untouched])


def test_intact_predictions_give_the_scores_of_p_0(data: ClipData) -> None:
    model = network(FORMS[0], data)
    predictions = predict(model, data, CPU, batch_clips=2)
    assert {k: len(v) for k, v in predictions.items()} == dict.fromkeys(data.items, 50)
    runs = [run for run in runs_under(CONDITIONS, 1) if run.condition.p == 0]
    scores = pooled(
        evaluate(
            model, data, runs, metrics=metrics_of(data.task), seed=0, device=CPU, batch_clips=4
        ).values()
    )
    intact = scores.values()["ccc"]
    assert intact.shape == (3, 2)
    assert np.allclose(
        intact, pooled_scores(data, predictions, metrics_of(data.task)).values()["ccc"], atol=1e-6
    )
    own = [item_scores(data, item, predictions[item], metrics_of(data.task)) for item in data.items]
    assert reduce(lambda a, b: a.pooled_with(b), own).n.tolist() == [2 * 47, 2 * 47]
