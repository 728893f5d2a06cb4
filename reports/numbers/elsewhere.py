"""What models are worth on several corpora: the results of other runs, beside those of this one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import InputError

ELSEWHERE = "elsewhere"
"""Folder below the results, with a folder of `run.json` and `metrics.json` of each other run."""

Metrics = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Numbers by model, target and name, as in `metrics.json`."""


@dataclass(frozen=True)
class OnCorpus:
    """What a model is worth on a corpus.

    Attributes:
        corpus: that it is tested on.
        model: its name in that run.
        learnt: the corpora that it has learnt from, in their order.
        weights: hashes of its weights, of all seeds: the same recogniser has the same in every run.
        values: numbers by target and headline.
    """

    corpus: str
    model: str
    learnt: tuple[str, ...]
    weights: tuple[str, ...]
    values: Mapping[str, Mapping[str, float]]


def on_corpus(run: Mapping[str, Any], metrics: Metrics) -> list[OnCorpus]:
    """What the models of a run are worth, where it is known what they have learnt from.

    Args:
        run: `run.json`.
        metrics: `metrics.json`.
    """
    return [
        OnCorpus(
            run["corpus"]["title"],
            name,
            tuple(model["corpora"]),
            tuple(model["weights"]),
            metrics.get(name, {}),
        )
        for name, model in run["models"].items()
        if model.get("corpora") and model.get("weights")
    ]


def read_elsewhere(folder: Path, run: Mapping[str, Any]) -> list[OnCorpus]:
    """What models are worth on other corpora; nothing where there are no results of other runs.

    Args:
        folder: of the results.
        run: `run.json` of this run.

    Raises:
        InputError: a file is missing or cannot be read, or is of another task.
    """
    found: list[OnCorpus] = []
    for place in sorted(path for path in (folder / ELSEWHERE).glob("*") if path.is_dir()):
        remedy = f"copy run.json and metrics.json of a run to {place}, or delete it"
        try:
            other, metrics = (
                json.loads((place / name).read_text(encoding="utf-8"))
                for name in ("run.json", "metrics.json")
            )
            task, models = other["task"], on_corpus(other, metrics)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"{place} has no results that can be read: {error!r}", remedy
            ) from None
        if task != json.loads(json.dumps(run["task"])):
            raise InputError(f"{place} has results of another task than this run", remedy)
        found += models
    return found
