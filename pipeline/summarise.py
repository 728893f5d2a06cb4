"""Stage summarise: means over seeds and trials, metrics, figures and the page."""

import json
import math
from collections import Counter
from typing import Any

import reports
from features.errors import InputError
from models.settings import Task
from pipeline.console import say
from pipeline.items import stage_errors
from pipeline.outputs import RESULTS, fresh, read_facts, read_items, read_task
from pipeline.params import Params, load_params


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        description = json.dumps(describe_run(params), indent=1)
        fresh(RESULTS / "run.json").write_text(description + "\n")
        fresh(RESULTS / "index.html")
        try:
            reports.build(RESULTS, list(params.models), params.train.seeds)
        except reports.ResultsError as error:
            raise InputError(error.reason, error.remedy) from error
        say(f"open {RESULTS / 'index.html'}")


def describe_run(params: Params) -> dict[str, Any]:
    """What the page says of the run: corpus, features, models."""
    items = read_items()
    corpus_task, gives_features = read_task(), read_facts()["gives_features"]
    task = Task(kind=corpus_task.kind, level=corpus_task.level, outputs=list(corpus_task.outputs))
    speakers = Counter(split for _, split in {(item.speaker, item.split) for item in items})
    seconds = math.fsum(item.seconds for item in items)
    return {
        "corpus": {
            "name": params.corpus.name,
            "synthetic": params.corpus.is_synthetic,
            "items": len(items),
            "speakers": dict(sorted(speakers.items())),
            "seconds": round(seconds, 1),
        },
        "task": {**task.model_dump(), "metrics": list(task.metrics)},
        "faces": None if gives_features else params.faces.model_dump(),
        "fc6": None if gives_features else params.fc6.model_dump(),
        "split": params.evaluate.split,
        "trials": params.evaluate.trials,
        "seeds": params.train.seeds,
        "heldout": params.train.heldout,
        "network": params.train.network.model_dump(),
        "models": {name: model.model_dump() for name, model in params.models.items()},
    }


if __name__ == "__main__":
    main()
