"""A paper's study as its file has it, with less of everything that takes time."""

import importlib
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline.params import read_settings
from pipeline.studies.runs import Stages
from pipeline.studies.settings import StudySettings
from pipeline.study import file_of

CROP = 96


def small_study(name: str, folder: Path) -> Path:
    """Write the file of a study with all its models and statistics, at tiny sizes.

    Every model has one epoch, and where the file sets no size a layer as narrow as heads allow.
    There are two splits, or one seed; small crops; and of every loss its most and its least, and
    one between them.

    Args:
        name: of the study.
        folder: where to.

    Returns:
        The file, `<name>.yaml` in that folder.
    """
    _, study = read_settings(file_of(name), StudySettings)
    settings: dict[str, Any] = YAML(typ="safe").load(file_of(name))
    if "faces" in settings:
        settings["faces"] |= {"size": CROP, "working_height": 120}
        settings["streams"]["fc6"] |= {"input_size": CROP, "precision": "fp32"}
    if "splits" in settings:
        settings["splits"]["values"] = settings["splits"]["values"][:2]
    else:
        settings["train"]["seeds"] = settings["train"]["seeds"][:1]
    for model, section in settings["models"].items():
        heads = study.resolved(model).size.heads
        # What the file says of a model's size may be what a paper tells it by.
        section["size"] = {"dim": 2 * heads, "layers": 1} | section.get("size", {})
        if study.models[model].network != "affwildnet":
            section["size"].setdefault("ffn", 4)
        section["train"] = {"epochs": 1}
    evaluate = settings["evaluate"]
    evaluate["trials"] = 1
    for grid in evaluate["conditions"]:
        p = grid["p"]
        grid["p"] = sorted({p[0], p[len(p) // 2], p[-1]}, reverse=True)
    settings["execution"] = {"workers": 1}  # this process
    settings["train"]["precision"] = "fp32"
    file = folder / f"{name}.yaml"
    YAML().dump(settings, file)
    return file


def stages_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stages of studies run in this process, which imports what they need once."""

    def run(self: Stages, stage: str, *arguments: str) -> None:
        with chdir(self._workspace), monkeypatch.context() as context:
            context.setattr(sys, "argv", [stage, *arguments])
            importlib.import_module(f"pipeline.{stage}").main()

    monkeypatch.setattr(Stages, "run", run)
