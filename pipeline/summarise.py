"""Stage summarise: means over seeds and trials, tests, metrics, figures and the page."""

import json
import math
from collections import Counter
from typing import Any

import reports
from features.corpora.listing import RESULTS, fresh, read_facts, read_items, read_task
from models.evaluation.registry import metrics_of
from models.settings import ModelSettings
from models.settings.model import SHARED
from models.settings.resolved import Resolved
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors
from pipeline.params import Params, load_params
from reports.numbers.significance import significance


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        run = describe_run(params)
        fresh(RESULTS / "run.json").write_text(json.dumps(run, indent=1) + "\n")
        task = read_task()
        tests = significance(RESULTS, list(params.models), run["reference"], task)
        tests.to_csv(fresh(RESULTS / "significance.csv"), index=False, float_format="%.6g")
        fresh(RESULTS / "index.html")
        reports.build(RESULTS, list(params.models), params.train.seeds)
        say(f"open {RESULTS / 'index.html'}")


def describe_run(params: Params) -> dict[str, Any]:
    """What the page says of the run: corpus, features, models."""
    items = read_items()
    task, gives_features = read_task(), read_facts()["gives_features"]
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
        "task": {**task.model_dump(), "metrics": list(metrics_of(task))},
        "faces": None if gives_features else params.faces.model_dump(),
        "fc6": None if gives_features else params.fc6.model_dump(),
        "split": params.evaluate.split,
        "trials": params.evaluate.trials,
        "conditions": [grid.model_dump() for grid in params.evaluate.conditions],
        "natural": params.evaluate.natural,
        "reference": params.evaluate.reference or next(iter(params.models)),
        "seeds": params.train.seeds,
        "heldout": params.train.heldout,
        "models": {
            name: _describe_model(model, params.resolved(name))
            for name, model in params.models.items()
        },
    }


def _describe_model(model: ModelSettings, resolved: Resolved) -> dict[str, Any]:
    """A model as params.yaml has it, but for its size, options and training: what they come to."""
    return model.model_dump() | {
        "size": resolved.size.model_dump(),
        "options": resolved.options.model_dump(),
        "train": resolved.train.model_dump(exclude=set(SHARED)),
    }


if __name__ == "__main__":
    main()
