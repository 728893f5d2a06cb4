"""A comparison of many models on a corpus of its own, beside the one of params.yaml.

`python -m pipeline.study NAME` runs the stages with the settings of `pipeline/studies/NAME.yaml`,
or of a file of your own that is named in its place, in a folder of its own under `data/studies`,
and puts the results into `reports/results/study/NAME`. A study that was killed goes on where it
was. `pipeline/studies/README.md` says what a study's file may have, and what comes out.
"""

import argparse
import json
import os
import platform
import shutil
from collections.abc import Mapping
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from features.corpora.listing import MODELS, RESULTS, read_task
from features.errors import InputError
from features.hashes import PROJECT, hash_of_file
from models.evaluation.registry import metrics_of
from models.recogniser import WEIGHTS
from pipeline.engine.console import console, say
from pipeline.engine.jobs import stage_errors
from pipeline.engine.named_files import named_files
from pipeline.params import FILE, Params, load_params, read_settings
from pipeline.studies.champion import ALIKE, compare, verdict
from pipeline.studies.lead import publish_lead
from pipeline.studies.models import run_models
from pipeline.studies.paper import publish_paper
from pipeline.studies.runs import Stages, Stopwatch, exclusive
from pipeline.studies.settings import StudySettings
from pipeline.studies.splits import check_differ, compare_splits, comparison_table
from pipeline.studies.tables import means_table, results_table, with_numbers

SETTINGS = PROJECT / "pipeline" / "studies"
WORKSPACES = Path("data/studies")
PUBLISHED = ("index.html", "choice.json", "metrics.json", "run.json", "significance.csv")
"""The results of a study of one split that are kept beside its tables and the folder `figures`."""

Runs = Mapping[int | None, tuple[Path, Params]]
"""Folder and settings of each split; None stands for the only one."""


