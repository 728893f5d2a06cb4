"""The models of params.yaml on several splits of the speakers, and which differences stand.

`python -m pipeline.splits corpus.split.seed 0-19` draws twenty as Goncalves and Busso 2022 do;
`python -m pipeline.splits corpus.ravdess.fold 0-4` takes the five folds of Chumachenko et al. 2022.
All stages up to evaluate are run for every split, the same one for all models, in a folder of its
own under `data/splits`; what they share comes from the item cache, and a run that was killed goes
on where it was. The table goes into `reports/results/splits`, a file per setting.
"""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from features.corpora.listing import ITEMS, RESULTS, fresh, read_task
from features.errors import InputError
from models.evaluation.registry import METRICS, metrics_of
from pipeline.engine.console import console, say
from pipeline.engine.jobs import stage_errors
from pipeline.params import FILE
from pipeline.studies.runs import Stages, exclusive
from pipeline.study import prepare_workspace
from reports.numbers.means import over_seeds, per_seed
from reports.numbers.replicates import read_evaluations
from reports.numbers.schema import HEADLINES, LEVELS, MEAN, MEASURES
from reports.numbers.significance import t_tests

SETTINGS = ("corpus.split.seed", "corpus.ravdess.fold")
"""What tells splits apart."""
WORKSPACES = Path("data/splits")
TESTED = ("difference", "p", "significant", "note")
"""What the t-test says of a number."""


def main() -> None:
    """Run the models on every split."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.splits",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("setting", choices=SETTINGS, help="the setting that each split changes")
    parser.add_argument("values", type=_values, help="its values: 0-19, or 0,2,5")
    options = parser.parse_args()
    with stage_errors():
        run_splits(options.setting, options.values)


def run_splits(setting: str, values: Sequence[int]) -> None:
    """Train and evaluate every model on every split, and write and print the table.

    Raises:
        InputError: the settings are wrong, a run is in progress, two splits are the same, or a
            stage failed.
    """
    folder = WORKSPACES.resolve() / setting
    folders = {value: folder / str(value) for value in values}
    for workspace in folders.values():
        workspace.mkdir(parents=True, exist_ok=True)
    with exclusive(folder):
        params = {v: prepare_workspace(FILE, folders[v], {setting: v}) for v in values}
        for value in values:
            with Stages(folders[value], threads=params[value].execution.threads) as stages:
                stages.run("keys")
                stages.run("corpus")
        check_differ(setting, folders)
        for value in values:
            say(f"{setting} {value}")
            with Stages(folders[value], threads=params[value].execution.threads) as stages:
                stages.run_after_corpus(params[value])
    models = list(params[values[0]].models)
    reference = params[values[0]].evaluate.reference or models[0]
    table = compare_splits(folders, models, reference)
    file = fresh(RESULTS / "splits" / f"{setting}.csv")
    table.to_csv(file, index=False, float_format="%.6g")
    console.print(comparison_table(table, reference))
    say(f"wrote {file}")


def check_differ(setting: str, folders: Mapping[int, Path]) -> None:
    """Make sure that no two splits are the same, from what the corpus stage wrote in each.

    Raises:
        InputError: two are.
    """
    value_of: dict[tuple[tuple[str, str], ...], int] = {}
    for value, folder in folders.items():
        items = pd.read_parquet(folder / ITEMS, columns=["item", "split"])
        split = tuple(items.itertuples(index=False, name=None))
        if split in value_of:
            raise InputError(
                f"{setting} {value} splits the corpus as {value_of[split]} does",
                "leave one of them out, or take the setting that splits this corpus",
            )
        value_of[split] = value


def compare_splits(
    folders: Mapping[int, Path], models: Sequence[str], reference: str
) -> pd.DataFrame:
    """Every model's numbers over the splits, and whether they are better than the reference's.

    Args:
        folders: of each split, in which its stages ran; several seeds of one count as their mean.
        models: names of the models.
        reference: the one that the others are compared with.

    Returns:
        One row per metric, model, target and measure: `value` and `sd` over the splits, their
        number `n`; and of the one-tailed matched-pair t-test (Goncalves and Busso 2022, section
        4.4) `difference`, `p`, `significant` and `note`, NaN for the reference and for a metric of
        which less is better.

    Raises:
        InputError: a result file is missing or malformed.
    """
    first, *_ = folders.values()
    with chdir(first):
        metrics = metrics_of(read_task())
    challengers = [model for model in models if model != reference]
    evaluations = {
        split: read_evaluations(folder / RESULTS / "evaluation", models, metrics)
        for split, folder in folders.items()
    }
    tables = []
    for metric in metrics:
        values = _by_split(evaluations, metric)
        table = over_seeds(values, "headline")
        if not METRICS[metric].lower_is_better:
            rows = t_tests(values, challengers, reference, unit="split")
            tests = pd.DataFrame(rows, columns=["model", "target", "measure", *TESTED])
            tests = tests.rename(columns={"measure": "headline"})
            table = table.merge(tests, "left", ["model", "target", "headline"])
        tables.append(table.assign(metric=metric))
    result = pd.concat(tables).rename(columns={"headline": "measure"})
    result = result[result["measure"].isin(MEASURES)]
    return result[["metric", "model", "target", "measure", "value", "sd", "n", *TESTED]]


def _by_split(evaluations: Mapping[int, pd.DataFrame], metric: str) -> pd.DataFrame:
    """The table of `per_seed`, with splits in place of seeds."""
    tables = []
    for split, evaluation in evaluations.items():
        values = per_seed(evaluation, metric)
        means = values.groupby(["model", "target", "headline"], sort=False)["value"].mean()
        tables.append(means.reset_index().assign(seed=split))
    return pd.concat(tables, ignore_index=True)


def comparison_table(table: pd.DataFrame, reference: str) -> Table:
    """The primary metric as a table to print: mean ± sd, a star where the test says better.

    Args:
        table: what `compare_splits` returned.
        reference: the model that the others were compared with.
    """
    metric = table["metric"].iloc[0]
    overall = table[(table["metric"] == metric) & (table["target"] == _overall(table))]
    printed = Table(
        title=f"{METRICS[metric].title}, mean ± sd of {overall['n'].max()} splits",
        caption=f"* better than {reference}, one-tailed matched-pair t-test over the splits, "
        f"p < {LEVELS['t']}",
    )
    printed.add_column("model")
    for measure in MEASURES:
        printed.add_column(HEADLINES[measure], justify="right")
    for model, rows in overall.groupby("model", sort=False):
        cells = {row.measure: row for row in rows.itertuples()}
        printed.add_row(str(model), *(_cell(cells[m]) if m in cells else "" for m in MEASURES))
    return printed


def _overall(table: pd.DataFrame) -> str:
    """The target that stands for all."""
    targets = list(table["target"].unique())
    return MEAN if MEAN in targets else targets[0]


def _cell(row: Any) -> str:
    star = "*" if row.significant == 1 else ""
    return f"{row.value:.3f} ± {row.sd:.3f}{star}"


def _values(text: str) -> list[int]:
    """`0-4` or `0,2,5` as numbers."""
    first, to, last = text.partition("-")
    try:
        values = list(range(int(first), int(last) + 1)) if to else [*map(int, text.split(","))]
    except ValueError:
        values = []
    if len(set(values)) < 2 or len(set(values)) < len(values):
        raise argparse.ArgumentTypeError(
            f"{text!r} should be two values or more, such as 0-19 or 0,2,5"
        )
    return values


if __name__ == "__main__":
    main()
