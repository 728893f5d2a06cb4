"""Stage summarise: means over seeds and trials, tests, metrics, figures and the page."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from features.corpora.listing import (
    GROUPS,
    LATENCY,
    MODELS,
    RESULTS,
    fresh,
    read_items,
    read_task,
)
from features.extractors.given import shows_media
from features.extractors.settings import StreamSettings
from features.hashes import hash_of_file
from models.evaluation.registry import metrics_of
from models.recogniser import CARD, WEIGHTS, read_card
from models.settings import ModelSettings
from models.settings.model import SHARED
from models.settings.resolved import Resolved
from models.transfer import differences
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors
from pipeline.keys import check
from pipeline.params import Params, load_params
from pipeline.studies.minutes import minutes_of
from reports.build import build_report
from reports.numbers.choice import choose
from reports.numbers.groups import scores_by_group
from reports.numbers.results import parameters_of
from reports.numbers.significance import significance_tests


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        check(params, "summarise")
        models = list(params.models)
        sizes = parameters_of(RESULTS, models, params.train.seeds)
        run = describe_run(params, sizes)
        fresh(RESULTS / "run.json").write_text(json.dumps(run, indent=1) + "\n")
        rivals = params.evaluate.rivals(models)
        tests = significance_tests(RESULTS, models, rivals, read_task())
        tests.to_csv(fresh(RESULTS / "significance.csv"), index=False, float_format="%.6g")
        tables = scores_by_group(RESULTS / GROUPS, models)
        for file, table in zip(("groups.csv", "gaps.csv"), tables, strict=True):
            table.to_csv(fresh(RESULTS / file), index=False, float_format="%.6g")
        choice = choose(RESULTS, models, read_task(), sizes)
        fresh(RESULTS / "choice.json").write_text(json.dumps(choice, indent=1) + "\n")
        fresh(RESULTS / "index.html")
        build_report(RESULTS, models, params.train.seeds, measured(models))
        say(f"open {RESULTS / 'index.html'}")


def measured(models: Sequence[str]) -> dict[str, Any]:
    """What `pipeline.latency` measured of models as they are now, by name.

    Measured times are no results: nothing depends on them, and they stand on the page alone. What
    was measured of other weights, or cannot be read, is left out.
    """
    found = {}
    for name in models:
        try:
            content = json.loads((LATENCY / f"{name}.json").read_text())
            weights = MODELS / name / f"seed-{content['seed']}" / WEIGHTS
            if hash_of_file(weights) == content["weights"]:
                found[name] = content
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return found


def describe_run(params: Params, sizes: Mapping[str, int]) -> dict[str, Any]:
    """What the page says of the run: corpus, streams, models.

    Args:
        params: of the run.
        sizes: how many numbers each model has learnt.
    """
    task = read_task()
    return {
        "corpus": _describe_corpus(params),
        "task": {**task.model_dump(), "metrics": list(metrics_of(task))},
        "faces": None if not shows_media(params.streams) else params.faces.model_dump(),
        "streams": {name: _describe_stream(stream) for name, stream in params.streams.items()},
        "split": params.evaluate.split,
        "trials": params.evaluate.trials,
        "conditions": [grid.model_dump() for grid in params.evaluate.conditions],
        "natural": params.evaluate.natural,
        "reference": params.evaluate.reference,
        "seeds": params.train.seeds,
        "heldout": params.train.heldout,
        "models": {
            name: _describe_model(model, params.resolved(name))
            | _describe_trained(params, name)
            | {"parameters": sizes[name]}
            | minutes_of(name)
            for name, model in params.models.items()
        },
    }


def _describe_corpus(params: Params) -> dict[str, Any]:
    """Its name and its size, with the speakers of each split."""
    items = read_items()
    speakers = Counter(split for _, split in {(item.speaker, item.split) for item in items})
    return {
        "name": params.corpus.name,
        "title": params.corpus.title,
        "synthetic": params.corpus.is_synthetic,
        "items": len(items),
        "speakers": dict(sorted(speakers.items())),
        "seconds": round(math.fsum(item.seconds for item in items), 1),
    }


def _describe_stream(stream: StreamSettings) -> dict[str, Any]:
    """A stream as params.yaml has it, and whether it comes from an untrained network."""
    settings = stream.model_dump()
    if settings.get("weights") == "random":
        settings["random_weights"] = True
    return settings


def _describe_model(model: ModelSettings, resolved: Resolved) -> dict[str, Any]:
    """A model as in params.yaml, with its size, options and training resolved."""
    return model.model_dump() | {
        "size": resolved.size.model_dump(),
        "options": resolved.options.model_dump(),
        "train": resolved.train.model_dump(exclude=set(SHARED)),
    }


def _describe_trained(params: Params, name: str) -> dict[str, Any]:
    """What it has learnt, from what, and in what its streams differ from those it sees here."""
    folders = [MODELS / name / f"seed-{seed}" for seed in params.train.seeds]
    if not all((folder / CARD).is_file() for folder in folders):
        return {}
    card = read_card(folders[0])
    saved = params.model(name).saved is not None
    differing = differences(card, params.seen(name), params.parts(name)) if saved else []
    weights = sorted({hash_of_file(folder / WEIGHTS) for folder in folders})
    return {"corpora": card.corpora, "differences": differing, "weights": weights}


if __name__ == "__main__":
    main()
