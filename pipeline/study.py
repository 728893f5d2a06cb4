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
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from features.corpora.listing import MODELS, RESULTS
from features.hashes import PROJECT, hash_of_file
from models.recogniser import WEIGHTS
from pipeline.engine.console import say
from pipeline.engine.jobs import stage_errors
from pipeline.engine.named_files import named_files
from pipeline.params import FILE, Params, load_params
from pipeline.studies.champion import ALIKE, compare, verdict
from pipeline.studies.runs import Stages, Stopwatch, exclusive

SETTINGS = PROJECT / "pipeline" / "studies"
WORKSPACES = Path("data/studies")
PUBLISHED = ("index.html", "metrics.json", "run.json", "significance.csv")
"""The results of a study that are kept, beside the models' evaluations and the folder `figures`."""


def main() -> None:
    """Run a study."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.study", description=__doc__)
    names = sorted(file.stem for file in SETTINGS.glob("*.yaml"))
    parser.add_argument("name", nargs="?", default="strategies", choices=names)
    name = parser.parse_args().name
    with stage_errors():
        run_study(name)


def run_study(name: str) -> None:
    """Run a study to its end.

    Raises:
        InputError: its settings are wrong, it is running already, or some of it failed.
    """
    file = SETTINGS / f"{name}.yaml"
    workspace = WORKSPACES.resolve() / name
    workspace.mkdir(parents=True, exist_ok=True)
    with exclusive(workspace):
        params = prepare_workspace(file, workspace)
        watch = Stopwatch(workspace / "time.json", hash_of_file(file))
        with Stages(workspace, threads=params.execution.threads, on_end=watch.save) as stages:
            stages.run("keys")
            stages.run("corpus")
            stages.run_after_corpus(params)
            stages.run("summarise")
        target = publish_study(name, workspace, params, watch)
        watch.reset()
    say(f"open {target / 'index.html'}")


def prepare_workspace(
    file: Path, workspace: Path, changes: Mapping[str, Any] | None = None
) -> Params:
    """Write the params.yaml that stages run with in a folder of their own: all paths are whole.

    How work is done is taken from the params.yaml of the user where the file does not say.

    Args:
        file: the settings, as in params.yaml.
        workspace: that folder.
        changes: settings that have other values there, by names such as `corpus.split.seed`; not
            the paths that are made whole, nor `execution`.

    Returns:
        Those settings.

    Raises:
        InputError: either file says something impossible.
    """
    params = load_params(file)  # says what is wrong with the file, by its name
    settings = YAML(typ="safe", pure=True).load(file)
    for name, value in (changes or {}).items():
        *sections, last = name.split(".")
        section = settings
        for key in sections:
            section = section.setdefault(key, {})
        section[last] = value
    for place, named in named_files(params):
        section = settings
        for key in place:
            section = section.setdefault(key, {})
        section[named.key] = _whole(named.path)
    decides = "execution" in settings or not FILE.exists()
    execution = params.execution if decides else load_params().execution
    cache = str(execution.cache_folder.absolute())
    settings["execution"] = {**execution.model_dump(), "cache": cache}
    YAML().dump(settings, workspace / FILE)
    return load_params(workspace / FILE)


def _whole(path: str) -> str:
    """The whole path of a file that is named from here, or else from the top of the project."""
    absolute = Path(path).absolute()
    return str(absolute if absolute.exists() else PROJECT / path)


def publish_study(name: str, workspace: Path, params: Params, watch: Stopwatch) -> Path:
    """Copy the results of a study to the folder of results, with when and how they were made.

    Earlier results are replaced once the new ones are complete.

    Returns:
        The folder.
    """
    target = RESULTS / "study" / name
    partial, old = (target.with_name(f"{name}.{suffix}") for suffix in ("partial", "old"))
    for left in (partial, old):  # by a run that was killed here
        shutil.rmtree(left, ignore_errors=True)
    evaluation = partial / "evaluation"
    evaluation.mkdir(parents=True)
    results = workspace / RESULTS
    for file in PUBLISHED:
        shutil.copy(results / file, partial / file)
    shutil.copytree(results / "figures", partial / "figures")
    for model in params.models:  # the workspace may have others, of earlier settings
        shutil.copy(results / "evaluation" / f"{model}.csv", evaluation)
    published, alike = compare(evaluation), compare(evaluation, ALIKE)
    for comparison, file in ((published, "champion.csv"), (alike, "champion_alike.csv")):
        if comparison is not None:
            comparison.table.to_csv(partial / file, index=False, float_format="%.6g")
    sentences = [] if published is None else verdict(published, alike)
    about = {**about_study(name, workspace, params, watch), "verdict": sentences}
    (partial / "study.json").write_text(json.dumps(about, indent=1) + "\n")
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    if sentences:
        say(" ".join(sentences))
    return target


def about_study(name: str, workspace: Path, params: Params, watch: Stopwatch) -> dict[str, Any]:
    """When and how a study was computed, and how much of it the item cache had already."""
    files = [
        workspace / MODELS / model / f"seed-{seed}" / WEIGHTS
        for model in params.models
        for seed in params.train.seeds
    ]
    # Files out of the item cache keep the time at which they were made.
    cached = sum(file.stat().st_mtime < watch.began for file in files)
    return {
        "command": f"python -m pipeline.study {name}",
        "date": datetime.now(UTC).date().isoformat(),
        "minutes": round(watch.seconds / 60, 1),
        "trainings": len(files),
        "trainings_from_cache": cached,
        "processors": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
