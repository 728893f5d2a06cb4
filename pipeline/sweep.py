"""Draw what a model keeps by the probability of loss that it was trained with.

The runs are those of `dvc exp run -S models.MODEL.ablation.p=...` and of the last commit:

    dvc exp run --queue -S models.MODEL.ablation.p=0.2,0.5,0.8,0.95
    dvc queue start --jobs 1
    python -m pipeline.sweep MODEL
"""

import argparse
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from features.corpora.listing import RESULTS
from features.errors import InputError
from features.files import whole
from models.evaluation.registry import METRICS
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors
from pipeline.predict import writing_to
from reports.figures.style import save_figure
from reports.figures.sweep import draw_sweep
from reports.numbers.sweep import best_trained, reported, swept

EVALUATION = (RESULTS / "evaluation").as_posix()


@dataclass(frozen=True)
class Run:
    """A commit or an experiment whose results git and DVC hold.

    Attributes:
        name: of the experiment, or of the branch.
        revision: its commit.
        settings: all that its stages depend on, by `models.baseline.ablation.p`.
    """

    name: str
    revision: str
    settings: Mapping[str, Any]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.sweep",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", help="whose models.MODEL.ablation.p differs between runs")
    parser.add_argument("--out", type=Path, default=RESULTS / "sweep", help="folder to write to")
    options = parser.parse_args()
    with stage_errors(goes_on=False):
        sweep(options.model, options.out)


def sweep(model: str, out: Path) -> None:
    """Write the table and the figure of a model's runs, and say what they tell.

    Raises:
        InputError: fewer than two runs tell anything, or nothing can be written.
    """
    place = f"models.{model}.ablation.p"
    runs = {float(run.settings[place]): run for run in alike(runs_of(place), place)}
    if len(runs) < 2:
        raise InputError(
            f"{len(runs)} of the experiments differ in {place} alone",
            f"run `dvc exp run --queue -S {place}=0.2,0.5,0.8` and `dvc queue start --jobs 1`",
        )
    newest = next(iter(runs.values()))
    strategy = str(newest.settings[f"models.{model}.ablation.strategy"])
    file = f"{EVALUATION}/{model}.csv"
    evaluations = {p: pd.read_csv(io.StringIO(_read(runs[p], file))) for p in sorted(runs)}
    task = json.loads(_read(newest, (RESULTS / "run.json").as_posix()))["task"]
    metric = METRICS[task["metrics"][0]]
    table = swept(evaluations, task["metrics"][0], loss_of_test(evaluations, strategy))
    for p, run in sorted(runs.items()):
        commit = "" if run.revision == run.name else f" ({run.revision[:7]})"
        say(f"trained with p = {p:g}: {run.name}{commit}")
    axis = f"{metric.title}, mean of {len(task['outputs'])} targets"
    with writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
        with whole(out / f"{model}.csv") as written:
            table.to_csv(written, index=False, float_format="%.6g")
        figure = save_figure(draw_sweep(reported(table), axis), out / model)
    for line in findings(table, lower_is_better=metric.lower_is_better):
        say(line)
    say(f"wrote {out / model}.csv and {figure}")


def runs_of(place: str) -> Iterator[Run]:
    """The last commit and its experiments that have ended, the newest first, which have a setting.

    Raises:
        InputError: this is no repository of git and DVC, or it has no commit.
    """
    import dvc.api
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    try:
        for row in dvc.api.exp_show():
            if row["rev"] == "workspace" or row.get("State") not in (None, "Success"):
                continue
            settings = dict(flat(dvc.api.params_show(rev=row["rev"])))
            if settings.get(place) is not None:
                yield Run(row["Experiment"] or row["rev"], row["rev"], settings)
    except (DvcException, SCMError) as error:
        raise InputError(f"there are no experiments to read ({error})", "commit a run") from error


def alike(runs: Iterator[Run], place: str) -> Iterator[Run]:
    """The runs that have all settings but one in common with the first, the last commit.

    The first of several with the same value is taken.
    """
    seen: dict[Any, Run] = {}
    first: Mapping[str, Any] | None = None
    for run in runs:
        others = {name: value for name, value in run.settings.items() if name != place}
        first = others if first is None else first
        if others == first:
            if run.settings[place] not in seen:
                seen[run.settings[place]] = run
                yield run
            continue
        differing = sorted(
            name for name in others.keys() | first.keys() if others.get(name) != first.get(name)
        )
        say(f"{run.name} is left out: it differs in {', '.join(differing)} too")


def flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their places.

    >>> dict(flat({"models": {"a": {"p": 0.5}}, "seeds": [0]}))
    {'models.a.p': 0.5, 'seeds': [0]}
    """
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def loss_of_test(evaluations: Mapping[float, pd.DataFrame], strategy: str) -> str:
    """The loss of the test: the one of training, where conditions have it, else `clip_zero`."""
    of_all = [set(table["strategy"]) for table in evaluations.values()]
    return strategy if all(strategy in names for names in of_all) else "clip_zero"


def findings(table: pd.DataFrame, *, lower_is_better: bool) -> list[str]:
    """Which p of training keeps most, and what it costs where nothing is lost."""
    of_test = reported(table)
    best = best_trained(table, lower_is_better=lower_is_better)
    if best is None:
        return ["no speakers choose between the runs, so none is called best"]
    means = of_test.groupby("trained")["value"].mean()
    intact = of_test[of_test["tested"] == 0].groupby("trained")["value"].mean()
    least = min(means.index)
    return [
        f"p = {best:g} keeps most over all tested losses, by the speakers that choose; for those "
        f"that are reported it keeps {means[best]:.2f} (p = {least:g}: {means[least]:.2f})",
        f"intact it has {intact[best]:.2f} (p = {least:g}: {intact[least]:.2f})",
    ]


def _read(run: Run, path: str) -> str:
    """A file of a run's results.

    Raises:
        InputError: it has none.
    """
    import dvc.api
    from dvc.exceptions import DvcException

    try:
        return str(dvc.api.read(path, rev=run.revision))
    except (DvcException, OSError) as error:
        raise InputError(
            f"{run.name} has no {path}", "run `make repro` and commit its results first"
        ) from error


if __name__ == "__main__":
    main()
