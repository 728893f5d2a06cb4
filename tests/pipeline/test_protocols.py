"""The evaluations of pipeline/protocols.yaml, as a user would paste them."""

from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from features.hashes import PROJECT
from models.evaluation.conditions import Condition, grid, runs_under
from models.settings import Ablation, EvaluateSettings
from pipeline.params import load_params

PROTOCOLS = YAML(typ="safe").load(PROJECT / "pipeline/protocols.yaml")

UNITS = ("window", "signal")

SIZES = {
    "training_with_missing_modalities": (30, 18 * 10 + 12),
    "proportion_present": (2 * 11, 2 * (9 * 10 + 2)),
    "robust_audiovisual": (2 * (2 + 9), 2 * (2 + 9 * 10)),
    "incomplete_data": (2 * (2 + 1), 2 * (2 + 10)),
    "bursts": (2 * 4 * 3, 2 * 4 * 3 * 10),
    "subclips": (2 * 3, 2 * 3 * 10),
    "both": (2 + 3 + 3 + 2, 10 * (2 + 3 + 3 + 2)),
    "blank_faces": (4, 2 * 10 + 2),
    "imputation": (2 * (6 * 3 + 3 * 2 + 3), 2 * ((5 * 3 + 3 * 2) * 10 + 3 + 1 + 1 + 1)),
    "fixed_conditions": (8, 8),
    "rmfm": (2 * 11, 2 * (9 * 3 + 2)),
    "tmfm": (2 * 11, 2 * (9 * 3 + 2)),
    "stmfm": (2 * 11, 2 * (9 * 3 + 2)),
    "smm": (4, 4),
    "rmm": (2 * 6, 2 * (5 * 10 + 1)),
    "unequal_rates": (6, 6),
    "natural": (4, 4),
}
"""Conditions and runs of each."""


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_has_the_conditions_it_says(name: str) -> None:
    settings = EvaluateSettings.model_validate(PROTOCOLS[name])
    conditions = grid(settings)
    assert (len(conditions), len(runs_under(conditions, settings.trials))) == SIZES[name]
    named = sum(
        len(one.modality) * len(one.p) * (len(one.burst) if one.strategy == "burst" else 1)
        for one in settings.conditions
    )
    assert len(conditions) == named  # no condition is named twice


def test_the_default_is_the_first_papers() -> None:
    assert list(PROTOCOLS) == list(SIZES)
    default = EvaluateSettings()
    assert EvaluateSettings.model_validate(PROTOCOLS["training_with_missing_modalities"]) == default
    used = load_params(PROJECT / "params.yaml").evaluate
    fewer = {"reference": None, "trials": default.trials}  # the demo makes do with five trials
    assert used.model_copy(update=fewer) == default


def test_the_proportions_are_of_frames_present() -> None:
    found = grid(EvaluateSettings.model_validate(PROTOCOLS["proportion_present"]))
    for modality in ("audio", "video"):
        present = [round(100 * (1 - c.p)) for c in found if c.modality == modality]
        assert present == list(range(0, 101, 10))


def test_every_imputed_condition_stands_beside_the_same_losses() -> None:
    found = set(grid(EvaluateSettings.model_validate(PROTOCOLS["imputation"])))
    filled = {c for c in found if c.fill != "none"}
    assert {c.fill for c in filled} == {"hold", "nearest", "linear", "mean", "neighbours"}
    for c in filled:
        assert Condition(c.modality, c.strategy, c.p, c.burst) in found


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_can_be_pasted_into_params(name: str, tmp_path: Path) -> None:
    lines = (PROJECT / "pipeline/protocols.yaml").read_text().splitlines()
    start = lines.index(f"{name}:") + 1
    block = []
    for line in lines[start:]:
        if not line.startswith("  "):
            break
        block.append(line)
    params = "models: {a: {network: crossmodal}}\nevaluate:\n" + "\n".join(block) + "\n"
    (tmp_path / "params.yaml").write_text(params)
    pasted = load_params(tmp_path / "params.yaml").evaluate
    assert pasted == EvaluateSettings.model_validate(PROTOCOLS[name])


TRAINING = YAML(typ="safe").load(PROJECT / "pipeline/training_protocols.yaml")


@pytest.mark.parametrize("name", TRAINING)
@pytest.mark.parametrize("unit", ["window", "signal"])
def test_a_training_protocol_can_be_pasted_into_params(
    name: str, unit: str, tmp_path: Path
) -> None:
    ablation = {**TRAINING[name], "unit": unit}
    YAML().dump({"models": {"a": {"ablation": ablation}}}, tmp_path / "params.yaml")
    pasted = load_params(tmp_path / "params.yaml").models["a"].ablation
    assert pasted == Ablation.model_validate(ablation)
    assert set(pasted.modalities) == {"audio", "video"}


def test_every_protocol_of_the_field_is_in_both_units() -> None:
    for name in ("fixed_conditions", "rmfm", "tmfm", "stmfm", "smm", "rmm", "unequal_rates"):
        found = grid(EvaluateSettings.model_validate(PROTOCOLS[name]))
        window, signal = ({replace(c, unit="") for c in found if c.unit == u} for u in UNITS)
        assert window == signal
        assert window
