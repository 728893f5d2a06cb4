"""SIGKILL at random moments of all stages, of a study and of one of splits.

`kills` has the features of a simulated corpus, `extraction` the faces, fc6 and lld of films.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from features.corpora.demo.corpus import make_clip
from features.corpora.settings import DemoSettings
from tests.campaigns.tally import Tally
from tests.helpers.killing import Runner
from tests.helpers.project import TINY, Project
from tests.pipeline.test_study import SETTINGS

STAGES = (
    *("corpus", "faces", "extract picture", "extract sound", "windows"),
    *("train lacuna", "evaluate lacuna", "summarise"),
)
EXTRACTION = ("corpus", "faces", "extract fc6", "extract lld", "windows")
STUDIES = ("study tiny.yaml", "study splits.yaml")
FILMS = DemoSettings(speakers=4, clips=4, seconds=1.0, fps=12)
CACHED_AS = {"study": "train"}
"""Stages whose results lie in the item cache under another name."""

UNLIKE = ("run.json", "study.json", "params.yaml")
"""Files that say when, for how long or, as a study's settings do, in which folder."""

TIMES = {"minutes", "seconds", "logs"}
"""Folders of such files."""

ONE_MODEL = SETTINGS.replace("  baseline: {sees: [sound, picture]}\n", "")
SPLITS = "splits: {setting: corpus.simulated.train, values: [6, 7]}\n"


def kills(count: int, generator: np.random.Generator, folder: Path) -> Tally:
    """Kill the stages so many times, one after the other, and compare all that they write.

    Where there are fewer kills than stages, studies, which run them all again, are left out.
    """
    stages = STAGES if count < len(STAGES) else STAGES + STUDIES
    return _killed(count, generator, folder, stages, _of_features)


def extraction(count: int, generator: np.random.Generator, folder: Path) -> Tally:
    """Kill the stages of films so many times, and compare all that they write."""
    return _killed(count, generator, folder, EXTRACTION, _of_films)


def _killed(
    count: int,
    generator: np.random.Generator,
    folder: Path,
    stages: Sequence[str],
    prepare: Callable[[Project], None],
) -> Tally:
    tally, stage = Tally(), ""
    runners = [_runner(folder / name, stages, prepare) for name in ("undisturbed", "killed")]
    undisturbed, killed = runners
    try:
        first = int(generator.integers(len(stages)))
        for number, stage in enumerate(stages):
            begun = time.monotonic()
            undisturbed.run(stage)
            duration = time.monotonic() - begun
            turns = (number - first) % len(stages)
            share = count // len(stages) + (turns < count % len(stages))
            for late in range(share):
                _kill(tally, killed, stage, duration, late % 2, generator)
            killed.run(stage)
        _compare(tally, undisturbed, killed)
    except AssertionError as error:
        tally.note("stages", "failed", f"{stage} failed ({error})")
    finally:
        for runner in runners:
            runner.stop()
    return tally


def _runner(folder: Path, stages: Sequence[str], prepare: Callable[[Project], None]) -> Runner:
    folder.mkdir(parents=True)
    project = Project(folder)
    prepare(project)
    project.run("python", "-m", "pipeline.keys")
    return Runner.of(project, stages)


def _of_features(project: Project) -> None:
    project.replace(**YAML().load(ONE_MODEL))
    (project.folder / "tiny.yaml").write_text(ONE_MODEL)
    (project.folder / "splits.yaml").write_text(ONE_MODEL + SPLITS)


def _of_films(project: Project) -> None:
    clips = project.folder / "clips"
    for name in ("labels", "truth"):
        (clips / name).mkdir(parents=True)
    for index in range(FILMS.clips):
        make_clip(clips, FILMS, index)
    project.params({**TINY, "corpus": {"name": "folder", "root": "clips"}})


def _kill(
    tally: Tally,
    runner: Runner,
    stage: str,
    duration: float,
    late: int,
    generator: np.random.Generator,
) -> None:
    """Kill a stage; one that ended before that moment gets work again."""
    for _ in range(6):
        # Half of the moments are late ones, when results are written.
        if runner.run(stage, seconds=duration * generator.uniform(0.6 * late, 1)):
            tally.note(stage, "killed")
            return
        command = stage.split(maxsplit=1)[0]
        runner.forget(CACHED_AS.get(command, command), generator)
    tally.note(stage, "ended before every moment")


def _compare(tally: Tally, undisturbed: Runner, killed: Runner) -> None:
    expected, given = (r.outputs("data", "reports/results") for r in (undisturbed, killed))
    for name in sorted(expected.keys() | given.keys()):
        if not _says_when(Path(name)) and expected.get(name) != given.get(name):
            tally.note("outputs", "other bytes", f"{name} is not what an undisturbed run writes")
        else:
            tally.note("outputs", "the same")
    for left in killed.project.cache.rglob("*.partial"):
        tally.note("cache", "partial", f"{left.name} is left")


def _says_when(path: Path) -> bool:
    """Whether a file says when or for how long something ran; a study's page says its minutes."""
    is_page_of_study = path.name == "index.html" and {"study", "studies"} & set(path.parts)
    return path.name in UNLIKE or bool(TIMES & set(path.parts)) or bool(is_page_of_study)
