"""The first picture of the page: models × the conditions of every evaluation, shaded."""

from html import escape

import pandas as pd

from reports.numbers.named import ALL_NAMED, TITLES, by_robustness
from reports.numbers.results import Results
from reports.numbers.summary import Summary
from reports.numbers.words import capitalised, counted_noun, two
from reports.tables.markup import scrollable, shade, shades_of

ROWS = 10
"""Models that are shown, at most."""


def heat_table(results: Results, summary: Summary) -> str:
    """A row per model, the highest mean first; nothing where no named condition was evaluated.

    Args:
        results: the run.
        summary: of the run.
    """
    table = summary.named
    if table.empty:
        return ""
    values = table.pivot(index="model", columns="title", values="value")
    columns = [name for name in (ALL_NAMED, *TITLES) if name in values]
    shades = shades_of(table["value"].dropna())
    rows = "".join(
        f'<tr><th scope="row" class="stub">{escape(model).replace("_", "_<wbr>")}</th>'
        + "".join(_cell(values, model, name, shades) for name in columns)
        + "</tr>"
        for model in shown(results, summary)
    )
    return scrollable(f"{_head(columns)}<tbody>{rows}</tbody>", "Models and conditions", "heat")


def shown(results: Results, summary: Summary) -> list[str]:
    """The models of the picture: the highest, and those that matter, of very many."""
    ordered = by_robustness(summary.named, results.models)
    if len(ordered) <= ROWS:
        return ordered
    others = [model for model in ordered if model not in summary.focus]
    chosen = {*summary.focus, *others[: ROWS - len(summary.focus)]}
    return [model for model in ordered if model in chosen]


def words_of_heat(results: Results, summary: Summary) -> str:
    """What the picture shows, and of how many, in a sentence or two."""
    left = len(results.models) - len(shown(results, summary))
    n = results.named["n"].max()
    unit = "frames" if results.task.level == "frame" else "sequences"
    more = f" {capitalised(counted_noun(left, 'model'))} more in the tables below." if left else ""
    return (
        f"Means over {counted_noun(len(results.seeds), 'seed')}; n = {n:,} {unit}. "
        f"The stronger the colour, the more is kept.{more}"
    )


def _head(columns: list[str]) -> str:
    """Two rows of headings: what loses, and how."""
    groups = {"Picture lost": [], "Sound lost": []}  # type: dict[str, list[str]]
    single = ""
    for name in columns:
        condition = TITLES.get(name)
        if condition is None or condition.p == 0:
            title = "Mean" if condition is None else name
            single += f'<th scope="col" rowspan="2">{title}</th>'
        else:
            of, way = name.split(" ", 1)
            groups[f"{of} lost"].append(way)
    spans = "".join(
        f'<th scope="colgroup" colspan="{len(ways)}" class="start">{title}</th>'
        for title, ways in groups.items()
        if ways
    )
    second = "".join(
        f'<th scope="col"{" class=start" if i == 0 else ""}>{way}</th>'
        for ways in groups.values()
        for i, way in enumerate(ways)
    )
    corner = '<th scope="col" rowspan="2" class="stub">Model</th>'
    return f"<thead><tr>{corner}{single}{spans}</tr><tr>{second}</tr></thead>"


def _cell(values: pd.DataFrame, model: str, name: str, shades: tuple[float, float]) -> str:
    value = values[name].get(model)
    if value is None or pd.isna(value):
        return "<td>–</td>"
    text = two(value)
    return f"<td{shade(value, *shades)}>{f'<b>{text}</b>' if name == ALL_NAMED else text}</td>"