def main() -> None:
    """Run a study."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.study", description=__doc__)
    names = ", ".join(sorted(file.stem for file in SETTINGS.glob("*.yaml")))
    help_of_name = f"one of {names}; or a YAML file of your own"
    parser.add_argument("name", nargs="?", default="strategies", help=help_of_name)
    help_of_root = "folder of the corpus, in place of corpus.root of the file"
    parser.add_argument("--root", type=Path, help=help_of_root)
    options = parser.parse_args()
    with stage_errors():
        run_study(file_of(options.name), options.root)


def file_of(name: str) -> Path:
    """The file of a study.

    Raises:
        InputError: there is none.
    """
    file = Path(name) if name.endswith((".yaml", ".yml")) else SETTINGS / f"{name}.yaml"
    if not file.is_file():
        names = ", ".join(sorted(file.stem for file in SETTINGS.glob("*.yaml")))
        raise InputError(f"there is no study {name}", f"name one of {names}, or a YAML file")
    return file


def run_study(file: Path, root: Path | None = None) -> None:
    """Run a study to its end.

    Args:
        file: of the study.
        root: folder of the corpus; None for the file's.

    Raises:
        InputError: its settings are wrong, it is running already, or some of it failed.
    """
    _, study = read_settings(file, StudySettings)
    check_corpus(study, root)
    for name in study.beside:
        run_study(file_of(name))
    workspace = WORKSPACES.resolve() / file.stem
    workspace.mkdir(parents=True, exist_ok=True)
    with exclusive(workspace):
        runs = prepare(file, study, workspace, root)
        watch = Stopwatch(workspace / "time.json", hash_of_file(file))
        for folder, params in runs.values():
            with Stages(folder, threads=params.execution.threads, on_end=watch.save) as stages:
                stages.run("keys")
                stages.run("corpus")
        if study.splits:
            folders = {value: folder for value, (folder, _) in runs.items() if value is not None}
            check_differ(study.splits.setting, folders)
        for folder, params in runs.values():
            with Stages(folder, threads=params.execution.threads, on_end=watch.save) as stages:
                stages.run_to_windows(params)
        run_models(f"study {file.stem}", runs, watch.save)
        if not study.splits:
            ((folder, params),) = runs.values()
            with Stages(folder, threads=params.execution.threads, on_end=watch.save) as stages:
                stages.run("summarise")
        target = publish_study(file, runs, watch, study)
        watch.reset()
    page = target / "index.html"
    say(f"open {page}" if page.exists() else f"wrote {target}")


def check_corpus(study: StudySettings, root: Path | None) -> None:
    """Make sure that the corpus is there.

    Raises:
        InputError: it is not.
    """
    folder = root or Path(_whole(study.corpus.root))
    if not study.corpus.is_synthetic and not folder.is_dir():
        raise InputError(
            f"corpus.root is {folder}, and there is no such folder",
            f"say where {study.corpus.name} is: --root FOLDER",
        )


def prepare(file: Path, study: StudySettings, workspace: Path, root: Path | None = None) -> Runs:
    """Prepare a folder for every split."""
    moved = {} if root is None else {"corpus.root": str(root.absolute())}
    if study.splits is None:
        return {None: (workspace, prepare_workspace(file, workspace, moved))}
    runs: dict[int | None, tuple[Path, Params]] = {}
    for value, changes in study.splits.changes.items():
        folder = workspace / "splits" / str(value)
        folder.mkdir(parents=True, exist_ok=True)
        runs[value] = folder, prepare_workspace(file, folder, changes | moved)
    return runs


def prepare_workspace(
    file: Path, workspace: Path, changes: Mapping[str, Any] | None = None
) -> Params:
    """Write the params.yaml that stages run with in a folder of their own: all paths are whole.

    How work is done is taken from the params.yaml of the user where the file does not say.

    Args:
        file: the settings, as in params.yaml.
        workspace: that folder.
        changes: settings that have other values there, by names such as `corpus.split.seed`; whole
            paths, and not `execution`.

    Returns:
        Those settings.

    Raises:
        InputError: either file says something impossible.
    """
    _, params = read_settings(file, StudySettings)  # says what is wrong, by the file's name
    settings = YAML(typ="safe", pure=True).load(file)
    for key in StudySettings.model_fields.keys() - Params.model_fields.keys():
        settings.pop(key, None)
    files = {(*place, named.key): _whole(named.path) for place, named in named_files(params)}
    changed = {tuple(name.split(".")): value for name, value in (changes or {}).items()}
    for (*sections, last), value in (files | changed).items():
        section = settings
        for key in sections:
            section = section.setdefault(key, {})
        section[last] = value
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


def publish_study(file: Path, runs: Runs, watch: Stopwatch, study: StudySettings) -> Path:
    """Write a study's tables to the folder of results, with when and how they were made.

    Earlier results are replaced once the new ones are complete.

    Returns:
        The folder.
    """
    target = RESULTS / "study" / file.stem
    partial, old = (target.with_name(f"{file.stem}.{suffix}") for suffix in ("partial", "old"))
    for left in (partial, old):  # by a run that was killed here
        shutil.rmtree(left, ignore_errors=True)
    partial.mkdir(parents=True)
    (workspace, params), *_ = runs.values()
    models = list(params.models)  # a workspace may have others, of earlier settings
    written = results_table({value: folder for value, (folder, _) in runs.items()}, models)
    written.to_csv(partial / "results.csv", index=False)
    results = with_numbers(written)
    with chdir(workspace):
        metrics = metrics_of(read_task())
    _write(means_table(results, metrics), partial / "means.csv")
    about = about_study(file, runs, watch)
    if len(runs) > 1:
        table = compare_splits(results, metrics, params.evaluate.rivals(models))
        _write(table, partial / "splits.csv")
        console.print(comparison_table(table))
    else:
        about["verdict"] = _publish_run(workspace / RESULTS, results, partial)
    page = partial / "index.html"
    if study.paper is not None:
        publish_paper(study.paper, workspace, params, results, page)
    titles = {name: read_settings(file_of(name), StudySettings)[1].title for name in study.beside}
    beside = {title: RESULTS / "study" / name for name, title in titles.items()}
    if sentences := publish_lead(study.title, results, beside, page):
        about["verdict"] = sentences
        say(" ".join(sentences))
    (partial / "study.json").write_text(json.dumps(about, indent=1) + "\n")
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return target


def _publish_run(source: Path, results: pd.DataFrame, out: Path) -> list[str]:
    """Copy the page of a study of one split, and compare the champion; returns the verdict."""
    for name in PUBLISHED:
        shutil.copy(source / name, out / name)
    shutil.copytree(source / "figures", out / "figures")
    published, alike = compare(results), compare(results, ALIKE)
    for comparison, name in ((published, "champion.csv"), (alike, "champion_alike.csv")):
        if comparison is not None:
            _write(comparison.table, out / name)
    sentences = [] if published is None else verdict(published, alike)
    if sentences:
        say(" ".join(sentences))
    return sentences


def _write(table: pd.DataFrame, file: Path) -> None:
    table.to_csv(file, index=False, float_format="%.6g")


def about_study(file: Path, runs: Runs, watch: Stopwatch) -> dict[str, Any]:
    """When and how a study was computed, and how much of it the item cache had already."""
    weights = [
        folder / MODELS / model / f"seed-{seed}" / WEIGHTS
        for folder, params in runs.values()
        for model in params.models
        for seed in params.train.seeds
    ]
    # Files out of the item cache keep the time at which they were made.
    cached = sum(file.stat().st_mtime < watch.began for file in weights)
    name = file.stem if file.parent == SETTINGS else file
    return {
        "command": f"python -m pipeline.study {name}",
        "date": datetime.now(UTC).date().isoformat(),
        "minutes": round(watch.seconds / 60, 1),
        "splits": [value for value in runs if value is not None],
        "trainings": len(weights),
        "trainings_from_cache": cached,
        "processors": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
