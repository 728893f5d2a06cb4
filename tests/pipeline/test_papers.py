"""The papers' studies: what their files say, and that their models learn."""

import dataclasses
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from features.errors import InputError
from features.task import Task
from models.evaluation.conditions import all_conditions
from models.evaluation.registry import metrics_of
from models.networks.build import build
from models.networks.recogniser import Recogniser
from models.settings import NetworkSize, TrainSettings
from models.training.losses import total_loss
from models.training.optimisation import Optimisation
from pipeline.params import read_settings
from pipeline.studies import paper
from pipeline.studies.settings import StudySettings
from pipeline.study import check_corpus, file_of, prepare_workspace
from reports.numbers.splits import splits_as_seeds
from reports.papers.exhibits import Measured
from reports.papers.registry import PAPERS
from tests.helpers.network_cases import FEATURES, TASKS, labelled_batch, masks_of

STUDIES = {
    "parthasarathy2020": (6, 30, "frames"),
    "parthasarathy2021": (8, 22, "frames"),
    "goncalves2022_cremad": (28, 22, "classes"),
    "goncalves2022_msp_improv": (18, 22, "classes"),
    "chumachenko2022_ravdess": (27, 6, "classes"),
    "chumachenko2022_cmu_mosei": (42, 6, "sentiment"),
}
"""Models, conditions and the task of each."""


def settings_of(name: str) -> StudySettings:
    return read_settings(file_of(name), StudySettings)[1]


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_of_its_paper(name: str) -> None:
    study, (models, conditions, _) = settings_of(name), STUDIES[name]
    assert study.paper is not None
    assert name.startswith(study.paper)
    assert study.corpus.name in PAPERS[study.paper].corpora
    assert len(study.models) == models
    grids = study.evaluate.conditions
    assert sum(len(grid.p) * len(grid.modality) for grid in grids) == conditions
    assert study.evaluate.rivals(study.models).keys() <= study.models.keys()


def test_a_corpus_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    study = settings_of("goncalves2022_cremad")
    with pytest.raises(InputError, match="no such folder; say where cremad is: --root FOLDER"):
        check_corpus(study, None)
    check_corpus(study, tmp_path)


def test_the_root_of_the_command_line_goes_over_that_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    changes = {"corpus.split.seed": 7, "corpus.root": str(tmp_path)}
    params = prepare_workspace(file_of("goncalves2022_cremad"), tmp_path, changes)
    assert (params.corpus.root, params.corpus.split.seed) == (str(tmp_path), 7)
    assert params.corpus.split.test == 0.15


def forms(study: StudySettings) -> dict[str, str]:
    """A model of each network with other options, streams or training, by what tells it apart."""
    found: dict[str, str] = {}
    for name, model in study.models.items():
        resolved = study.resolved(name)
        kind = (model.network, resolved.options, resolved.train.optimizer, *study.seen(name))
        found.setdefault(str(kind), name)
    return found


@pytest.mark.parametrize("name", STUDIES)
def test_its_models_take_two_steps(name: str) -> None:
    study, task = settings_of(name), STUDIES[name][2]
    for model in forms(study).values():
        resolved, seen = study.resolved(model), study.seen(model)
        heads = resolved.size.heads
        size = NetworkSize(dim=4 * heads, heads=heads, ffn=8, layers=1, dropout=0.0)
        torch.manual_seed(0)
        features = {modality: FEATURES[modality] for modality in seen}
        network = build(study.models[model], features, size, TASKS[task], resolved.options)
        losses = steps(network, task, resolved.train)
        assert losses[0] != losses[1], model


