"""Several splits of the speakers: the same for all models, and which differences stand."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from rich.table import Table

from features.corpora.listing import ITEMS
from features.errors import InputError
from models.evaluation.registry import METRICS
from pipeline.studies.tables import SPLIT
from reports.numbers.means import over_seeds, per_seed
from reports.numbers.schema import HEADLINES, LEVELS, MEAN, MEASURES
from reports.numbers.significance import Rivals, t_tests
from reports.numbers.words import listing

TESTED = ("difference", "p", "p_worse", "p_adjusted", "significant", "note")
"""What the t-test says of a number."""


def check_differ(setting: str, folders: Mapping[int, Path]) -> None:
    """Make sure that no two splits are the same, from what the corpus stage wrote in each.

    They are where the same items, of the same content, are in the same parts.

    Raises:
        InputError: two are.
    """
    value_of: dict[tuple[tuple[str, str, str], ...], int] = {}
    for value, folder in folders.items():
        items = pd.read_parquet(folder / ITEMS, columns=["item", "split", "sha256"])
        split = tuple(items.itertuples(index=False, name=None))
        if split in value_of:
            raise InputError(
                f"{setting} {value} splits the corpus as {value_of[split]} does",
                "leave one of them out, or take the setting that splits this corpus",
            )
        value_of[split] = value


def compare_splits(results: pd.DataFrame, metrics: Sequence[str], rivals: Rivals) -> pd.DataFrame:
    """Every model's numbers over the splits, and whether they are better than its rivals'.

    Args:
        results: of all splits (`tables.with_numbers`); several seeds of one count as their mean.
        metrics: its columns to take, the primary one first.
        rivals: whom each model is compared with.

    Returns:
        One row per metric, model, rival (`reference`), target and measure: `value` and `sd` over
        the splits, their number `n`; and of the one-tailed matched-pair t-test (Goncalves and Busso
        2022, section 4.4) what TESTED names, NaN for a model without a rival and for a metric of
        which less is better.
    """
    results = results[(results["asked"] == 1) & (results["causal"] == 0)]
    pairs = [(m, rival) for m in results["model"].unique() for rival in rivals.get(m, ())]
    tables = []
    for metric in metrics:
        values = _by_split(results, metric)
        table = over_seeds(values, "headline")
        if not METRICS[metric].lower_is_better:
            rows = t_tests(values, pairs, unit="split")
            names = ["model", "target", "measure", "reference", *TESTED]
            tests = pd.DataFrame(rows, columns=names)
            tests = tests.rename(columns={"measure": "headline"})
            table = table.merge(tests, "left", ["model", "target", "headline"])
        tables.append(table.assign(metric=metric))
    result = pd.concat(tables).rename(columns={"headline": "measure"})
    result = result[result["measure"].isin(MEASURES)]
    numbers = ["value", "sd", "n", "reference", *TESTED]
    return result.reindex(columns=["metric", "model", "target", "measure", *numbers])


def _by_split(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The table of `per_seed`, with splits in place of seeds."""
    tables = []
    for split, evaluation in results.groupby(SPLIT, sort=False):
        values = per_seed(evaluation, metric)
        means = values.groupby(["model", "target", "headline"], sort=False)["value"].mean()
        tables.append(means.reset_index().assign(seed=split))
    return pd.concat(tables, ignore_index=True)


def comparison_table(table: pd.DataFrame) -> Table:
    """The primary metric as a table to print: mean ± sd, a star where it is better than its rivals.

    Args:
        table: what `compare_splits` returned.
    """
    metric = table["metric"].iloc[0]
    overall = table[(table["metric"] == metric) & (table["target"] == _overall(table))]
    rivals = list(overall["reference"].dropna().unique())
    printed = Table(
        title=f"{METRICS[metric].title}, mean ± sd of {overall['n'].max()} splits",
        caption=f"* better than {listing(rivals)}, one-tailed matched-pair t-test over the splits, "
        f"p < {LEVELS['t']} (Holm)"
        if rivals
        else "no model is tested against another: evaluate.reference names none",
    )
    printed.add_column("model")
    for measure in MEASURES:
        printed.add_column(HEADLINES[measure], justify="right")
    for model, rows in overall.groupby("model", sort=False):
        cells = dict(list(rows.groupby("measure")))
        printed.add_row(str(model), *(_cell(cells[m]) if m in cells else "" for m in MEASURES))
    return printed


def _overall(table: pd.DataFrame) -> str:
    """The target that stands for all."""
    targets = list(table["target"].unique())
    return MEAN if MEAN in targets else targets[0]


def _cell(rows: pd.DataFrame) -> str:
    """A number, whose rows differ in the rival alone."""
    row = rows.iloc[0]
    star = "*" if (rows["significant"] == 1).all() else ""
    return f"{row['value']:.3f} ± {row['sd']:.3f}{star}"
