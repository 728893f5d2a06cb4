"""The page of a paper's study."""

from contextlib import chdir
from pathlib import Path

import pandas as pd

from features.corpora.listing import RESULTS, read_task
from features.task import Task
from models.evaluation.registry import metrics_of
from pipeline.params import Params
from pipeline.studies.tables import SPLIT
from pipeline.summarise import describe_run
from reports.numbers.results import parameters_of
from reports.numbers.splits import splits_as_seeds
from reports.page.paper import paper_page, paper_sections, with_sections_first
from reports.papers.exhibits import Measured
from reports.papers.registry import PAPERS, Paper


def publish_paper(
    name: str, workspace: Path, params: Params, results: pd.DataFrame, page: Path
) -> None:
    """Put a paper's sections in front of a study's page; where there is none, they are the page.

    Args:
        name: of the paper, a row of PAPERS.
        workspace: of the study, or of its first split.
        params: settings there.
        results: of all splits (`tables.with_numbers`).
        page: the file.
    """
    with chdir(workspace):
        sizes = parameters_of(RESULTS, list(params.models), params.train.seeds)
        task, run = read_task(), describe_run(params, sizes)
    for model, count in counted_as_in(PAPERS[name], params).items():
        run["models"][model]["counted"] = count
    evaluation = splits_as_seeds(results, metrics_of(task))
    measured = Measured(run, list(params.models), task, evaluation)
    splits, seeds = results[SPLIT].nunique(), len(params.train.seeds)
    units = f"{splits} splits" if splits > 1 else f"{seeds} seeds"
    if page.exists():
        html = page.read_text(encoding="utf-8")
        html = with_sections_first(html, paper_sections(name, measured, units))
    else:
        html = paper_page(name, measured, units)
    page.write_text(html, encoding="utf-8")


def counted_as_in(paper: Paper, params: Params) -> dict[str, int]:
    """Parameters of each model at the classes and streams of a paper that counts its own."""
    import torch

    from models.networks.build import build

    if not paper.counted:
        return {}
    counts = dict(paper.counted)
    outputs = tuple(str(number) for number in range(counts.pop("outputs")))
    task = Task(kind="classification", level="sequence", outputs=outputs)
    found = {}
    for name, model in params.models.items():
        resolved = params.resolved(name)
        features = {modality: counts[modality] for modality in params.seen(name)}
        with torch.device("meta"):
            network = build(model, features, resolved.size, task, resolved.options)
        found[name] = sum(parameter.numel() for parameter in network.parameters())
    return found
