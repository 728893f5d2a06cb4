"""What `run.json` says of a run: its task, its corpus, its streams and what its models see."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from features.errors import InputError
from features.task import Task
from models.evaluation.registry import metrics_of
from reports.numbers.reader import named_seeds
from reports.numbers.words import listing

_NEEDED = {"corpus", "models", "seeds", "split", "streams", "task"}
_TASK = ("kind", "level", "outputs", "metrics")
_REMEDY = "run `dvc repro summarise`"


def read_run(path: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Read `run.json`.

    Args:
        path: the file.
        seeds: those that it has to name.

    Raises:
        InputError: it is missing, cannot be read, or is of other seeds.
    """
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        missing = _NEEDED - run.keys()
    except FileNotFoundError:
        raise InputError(f"{path} is missing", _REMEDY) from None
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path} cannot be read: {error!r}", _REMEDY) from None
    if missing:
        raise InputError(f"{path} has no {', '.join(sorted(missing))}", _REMEDY)
    if set(run["seeds"]) != set(seeds):
        raise InputError(
            f"{path} names {named_seeds(run['seeds'])}, params name {named_seeds(seeds)}", _REMEDY
        )
    return run


def read_choice(path: Path) -> dict[str, Any]:
    """Read `choice.json`, which says what models are recommended.

    Raises:
        InputError: it is missing or cannot be read.
    """
    try:
        choice = json.loads(path.read_text(encoding="utf-8"))
        return {name: choice[name] for name in ("speakers", "needs", "seeds")}
    except FileNotFoundError:
        raise InputError(f"{path} is missing", _REMEDY) from None
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} cannot be read: {error!r}", _REMEDY) from None


def read_task_of(path: Path, run: Mapping[str, Any]) -> Task:
    """The task of a run.

    Args:
        path: of `run.json`, for messages.
        run: its content.

    Raises:
        InputError: it names no task, or metrics that this task does not have here.
    """
    described = run["task"]
    unknown = f"{path} names a task that is not known"
    if missing := [name for name in _TASK if name not in described]:
        raise InputError(f"{unknown}: it has no {' and no '.join(missing)}", _REMEDY)
    try:
        task = Task(**{name: described[name] for name in described if name != "metrics"})
    except ValidationError as error:
        first = error.errors()[0]
        value = f"{'.'.join(map(str, first['loc']))} is {first['input']!r}"
        raise InputError(f"{unknown}: {value}", _REMEDY) from None
    if tuple(described["metrics"]) != metrics_of(task):
        raise InputError(
            f"{unknown}: its metrics are {', '.join(described['metrics'])}, "
            f"expected {', '.join(metrics_of(task))}",
            _REMEDY,
        )
    return task


def synthetic_corpus(run: Mapping[str, Any]) -> str:
    """The name of the corpus of a run if it is synthetic, else nothing.

    >>> synthetic_corpus({"corpus": {"name": "demo", "synthetic": True}})
    'demo'
    """
    corpus = run["corpus"]
    return corpus["name"] if corpus.get("synthetic") else ""


def streams_in_use(run: Mapping[str, Any]) -> dict[str, Any]:
    """The streams that some model sees, by itself or joined with others, with their settings.

    >>> streams = {"eyes": {}, "lips": {}, "face": {"extractor": "joined", "of": ["eyes"]}}
    >>> list(streams_in_use({"streams": streams, "models": {"m": {"sees": ["face"]}}}))
    ['eyes', 'face']
    """
    streams = run["streams"]
    seen = {name for model in run["models"].values() for name in model["sees"]}
    joined = (streams[name] for name in seen if streams[name].get("extractor") == "joined")
    seen = seen.union(*(stream["of"] for stream in joined))
    return {name: stream for name, stream in streams.items() if name in seen}


def untrained_streams(run: Mapping[str, Any]) -> tuple[str, ...]:
    """The streams seen that come from an untrained network.

    >>> streams = {"face": {"random_weights": True}, "voice": {}}
    >>> untrained_streams({"streams": streams, "models": {"m": {"sees": ["voice", "face"]}}})
    ('face',)
    """
    seen = streams_in_use(run)
    return tuple(name for name, stream in seen.items() if stream.get("random_weights"))


def trained_here(run: Mapping[str, Any], models: Sequence[str]) -> list[str]:
    """The models that were trained, and are not saved ones.

    >>> trained_here({"models": {"a": {"from": "saved/a"}, "b": {}}}, ["a", "b"])
    ['b']
    """
    return [model for model in models if not run["models"].get(model, {}).get("from")]


def modalities_seen(run: Mapping[str, Any], model: str) -> tuple[str, ...]:
    """The modalities of the streams that a model sees, in order.

    >>> streams = {"face": {"modality": "video"}, "voice": {"modality": "audio"}}
    >>> modalities_seen({"streams": streams, "models": {"m": {"sees": ["face", "voice"]}}}, "m")
    ('audio', 'video')
    """
    streams = run["streams"]
    return tuple(sorted(streams[name]["modality"] for name in run["models"][model]["sees"]))


def caveat(*, synthetic: str, random_weights: Sequence[str]) -> str:
    """What a reader has to know before believing a figure, in a few words.

    Args:
        synthetic: name of the synthetic corpus that is all the models have ever seen, or nothing.
        random_weights: names of the streams that come from an untrained network.

    Returns:
        The words; none where neither applies.

    >>> caveat(synthetic="demo", random_weights=["face"])
    'synthetic corpus demo · face from random weights'
    """
    words = []
    if synthetic:
        words.append(f"synthetic corpus {synthetic}")
    if random_weights:
        words.append(f"{listing(random_weights)} from random weights")
    return " · ".join(words)
