"""What the choosing speakers tell of outputs, and the table of what it is worth."""

import numpy as np
import pytest
import torch

from features.task import AFFECT, Task
from models.evaluation.answers import Answers, answers_under, conditions_of
from models.evaluation.causal import predict_causally
from models.evaluation.trust import ANY, calibrated, trust_table
from models.training.data import ClipData
from tests.helpers.network_cases import CASES
from tests.helpers.planted import planted_stores

CLASSES = Task(kind="classification", level="sequence", outputs=("a", "b", "c"))


def of_speakers(seed: int, count: int, noise: float, task: Task = AFFECT) -> Answers:
    rng = np.random.default_rng(seed)
    labels = {str(n): rng.uniform(-0.5, 0.5, (30, len(task.outputs))) for n in range(count)}
    if task.kind == "classification":
        labels = {n: np.eye(3)[y.argmax(1)] for n, y in labels.items()}
    outputs = {n: y + noise * rng.standard_normal(y.shape) for n, y in labels.items()}
    return Answers(outputs, labels)


def measured(table, basis: str, measure: str) -> np.ndarray:
    chosen = (table["basis"] == basis) & (table["measure"] == measure)
    return table.loc[chosen, "value"].to_numpy()


def test_intervals_are_wider_where_answers_rest_on_less_and_cover_alike() -> None:
    conditions = conditions_of(["audio", "video"])
    noises = dict(zip(conditions, (0.1, 0.2, 0.3, 0.4), strict=True))
    learnt = {b: of_speakers(1, 40, noise) for b, noise in noises.items()}
    tested = {b: of_speakers(2, 60, noise) for b, noise in noises.items()}
    calibration = calibrated(AFFECT, learnt, "w")
    table = trust_table(AFFECT, calibration, conditions, tested)
    assert (table["speakers"] == 40).all()
    radii = [measured(table, b, "radius")[0] for b in conditions]
    assert radii == sorted(radii)
    for basis in conditions:
        assert measured(table, basis, "covered") == pytest.approx(0.9, abs=0.03)
        assert (measured(table, basis, "covered_least") < 0.9).all()
    # Where the narrower intervals are, errors are smaller.
    risk = measured(table, ANY, "risk")[:10]
    assert risk[2] < risk[9]
    assert risk[9] == pytest.approx(np.sqrt((0.01 + 0.04 + 0.09) / 3), rel=0.05)


def test_too_few_speakers_give_no_numbers_and_none_give_none() -> None:
    conditions = conditions_of(["audio"])
    tested = dict.fromkeys(conditions, of_speakers(0, 3, 0.1))
    few = calibrated(AFFECT, dict.fromkeys(conditions, of_speakers(0, 9, 0.1)), "w")
    assert (few.speakers, few.radii, few.note) == (9, {}, "")
    table = trust_table(AFFECT, few, conditions, tested)
    assert table["value"].isna().all()
    assert set(table["measure"]) == {"radius", "covered", "covered_least"}
    nobody = calibrated(AFFECT, {}, "w")
    assert nobody.speakers == 0


def test_classes_are_scaled_by_the_temperature_of_what_answers_rest_on() -> None:
    conditions = conditions_of(["audio", "video"])
    learnt = {b: of_speakers(1, 20, 0.8, CLASSES) for b in conditions}
    tested = {b: of_speakers(2, 20, 0.8, CLASSES) for b in conditions}
    calibration = calibrated(CLASSES, learnt, "w")
    table = trust_table(CLASSES, calibration, conditions, tested)
    for basis in conditions:
        assert measured(table, basis, "temperature") == calibration.temperatures[basis]
        assert measured(table, basis, "ece_scaled") < measured(table, basis, "ece")
        assert measured(table, basis, "brier_scaled") < measured(table, basis, "brier")
    risk = measured(table, ANY, "risk")
    assert risk[0] < risk[-1]


def test_answers_rest_on_what_is_there_and_not_on_what_is_gone(tmp_path) -> None:
    from dataclasses import replace

    stores = planted_stores(tmp_path, items=2, frames=24, clip_frames=12, missing=0.3)
    items = ["item-0", "item-1"]
    data = ClipData(*stores, items, preload_bytes=1 << 30)
    sizes = data.features
    torch.manual_seed(0)
    case = replace(CASES[0], features=(sizes["audio"], sizes["video"]))
    network, device = case.build("frames").eval(), torch.device("cpu")
    found = answers_under(
        network,
        data,
        conditions_of(network.modalities),
        {i: i for i in items},
        seed=0,
        device=device,
        batch_clips=2,
    )
    gone = predict_causally(network, data, device, 2, stretch=12, gone={"video"})
    for item in items:
        valid, sound = data.item_array(item, "valid"), data.item_array(item, "sound")
        face = data.item_array(item, "face")
        assert np.allclose(found["audio"].outputs[item], gone[item][valid & sound], atol=1e-5)
        assert len(found["both"].labels[item]) == (valid & sound & face).sum()
        assert len(found["none"].labels[item]) == valid.sum()
