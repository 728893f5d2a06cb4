"""Result files of a run that never was: small, with a known structure, for tests only."""

import json
from collections.abc import Sequence
from pathlib import Path

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


def write(
    folder: Path,
    models: Sequence[str] = MODELS,
    seeds: Sequence[int] = SEEDS,
    seconds: int = SECONDS,
) -> Path:
    """Write the result files of some models into a folder, and return it."""
    rng = np.random.default_rng(0)
    for place, model in enumerate(models):
        tables = {
            "evaluation": _evaluation(rng, model, place, seeds),
            "videos": _videos(rng, model, seeds),
            "traces": _traces(rng, model, seconds),
            "training": _training(rng, model, seeds),
        }
        for kind, table in tables.items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            table.to_csv(folder / kind / f"{model}.csv", index=False)
    (folder / "run.json").write_text(json.dumps(_run(models, seeds)))
    return folder


def _run(models: Sequence[str], seeds: Sequence[int]) -> dict[str, object]:
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
        "network": {"name": "crossmodal", "width": 64, "heads": 4},
        "models": {model: {"ablation": {"strategy": model, "p": 0.5}} for model in models},
    }


def _evaluation(
    rng: np.random.Generator, model: str, place: int, seeds: Sequence[int]
) -> pd.DataFrame:
    rows = [
        (model, seed, modality, strategy, p, trial, target)
        for seed in seeds
        for modality in ("audio", "video")
        for strategy, steps in STEPS.items()
        for p in steps
        for trial in range(1 if p in (0.0, 1.0) else 10)
        for target in ("valence", "arousal")
    ]
    names = ["model", "seed", "modality", "strategy", "p", "trial", "target"]
    table = pd.DataFrame(rows, columns=names)
    loss = np.where(table["modality"] == "video", 0.4, 0.05) * table["p"] ** (1 + place)
    intact = np.where(table["target"] == "valence", 0.4, 0.52)
    noise = 0.01 * rng.standard_normal(len(table)) * (table["p"] % 1 > 0)
    return table.assign(ccc=intact - loss + noise + 0.01 * table["seed"], frames=960)


def _videos(rng: np.random.Generator, model: str, seeds: Sequence[int]) -> pd.DataFrame:
    rows = [
        (model, seed, item, target, rng.uniform(-0.2, 0.8), 240)
        for seed in seeds
        for item in ITEMS
        for target in ("valence", "arousal")
    ]
    return pd.DataFrame(rows, columns=["model", "seed", "item", "target", "ccc", "frames"])


def _traces(rng: np.random.Generator, model: str, seconds: int) -> pd.DataFrame:
    time = np.arange(seconds * RATE) / RATE
    tables = []
    for place, item in enumerate(ITEMS):
        for target, phase in (("valence", 0.0), ("arousal", 1.0)):
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
        ccc = 0.45 * (1 - np.exp(-epoch / 4)) + 0.02 * rng.standard_normal(epoch.size)
        table = {
            "model": model,
            "seed": seed,
            "epoch": epoch,
            "train_loss": 0.2 + 0.8 * np.exp(-epoch / 5),
            "heldout_ccc_valence": ccc - 0.05,
            "heldout_ccc_arousal": ccc + 0.05,
            "heldout_ccc": ccc,
            "best": (np.arange(epoch.size) == ccc.argmax()).astype(int),
        }
        tables.append(pd.DataFrame(table))
    return pd.concat(tables)
