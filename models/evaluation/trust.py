"""How far a recogniser's outputs can be trusted, by what an answer rests on.

An answer rests on both modalities, on one, or on none. What is learnt for each, a temperature of
classes or the width of an interval, comes from whole recordings with the other modality gone, of
the choosing speakers, and is tested on the speakers that results are of. Among many short losses an
answer that rests on one modality still knows what the other said a moment ago.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import softmax

from features.settings import MODALITIES
from features.task import Task
from models.evaluation.answers import Answers, answers_under, conditions_of
from models.evaluation.calibration import (
    COVERAGE,
    KEPT,
    SPEAKERS_NEEDED,
    Calibration,
    brier,
    calibration_error,
    conformal_radius,
    coverage_of_speakers,
    interval,
    risks,
    temperature,
)
from models.evaluation.conditions import NAMED, Condition
from models.networks.recogniser import Recogniser
from models.training.data import ClipData

ANY = "any"
"""In place of what answers rest on: all of them together."""


def further_conditions(task: Task) -> dict[str, Condition]:
    """Conditions of every evaluation in which part of the classes' recordings is lost, by name."""
    if task.kind != "classification":
        return {}
    return {f"named {i}": c for i, c in enumerate(NAMED) if 0 < c.p < 1}


def calibrated(task: Task, answers: Mapping[str, Answers], weights: str) -> Calibration:
    """What the choosing speakers tell; nothing of what fewer than SPEAKERS_NEEDED of them have.

    Args:
        task: what is recognised.
        answers: of the choosing speakers, by what they rest on; none where there are none.
        weights: sha256 of the recogniser's.
    """
    speakers = max((len(a.outputs) for a in answers.values()), default=0)
    enough = {b: a for b, a in answers.items() if len(a.outputs) >= SPEAKERS_NEEDED}
    if task.kind == "classification":
        found = {basis: temperature(*a.pooled) for basis, a in enough.items()}
        return Calibration(weights=weights, speakers=speakers, temperatures=found)
    radii = {
        basis: [conformal_radius(a.errors(target)) for target in range(len(task.outputs))]
        for basis, a in enough.items()
    }
    return Calibration(weights=weights, speakers=speakers, radii=radii)


def trust_of(
    network: Recogniser,
    data: ClipData,
    choosing: ClipData | None,
    speaker_of: Mapping[str, str],
    weights: str,
    *,
    seed: int,
    device: torch.device,
    batch_clips: int,
) -> tuple[Calibration, pd.DataFrame]:
    """What the choosing speakers tell of a network's outputs, and what it is worth on others.

    Args:
        network: trained.
        data: the clips of the items that results are of.
        choosing: those of the speakers that choose, if there are any.
        speaker_of: the speaker of each item of both.
        weights: sha256 of the network's.
        seed: of the draws.
        device: where to run.
        batch_clips: clips per batch.
    """
    task, conditions = data.task, conditions_of(network.modalities)
    answers = partial(answers_under, network, seed=seed, device=device, batch_clips=batch_clips)
    learnt = answers(choosing, conditions, speaker_of) if choosing is not None else {}
    calibration = calibrated(task, learnt, weights)
    conditions |= further_conditions(task)
    tested = answers(data, conditions, speaker_of)
    return calibration, trust_table(task, calibration, conditions, tested)


# ------------------------------------------------------------------ tables


def trust_table(
    task: Task,
    calibration: Calibration,
    conditions: Mapping[str, Condition],
    answers: Mapping[str, Answers],
) -> pd.DataFrame:
    """What the calibration is worth on the speakers that results are of.

    Args:
        task: what is recognised.
        calibration: of the choosing speakers.
        conditions: by what answers rest on, and further ones.
        answers: under each.

    Returns:
        Columns basis, modality, strategy, p, burst, target, speakers (that it is learnt from),
        measure, at, value, n. Measures of classes are `temperature`, `ece`, `ece_scaled`, `brier`,
        `brier_scaled`; of other tasks `radius`, `covered` and `covered_least` (mean and smallest
        share of a speaker's labels) `at` the coverage that is asked for. `risk` is the share of
        wrong classes, or the root mean square error, where the surest share `at` is answered, of
        all answers (basis ANY) that rest on something.
    """
    rows: list[dict[str, Any]] = []
    of = _of_classes if task.kind == "classification" else _of_targets
    for basis, condition in conditions.items():
        known = basis if basis in conditions_of(MODALITIES) else next(iter(conditions))
        about = {
            "basis": known,
            **{n: getattr(condition, n) for n in ("modality", "strategy", "p", "burst")},
            "speakers": calibration.speakers,
        }
        if answers[basis].outputs:
            rows += [{**about, **row} for row in of(task, calibration, known, answers[basis])]
    together = {b: answers[b] for b in conditions_of(MODALITIES) if b in answers and b != "none"}
    about = {"basis": ANY, "modality": "both", "strategy": "none", "p": 0.0, "burst": 0.0}
    about["speakers"] = calibration.speakers
    rows += [{**about, **row} for row in _risks(task, calibration, together)]
    return pd.DataFrame(rows, columns=list(TRUST_COLUMNS))


