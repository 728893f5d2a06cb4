"""Say in three lines what a run has measured, where its page is, and how to keep the run."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from features.corpora.listing import RESULTS
from features.errors import InputError
from models.evaluation.registry import METRICS
from pipeline.engine.jobs import stage_errors

PAGE = RESULTS / "index.html"
KEEP = (
    'To compare with this run later, commit it: git add -A && git commit -m "first run"; then '
    "`dvc exp run -S ...` and `dvc metrics diff`."
)


def main() -> None:
    """Print the summary."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.summary", description=__doc__)
    parser.parse_args()
    with stage_errors(goes_on=False):
        metrics, run = _read("metrics.json"), _read("run.json")
        for line in lines(metrics, run):
            print(line)
        print(f"The page: {PAGE.absolute().as_uri()}")
        print(KEEP)


def lines(metrics: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    """The three lines: under all losses, with a whole modality gone, and intact.

    Args:
        metrics: of each model, by target: `intact`, `video_gone`, `audio_gone` and `mean`.
        run: what the page says of the run.
    """
    numbers = {
        model: targets.get("mean") or next(iter(targets.values()))
        for model, targets in metrics.items()
    }
    title = METRICS[run["task"]["metrics"][0]].title
    reference = run["reference"]
    best = _best(numbers, "mean") or reference
    of = f"{title} on the {run['split']} split"
    if run["corpus"]["synthetic"]:
        of += " of a synthetic corpus"
    gone = [
        f"without {word} {best} reaches {_of(numbers, best, key)}"
        f"{_beside(numbers, best, reference, key)}"
        for word, key in (("a picture", "video_gone"), ("sound", "audio_gone"))
    ]
    intact = _best(numbers, "intact") or reference
    return [
        f"Mean over all losses ({of}): highest is {best} with {_of(numbers, best, 'mean')}"
        f"{_beside(numbers, best, reference, 'mean')}.",
        f"A whole modality gone: {'; '.join(gone)}.",
        f"Nothing lost: highest is {intact} with {_of(numbers, intact, 'intact')}"
        f"{_beside(numbers, intact, reference, 'intact')}.",
    ]


def _best(numbers: Mapping[str, Mapping[str, float]], key: str) -> str | None:
    """The model with the highest number; None where none has it."""
    having = {m: values[key] for m, values in numbers.items() if values.get(key) is not None}
    return max(having, key=lambda model: having[model]) if having else None


def _of(numbers: Mapping[str, Mapping[str, float]], model: str, key: str) -> str:
    value = numbers[model].get(key)
    return "–" if value is None else f"{value:.2f}"


def _beside(
    numbers: Mapping[str, Mapping[str, float]], model: str, reference: str, key: str
) -> str:
    """The reference's number, unless it is the model's."""
    return "" if model == reference else f" ({reference} {_of(numbers, reference, key)})"


def _read(name: str) -> Any:
    try:
        return json.loads((RESULTS / name).read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{RESULTS / name} is missing or damaged", "run `make repro`") from error


if __name__ == "__main__":
    main()
