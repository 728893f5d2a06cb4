"""Result files of a run that never was: small, with a known structure, for tests only."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MODELS = ("baseline", "clip_zero", "frame_zero", "frame_repeat", "video_only", "audio_only")
SEEDS = (0, 1, 2)
STEPS = {
    "clip_zero": (0.0, 0.3, 0.5, 0.7, 1.0),
    "frame_zero": (0.0, 0.85, 0.9, 0.95, 1.0),
    "frame_repeat": (0.0, 0.85, 0.9, 0.95, 1.0),
}
RATE, SECONDS, ITEMS = 30, 8, ("speaker_7_a", "speaker_7_b", "speaker_8_a", "speaker_8_b")
CLASSES = ("anger", "disgust", "fear", "happy", "neutral", "sad")
METRICS = {
    "regression": ["ccc", "pearson", "rmse"],
    "classification": ["macro_f1", "micro_f1", "accuracy", "cross_entropy"],
    "sentiment": ["pearson", "mae", "binary_accuracy"],
}


def task(kind: str, level: str, *outputs: str) -> dict[str, Any]:
    """A task as `run.json` has it."""
    return {"kind": kind, "level": level, "outputs": list(outputs), "metrics": METRICS[kind]}


AFFECT = task("regression", "frame", "valence", "arousal")
EMOTIONS = task("classification", "sequence", *CLASSES)
SENTIMENT = task("sentiment", "sequence", "sentiment")
DIMENSIONS = task("regression", "sequence", "valence", "arousal", "dominance")


def write(
    folder: Path,
    models: Sequence[str] = MODELS,
    seeds: Sequence[int] = SEEDS,
    seconds: int = SECONDS,
    task: dict[str, Any] = AFFECT,
) -> Path:
    """Write the result files of some models into a folder, and return it."""
    rng = np.random.default_rng(0)
    is_of_frames = task["level"] == "frame"
    for place, model in enumerate(models):
        tables = {
            "evaluation": _evaluation(rng, model, place, seeds, task),
            "videos": (_videos if is_of_frames else _sequences)(rng, model, seeds, task),
            "traces": _traces(rng, model, seconds, task).head(None if is_of_frames else 0),
            "training": _training(rng, model, seeds),
        }
        for kind, table in tables.items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            table.to_csv(folder / kind / f"{model}.csv", index=False)
    (folder / "run.json").write_text(json.dumps(_run(models, seeds, task)))
    return folder


def targets(task: dict[str, Any]) -> list[str]:
    """What the column `target` holds."""
    return ["class"] if task["kind"] == "classification" else task["outputs"]


def _run(models: Sequence[str], seeds: Sequence[int], task: dict[str, Any]) -> dict[str, Any]:
    return {
        "corpus": {
            "name": "demo",
            "synthetic": True,
            "items": 16,
            "speakers": {"train": 5, "validation": 1, "test": 2},
            "seconds": 128.0,
        },
        "fc6": {"weights": "random", "seed": 0, "sha256": None, "preprocessing": "vggface"},
        "split": "test",
        "seeds": list(seeds),
        "task": task,
        "network": {"name": "crossmodal", "width": 64, "heads": 4},
        "models": {model: {"ablation": {"strategy": model, "p": 0.5}} for model in models},
    }


def _evaluation(
    rng: np.random.Generator, model: str, place: int, seeds: Sequence[int], task: dict[str, Any]
) -> pd.DataFrame:
    rows = [
        (model, seed, modality, strategy, p, trial, target)
        for seed in seeds
        for modality in ("audio", "video")
        for strategy, steps in STEPS.items()
        for p in steps
        for trial in range(1 if p in (0.0, 1.0) else 10)
        for target in targets(task)
    ]
    names = ["model", "seed", "modality", "strategy", "p", "trial", "target"]
    table = pd.DataFrame(rows, columns=names)
    loss = np.where(table["modality"] == "video", 0.4, 0.05) * table["p"] ** (1 + place)
    intact = np.where(table["target"] == targets(task)[0], 0.4, 0.52)
    noise = 0.01 * rng.standard_normal(len(table)) * (table["p"] % 1 > 0)
    value = intact - loss + noise + 0.01 * table["seed"]
    primary, *others = task["metrics"]
    further = {name: 0.9 - value * (i + 1) / 8 for i, name in enumerate(others)}
    return table.assign(**{primary: value}, **further, n=960)


def _videos(
    rng: np.random.Generator, model: str, seeds: Sequence[int], task: dict[str, Any]
) -> pd.DataFrame:
    primary, *others = task["metrics"]
    return pd.DataFrame(
        {
            "model": model,
            "seed": seed,
            "item": item,
            "target": target,
            primary: rng.uniform(-0.2, 0.8),
            **dict.fromkeys(others, 0.5),
            "n": 240,
        }
        for seed in seeds
        for item in ITEMS
        for target in targets(task)
    )


def _sequences(
    rng: np.random.Generator, model: str, seeds: Sequence[int], task: dict[str, Any]
) -> pd.DataFrame:
    """Twenty sequences; two thirds of the classes are recognised, the rest is taken for the next.

    Numbers are predicted closer to 0 than they were annotated.
    """
    rows = []
    for seed in seeds:
        for number in range(20):
            for target in targets(task):
                if task["kind"] == "classification":
                    classes = task["outputs"]
                    annotated = classes[number % len(classes)]
                    missed = rng.random() > 2 / 3
                    predicted = classes[(number + missed) % len(classes)]
                else:
                    annotated = round(np.sin(number + len(target)), 2)
                    predicted = round(0.6 * annotated + 0.1 * rng.standard_normal(), 4)
                rows.append((model, seed, f"sequence_{number}", target, annotated, predicted))
    names = ["model", "seed", "item", "target", "annotated", "predicted"]
    return pd.DataFrame(rows, columns=names)


def _traces(
    rng: np.random.Generator, model: str, seconds: int, task: dict[str, Any]
) -> pd.DataFrame:
    time = np.arange(seconds * RATE) / RATE
    tables = []
    for place, item in enumerate(ITEMS):
        for phase, target in enumerate(targets(task)):
            annotated = 0.6 * np.sin(0.8 * time + phase + place)
            wander = np.cumsum(rng.standard_normal(time.size)) * 0.015
            annotated_or_not = np.where((time > 6) & (time < 6.5), np.nan, annotated)
            table = {
                "model": model,
                "item": item,
                "time": time,
                "target": target,
                "annotated": annotated_or_not,
                "predicted": 0.7 * annotated + wander,
                "face_present": 1 - ((time >= 2) & (time < 3.5)) * (place < 3),
                "sound_present": 1 - ((time >= 3) & (time < 4.5)) * (place < 2),
            }
            tables.append(pd.DataFrame(table))
    return pd.concat(tables).round(5)


def _training(rng: np.random.Generator, model: str, seeds: Sequence[int]) -> pd.DataFrame:
    tables = []
    for seed in seeds:
        epoch = np.arange(1, 13 + seed)
        heldout = 0.45 * (1 - np.exp(-epoch / 4)) + 0.02 * rng.standard_normal(epoch.size)
        table = {
            "model": model,
            "seed": seed,
            "epoch": epoch,
            "train_loss": 0.2 + 0.8 * np.exp(-epoch / 5),
            "heldout": heldout,
            "best": (np.arange(epoch.size) == heldout.argmax()).astype(int),
        }
        tables.append(pd.DataFrame(table))
    return pd.concat(tables)
