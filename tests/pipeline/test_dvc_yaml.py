"""Every stage of dvc.yaml depends on all that it reads, and its code is in one key file."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from features.tables import locate
from pipeline.keys import stages_of
from pipeline.params import Params, load_params
from tests.helpers.project import ROOT, Project
from tests.helpers.reads import reads_of

STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
STORES = {
    "data/corpus/demo": {"data/corpus/items.parquet"},
    "data/faces.zarr": {"data/sources", "data/sources/video"},
    "data/streams": {"data/contents", "data/inputs"},
    "data/windows.zarr": {"data/inputs"},
}
"""What is too big for DVC to walk before every stage, and the small files that change with it."""


def places(stage: str, part: str) -> set[str]:
    """Paths of a stage's deps or outs; those of all names where it has one."""
    entries = STAGES[stage].get("do", STAGES[stage]).get(part, [])
    paths = [path if isinstance(path, str) else next(iter(path)) for path in entries]
    return {re.sub(r"/?\$\{.*", "", path) for path in paths}


def is_below(path: str, places: set[str]) -> bool:
    return any(Path(path).is_relative_to(place) for place in places if place)


@pytest.mark.parametrize("stage", sorted(STAGES.keys() - {"keys"}))
def test_the_only_code_that_a_stage_depends_on_is_its_key_file(stage: str) -> None:
    entry = STAGES[stage].get("do", STAGES[stage])
    name = "/${key}" if "foreach" in STAGES[stage] else ""
    assert [dep for dep in entry["deps"] if dep.startswith("data/keys")] == [
        f"data/keys/{stage}{name}"
    ]
    code = [dep for dep in entry["deps"] if dep.endswith(".py") or (ROOT / dep).is_dir()]
    assert [dep for dep in code if not dep.startswith(("data", "reports/results"))] == []
    assert entry["cmd"] == f"python -m pipeline.{stage}{name.replace('/', ' ')}"


def test_the_stage_keys_depends_on_all_code_and_all_settings_of_results() -> None:
    params = load_params(ROOT / "params.yaml")
    stages = stages_of(params)
    deps = places("keys", "deps")
    lines = {line for stage in stages.values() for line in stage.lines()}
    modules = {line.split()[1].partition("/")[0] for line in lines if line.startswith("code ")}
    files = {locate(module) for module in modules}
    outside = {file for file in files if not is_below(str(file.relative_to(ROOT)), deps)}
    assert outside == set()
    assert {"extensions", "requirements.lock"} <= deps
    assert set(STAGES["keys"]["params"]) == Params.model_fields.keys() - {"execution"}


def test_every_stage_and_every_name_has_a_key_file(finished: Project) -> None:
    params = load_params(finished.folder / "params.yaml")
    written = (finished.folder / "data/keys").rglob("*")
    files = {
        f.relative_to(finished.folder / "data/keys").as_posix() for f in written if f.is_file()
    }
    single = {stage for stage in STAGES if "foreach" not in STAGES[stage]} - {"keys"}
    named = {f"extract/{name}" for name in params.streams}
    named |= {f"{stage}/{name}" for stage in ("train", "evaluate") for name in params.models}
    assert files == single | named


MEASURED = "data/latency/"
"""Times of this machine, which `pipeline.latency` writes when it is asked to: no output of DVC."""


def test_every_file_that_a_stage_reads_is_a_dep(finished: Project) -> None:
    reads = reads_of(finished.reads, finished.folder)
    assert {run.partition("@")[0] for run in reads} == set(STAGES)
    for run, paths in reads.items():
        stage = run.partition("@")[0]
        deps, outs = places(stage, "deps"), places(stage, "outs") | places(stage, "plots")
        missing = set()
        for path in paths:
            if not path.startswith(("data/", "reports/results/")) or is_below(path, outs | deps):
                continue
            if path.startswith(MEASURED):
                continue
            stores = [store for store in STORES if Path(path).is_relative_to(store)]
            if not any(STORES[store] & deps for store in stores):
                missing.add(path)
        assert missing == set(), run
