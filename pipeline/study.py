"""A comparison of many models on a corpus of its own, beside the one of params.yaml.

`python -m pipeline.study NAME` runs the stages with the settings of `pipeline/studies/NAME.yaml`
in a folder of their own under `data/studies`, several models at a time, and puts the results into
`reports/results/study/NAME`. A study that was killed goes on where it was.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path

from ruamel.yaml import YAML

from features.errors import InputError
from pipeline.champion import CHAMPION, compare, verdict
from pipeline.console import progress_bar, say
from pipeline.hashes import PROJECT
from pipeline.items import stage_errors
from pipeline.outputs import RESULTS
from pipeline.params import Params, load_params

SETTINGS = PROJECT / "pipeline" / "studies"
WORKSPACES = Path("data/studies")
PUBLISHED = ("index.html", "metrics.json", "run.json", "significance.csv")
"""What of a study's results is kept, beside the folders `evaluation` and `figures`."""


def main() -> None:
    """Run a study."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.study", description=__doc__)
    names = sorted(file.stem for file in SETTINGS.glob("*.yaml"))
    parser.add_argument("name", nargs="?", default="strategies", choices=names)
    name = parser.parse_args().name
    with stage_errors():
        begun = time.monotonic()
        params = load_params(SETTINGS / f"{name}.yaml")
        workspace = prepare(name)
        for stage in ("corpus", "faces", "fc6", "lld", "windows"):
            run_stage(workspace, stage)
        run_models(workspace, params)
        run_stage(workspace, "summarise")
        target = publish(workspace, name, seconds=time.monotonic() - begun)
        if CHAMPION in params.models:
            say(verdict(compare(target / "evaluation")))
        say(f"open {target / 'index.html'}")


def prepare(name: str) -> Path:
    """Make the folder that a study's stages run in, with its params.yaml.

    Returns:
        The folder, absolute.
    """
    yaml = YAML()
    settings = yaml.load(SETTINGS / f"{name}.yaml")
    settings["corpus"]["root"] = str(PROJECT / settings["corpus"]["root"])
    workspace = WORKSPACES.resolve() / name
    workspace.mkdir(parents=True, exist_ok=True)
    yaml.dump(settings, workspace / "params.yaml")
    return workspace


def run_models(workspace: Path, params: Params) -> None:
    """Train and evaluate every model, as many at a time as there are processes.

    Raises:
        InputError: some failed; the others are finished first.
    """
    failed: list[str] = []
    with (
        ThreadPoolExecutor(params.execution.processes) as pool,
        progress_bar("study", unit="models", total=len(params.models)) as advance,
    ):
        runs = {pool.submit(_run_model, workspace, model): model for model in params.models}
        for run in as_completed(runs):
            error = run.exception()
            if error is not None:
                failed.append(str(error))
            advance(1, runs[run])
    if failed:
        raise InputError("; ".join(failed), "mend it and run the study again: it goes on")


def _run_model(workspace: Path, model: str) -> None:
    for stage in ("train", "evaluate"):
        run_stage(workspace, stage, model)


def run_stage(workspace: Path, stage: str, *arguments: str) -> None:
    """Run a stage in a study's folder, its messages in a file there.

    Raises:
        InputError: it failed.
    """
    log = workspace / "logs" / f"{'-'.join((stage, *arguments))}.txt"
    log.parent.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}
    with log.open("w") as file:
        done = subprocess.run(
            [sys.executable, "-m", f"pipeline.{stage}", *arguments],
            cwd=workspace,
            env=environment,
            stderr=file,
            check=False,
        )
    if done.returncode:
        said = log.read_text().strip().splitlines()[-1:]
        raise InputError(f"{' '.join((stage, *arguments))} failed ({''.join(said)})", f"see {log}")


def publish(workspace: Path, name: str, *, seconds: float) -> Path:
    """Copy what a study found to where results are kept, with when and how it was found.

    Returns:
        The folder.
    """
    target = RESULTS / "study" / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    results = workspace / RESULTS
    for file in PUBLISHED:
        shutil.copy(results / file, target / file)
    for folder in ("evaluation", "figures"):
        shutil.copytree(results / folder, target / folder)
    about = {
        "command": f"python -m pipeline.study {name}",
        "date": datetime.now(UTC).date().isoformat(),
        "minutes": round(seconds / 60, 1),
        "processors": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    (target / "study.json").write_text(json.dumps(about, indent=1) + "\n")
    return target


if __name__ == "__main__":
    main()
