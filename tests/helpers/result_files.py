"""Result files of a run that never was: small, with a known structure, for tests only."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.task import Task
from models.evaluation.conditions import NAMED
from models.evaluation.registry import metrics_of
from reports.numbers.schema import GAPS, GROUP_SCORES
from tests.helpers.evaluation_rows import ASKED

MODELS = ("baseline", "clip_zero", "frame_zero", "frame_repeat", "video_only", "audio_only")
SEEDS = (0, 1, 2)
STEPS = {
    "clip_zero": (0.0, 0.3, 0.5, 0.7, 1.0),
    "frame_zero": (0.0, 0.85, 0.9, 0.95, 1.0),
    "frame_repeat": (0.0, 0.85, 0.9, 0.95, 1.0),
}
# Beyond the paper: what a run with every protocol has too (strategy, p, bursts, fill).
FURTHER = (
    ("both", "frame_zero", (0.5, 0.9), (0.0,), "none"),
    ("video", "frame_zero", (0.9, 0.95), (0.0,), "hold"),
    ("video", "frame_zero", (0.9, 0.95), (0.0,), "nearest"),
    ("video", "subclip", (0.5,), (0.0,), "none"),
    ("video", "burst", (0.3, 0.6), (5.0, 15.0), "none"),
    ("audio", "noise", (1.0,), (0.0,), "none"),
    ("video", "noise", (1.0,), (0.0,), "none"),
    ("video", "blank_face", (0.5, 1.0), (0.0,), "none"),
)
NATURAL = {"no_face": 120, "no_sound": 240, "no_voice": 90, "face_and_sound": 640}
RATE, SECONDS, ITEMS = 30, 8, ("speaker_7_a", "speaker_7_b", "speaker_8_a", "speaker_8_b")
STREAMS = {
    "fc6": {
        "modality": "video",
        "extractor": "vggface",
        "weights": "random",
        "seed": 0,
        "sha256": None,
        "random_weights": True,
    },
    "lld": {"modality": "audio", "extractor": "opensmile", "set": "IS13"},
}
CLASSES = ("anger", "disgust", "fear", "happy", "neutral", "sad")


def task(kind: str, level: str, *outputs: str) -> dict[str, Any]:
    """A task as `run.json` has it."""
    described = Task.model_validate({"kind": kind, "level": level, "outputs": outputs})
    return described.model_dump(mode="json") | {"metrics": list(metrics_of(described))}


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
    further: bool = False,
) -> Path:
    """Write the result files of some models into a folder, and return it.

    With `further` they hold more conditions than the paper's, and what was missing naturally.
    """
    rng = np.random.default_rng(0)
    is_of_frames = task["level"] == "frame"
    for place, model in enumerate(models):
        tables = {
            "evaluation": _evaluation(rng, model, place, seeds, task, further),
            "videos": (_videos if is_of_frames else _sequences)(rng, model, seeds, task),
            "traces": _traces(rng, model, seconds, task).head(None if is_of_frames else 0),
            "training": _training(rng, model, seeds),
            "trust": trust(model, seeds, task),
            "cost": cost(model, seeds, 1000 * (place + 1)),
        }
        for kind, table in tables.items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            table.to_csv(folder / kind / f"{model}.csv", index=False)
    _significance(models, seeds, task).to_csv(folder / "significance.csv", index=False)
    for name, schema in (("groups", GROUP_SCORES), ("gaps", GAPS)):
        pd.DataFrame(columns=list(schema)).to_csv(folder / f"{name}.csv", index=False)
    (folder / "choice.json").write_text(json.dumps({"speakers": 0, "needs": {}, "seeds": {}}))
    (folder / "run.json").write_text(json.dumps(_run(models, seeds, task)))
    return folder


def choose(folder: Path, **recommended: str | None) -> None:
    """Write a choice by eight speakers: the recommended model of each need, or None."""
    needs = {
        need: {"recommended": model, "best": model or MODELS[0], "level": [] if model else ["x"]}
        for need, model in recommended.items()
    }
    choice = {"speakers": 8, "needs": needs, "seeds": {}}
    (folder / "choice.json").write_text(json.dumps(choice))


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
        "streams": STREAMS,
        "split": "test",
        "seeds": list(seeds),
        "task": task,
        "models": {model: settings(model) for model in models},
    }


def settings(model: str) -> dict[str, Any]:
    """What `run.json` says of a model by its name, unimodal or crossmodal."""
    single = model.removesuffix("_only")
    streams = {"audio": ["lld"], "video": ["fc6"]}
    strategies = ("clip_zero", "frame_zero", "frame_repeat")
    return {
        "network": "crossmodal" if single == model else "unimodal",
        "preset": None,
        "init": None,
        "from": None,
        "weights": None,
        "sees": streams.get(single, ["lld", "fc6"]),
        "presence": "ignored",
        "repeats": "shown",
        "size": {"dim": 32, "heads": 4, "ffn": 32, "layers": 2, "dropout": 0.1},
        "options": {"auxiliary": 0.0, "alone": "fused"} if single == model else {},
        "parameters": 1000,
        "train": {
            "epochs": 40,
            "optimizer": "adam",
            "learning_rate": 0.001,
            "average": None,
            "refit": 0,
            "teacher": 0.0,
        },
        "ablation": {
            "strategy": model if model in strategies else "none",
            "modality": "video",
            "p": 0.5,
            "burst": 15.0,
            "fill": "hard",
            "mixture": {"intact": 0.45, "video": 0.4},
        },
    }


def _evaluation(
    rng: np.random.Generator,
    model: str,
    place: int,
    seeds: Sequence[int],
    task: dict[str, Any],
    further: bool,
) -> pd.DataFrame:
    conditions = [
        (modality, strategy, p, 0.0, "none", "all")
        for modality in ("audio", "video")
        for strategy, steps in STEPS.items()
        for p in steps
    ]
    if further:
        conditions += [
            (modality, strategy, p, burst, fill, "all")
            for modality, strategy, steps, bursts, fill in FURTHER
            for p in steps
            for burst in bursts
        ]
        conditions += [("both", "none", 0.0, 0.0, "none", subset) for subset in NATURAL]
    rows = [
        (model, seed, *condition, trial, target)
        for seed in seeds
        for condition in conditions
        for trial in range(1 if condition[2] in (0.0, 1.0) else 10)
        for target in targets(task)
    ]
    keys = ["modality", "strategy", "p", "burst", "fill", "subset"]
    table = pd.DataFrame(rows, columns=["model", "seed", *keys, "trial", "target"])
    table = pd.concat([table.assign(**ASKED), _named(model, seeds, task)], ignore_index=True)
    loss = np.where(table["modality"] == "audio", 0.05, 0.4) * table["p"] ** (1 + place)
    loss -= 0.1 * table["p"] * (table["fill"] != "none")
    loss += 0.1 * table["subset"].isin(["no_face", "no_sound"])
    intact = np.where(table["target"] == targets(task)[0], 0.4, 0.52)
    noise = 0.01 * rng.standard_normal(len(table)) * (table["p"] % 1 > 0)
    value = intact - loss + noise + 0.01 * table["seed"]
    primary, *others = task["metrics"]
    further_metrics = {name: 0.9 - value * (i + 1) / 8 for i, name in enumerate(others)}
    n = table["subset"].map({"all": 960, **NATURAL})
    return table.assign(**{primary: value}, **further_metrics, n=n)


def _named(model: str, seeds: Sequence[int], task: dict[str, Any]) -> pd.DataFrame:
    """The rows of the conditions of every evaluation, nothing measured yet."""
    rows = [
        {
            "model": model,
            "seed": seed,
            **vars(condition),
            "subset": "all",
            "trial": trial,
            "target": target,
        }
        for seed in seeds
        for condition in NAMED
        for trial in range(2 if condition.is_random else 1)
        for target in targets(task)
    ]
    table = pd.DataFrame(rows).assign(speakers="reported", asked=0)
    return table.astype({"causal": int})


def trust(model: str, seeds: Sequence[int], task: dict[str, Any], speakers: int = 12) -> Any:
    """Intervals of 0.3 and more, or classes that are too sure, and risks that fall."""
    about = [("both", "both", "none", 0.0), ("audio", "video", "clip_zero", 1.0)]
    of_classes = {"temperature": 1.5, "ece": 0.2, "ece_scaled": 0.05}
    of_targets = {"radius": 0.3, "covered": 0.91, "covered_least": 0.6}
    values = of_classes if task["kind"] == "classification" else of_targets
    rows = [
        (seed, *condition, target, measure, 0.9, value if speakers >= 10 else None)
        for seed in seeds
        for condition in about
        for target in targets(task)
        for measure, value in values.items()
    ]
    rows += [
        (seed, "any", "both", "none", 0.0, target, "risk", at, 0.4 * at)
        for seed in seeds
        for target in targets(task)
        for at in (0.5, 1.0)
        if speakers >= 10
    ]
    columns = ["seed", "basis", "modality", "strategy", "p", "target", "measure", "at", "value"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(model=model, burst=0.0, speakers=speakers, n=960)


def cost(model: str, seeds: Sequence[int], parameters: int) -> pd.DataFrame:
    """A network of so many parameters, each of which is used once a frame."""
    return pd.DataFrame(
        {
            "model": model,
            "seed": list(seeds),
            "parameters": parameters,
            "flop_per_second": 50.0 * parameters,
            "seconds": 4.0,
            "audio_steps": 100,
            "video_steps": 100,
        }
    )


def _significance(
    models: Sequence[str], seeds: Sequence[int], task: dict[str, Any]
) -> pd.DataFrame:
    """Tests against the first model: the later ones are better, but for the last one."""
    several = len(targets(task)) > 1
    too_few = "" if len(seeds) >= 5 else f"needs 5 seeds, has {len(seeds)}"
    rows = []
    for place, model in enumerate(models[1:], start=1):
        gain = -0.05 if model == models[-1] else 0.01 * place
        for target in (*targets(task), *["mean"] * several):
            for measure in ("intact", "video_gone", "audio_gone", "mean"):
                key, is_sure = (model, models[0], target, measure), abs(gain) > 0.015
                p, found = (None, 0) if too_few else (0.01, int(gain > 0))
                worse = None if too_few else 0.99
                one_tailed = (p, worse, p, len(seeds), found, too_few)
                rows.append((*key, "t", gain, None, None, *one_tailed))
                low, high, sign = gain - 0.015, gain + 0.015, 1 if gain > 0 else -1
                found = (0.004, None, 0.02, 4, sign, "") if is_sure else (0.3, None, 0.6, 4, 0, "")
                rows.append((*key, "bootstrap", gain, low, high, *found))
                has_z = target != "mean" and task["kind"] != "classification"
                if measure == "intact" and has_z:
                    z = (1e-5, None, None, 960, sign, "")
                    rows.append((*key, "fisher_z", gain, None, None, *z))
    keys = ["model", "reference", "target", "measure", "test"]
    values = ["difference", "low", "high", "p", "p_worse", "p_adjusted", "n", "significant", "note"]
    return pd.DataFrame(rows, columns=[*keys, *values])


def _videos(
    rng: np.random.Generator, model: str, seeds: Sequence[int], task: dict[str, Any]
) -> pd.DataFrame:
    primary, *others = task["metrics"]
    return pd.DataFrame(
        {
            "model": model,
            "seed": seed,
            "item": item,
            "speaker": item.rpartition("_")[0],
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
                item, speaker = f"sequence_{number}", f"speaker_{number // 5}"
                rows.append((model, seed, item, speaker, target, annotated, predicted))
    names = ["model", "seed", "item", "speaker", "target", "annotated", "predicted"]
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