def steps(network: Recogniser, task: str, train: TrainSettings) -> list[float]:
    """The losses before each of two steps."""
    batch, losses = labelled_batch(task), []
    optimisation = Optimisation(network, train)
    given = (batch.inputs(), masks_of(batch.mask), batch.received())
    seen = [{m: values[m] for m in network.modalities} for values in given]
    for _ in range(2):
        optimisation.optimizers[0].zero_grad()
        loss = total_loss(network, TASKS[task], network(*seen), batch, ccc=train.ccc)
        loss.backward()
        optimisation.optimizers[0].step()
        losses.append(loss.item())
    assert np.isfinite(losses).all()
    return losses


def results_of(study: StudySettings, task: Task) -> pd.DataFrame:
    """Made-up results of a study, of two splits or seeds."""
    rng = np.random.default_rng(0)
    conditions = [c for c in all_conditions(study.evaluate) if c.unit == "window"]
    rows = [
        {
            "model": model,
            "seed": 0,
            "split": str(split),
            **dataclasses.asdict(condition),
            **{"asked": 1, "causal": 0, "subset": "all", "trial": 0, "target": target, "n": 9},
        }
        for model in study.models
        for split in range(2)
        for condition in conditions
        for target in task.targets
    ]
    table = pd.DataFrame(rows)
    return table.assign(**{m: rng.random(len(rows)) for m in metrics_of(task)})


EXHIBITS = {
    "parthasarathy2020": ["Figure 3", "Figure 4"],
    "parthasarathy2021": ["Figure 4"],
    "goncalves2022_cremad": [f"Figure {n}" for n in (3, 4, 4, 4, 5, 6, 7, 8)] + ["Table 5"],
    "chumachenko2022_cmu_mosei": [],
}


@pytest.mark.parametrize("name", EXHIBITS)
def test_a_page_has_the_papers_numbers_beside_the_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, task = settings_of(name), TASKS[STUDIES[name][2]]
    task = Task.model_validate(task.model_dump())
    results = results_of(study, task)
    described = {
        model: settings.model_dump()
        | {
            "size": study.resolved(model).size.model_dump(),
            "options": study.resolved(model).options.model_dump(),
            "train": study.resolved(model).train.model_dump(),
            "parameters": 7,
        }
        for model, settings in study.models.items()
    }
    run = {
        "corpus": {"name": study.corpus.name, "items": 4, "seconds": 60.0},
        "faces": {"detector": "hog"},
        "streams": {key: stream.model_dump() for key, stream in study.streams.items()},
        "models": described,
    }
    evaluation = splits_as_seeds(results, metrics_of(task))
    assert study.paper is not None
    measured = Measured(run, list(study.models), task, evaluation)
    drawn = [e.title.split(":")[0] for e in PAPERS[study.paper].exhibited()(measured)]
    assert drawn == EXHIBITS[name]
    monkeypatch.setattr(paper, "describe_run", lambda *_: run)
    monkeypatch.setattr(paper, "parameters_of", lambda *_: {})
    monkeypatch.setattr(paper, "read_task", lambda: task)
    page = tmp_path / "index.html"
    if not study.splits:  # the page of stage summarise
        page.write_text("<header></header><section>Of the run</section>")
    paper.publish_paper(study.paper, tmp_path, study, results, page)
    html = " ".join(page.read_text().split())
    if not study.splits:
        assert html.index("The paper again") < html.index("Of the run")
    assert f"The run is of {study.corpus.name}, a corpus of the paper" in html
    assert html.count("<figure>") == sum(title.startswith("Figure") for title in drawn)
    for benchmark, claims in PAPERS[study.paper].load().items():
        if benchmark.is_of(task):
            assert all(escape(claim.model) in html for claim in claims)
    # One cell of a table by a plain loop.
    model = next(iter(study.models))
    metric = metrics_of(task)[0] if name != "chumachenko2022_cmu_mosei" else "mae"
    cells = results.query(f"model == '{model}' and p == 0 and target == '{task.targets[0]}'")
    means = [part[metric].mean() for _, part in cells.groupby("split")]
    assert f"{np.mean(means):.3f} <small>± {np.std(means, ddof=1):.3f}</small>" in html