TRUST_COLUMNS = (
    *("basis", "modality", "strategy", "p", "burst", "speakers"),
    *("target", "measure", "at", "value", "n"),
)


def _of_classes(
    task: Task, calibration: Calibration, basis: str, answers: Answers
) -> list[dict[str, Any]]:
    logits, labels = answers.pooled
    (target,) = task.targets
    probabilities = softmax(logits, axis=1)
    values = {
        "ece": calibration_error(probabilities, labels),
        "brier": brier(probabilities, labels),
    }
    if basis in calibration.temperatures:
        scaled = softmax(logits / calibration.temperatures[basis], axis=1)
        values["temperature"] = calibration.temperatures[basis]
        values["ece_scaled"] = calibration_error(scaled, labels)
        values["brier_scaled"] = brier(scaled, labels)
    common = {"target": target, "at": 1.0, "n": len(labels)}
    return [{**common, "measure": name, "value": value} for name, value in values.items()]


def _of_targets(
    task: Task, calibration: Calibration, basis: str, answers: Answers
) -> list[dict[str, Any]]:
    rows = []
    for place, target in enumerate(task.targets):
        # Where nothing is known the rows are there all the same, without numbers.
        radius = calibration.radii[basis][place] if basis in calibration.radii else np.nan
        covered = {}
        for speaker, outputs in answers.outputs.items():
            low, high = interval(outputs[:, place], radius, task.low, task.high)
            label = answers.labels[speaker][:, place]
            covered[speaker] = (low - _ROUNDING <= label) & (label <= high + _ROUNDING)
        mean, least = coverage_of_speakers(covered)
        if basis not in calibration.radii:
            mean = least = np.nan
        n = sum(map(len, covered.values()))
        common = {"target": target, "at": COVERAGE, "n": n}
        values = {"radius": radius * task.unit(target), "covered": mean, "covered_least": least}
        rows += [{**common, "measure": name, "value": value} for name, value in values.items()]
    return rows


_ROUNDING = 1e-6  # labels and outputs are 32 bits


def _risks(
    task: Task, calibration: Calibration, answers: Mapping[str, Answers]
) -> list[dict[str, Any]]:
    known = calibration.temperatures or calibration.radii
    usable = {b: a.pooled for b, a in answers.items() if b in known and a.outputs}
    if not usable:
        return []
    labels = np.concatenate([y for _, y in usable.values()])
    rows = []
    for place, target in enumerate(task.targets):
        if task.kind == "classification":
            scaled = [softmax(z / calibration.temperatures[b], 1) for b, (z, _) in usable.items()]
            sureness = np.concatenate([p.max(1) for p in scaled])
            guessed = np.concatenate([p.argmax(1) for p in scaled])
            values = risks(sureness, (guessed != labels.argmax(1)).astype(float))
        else:
            widths = []
            for b, (outputs, _) in usable.items():
                radius = calibration.radii[b][place]
                low, high = interval(outputs[:, place], radius, task.low, task.high)
                widths.append((high - low).round(9))  # so that equal widths are equal
            outputs = np.concatenate([x for x, _ in usable.values()])
            squared = (outputs[:, place] - labels[:, place]) ** 2
            values = np.sqrt(risks(-np.concatenate(widths), squared)) * task.unit(target)
        rows += [
            {"target": target, "measure": "risk", "at": at, "value": value, "n": len(labels)}
            for at, value in zip(KEPT, values, strict=True)
        ]
    return rows
