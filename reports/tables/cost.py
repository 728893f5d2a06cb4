"""What models cost beside how robust they are: which one to deploy."""

import math
from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from features.task import Task
from reports.numbers.schema import HEADLINES, MEAN
from reports.numbers.summary import Summary
from reports.numbers.words import overall_target
from reports.tables.markup import NumberColumn, header, measures_of, scrollable, stub, td, th

_COUNTED = """<p>Parameters are the numbers that were learnt. MFLOP are millions of floating-point
operations of the network for a second of what it recognises, a multiplication and an addition each,
counted in one pass over {clip}; extractors are not counted.{single}</p>"""

_SINGLE = " A dash: one vector stands for an item, whose length is not known."

_MEASURED = """<p>Measured on this machine by <code>python -m pipeline.latency</code>: milliseconds
of the network a frame in live recognition (half of the frames take no longer, 95 % no longer), and
the seconds of work for a second of a clip of all parts together, faces and extractors included;
below 1 a model keeps up. {machines}. No other number here depends on it.</p>"""

_NOT_MEASURED = """<p>How long they take on this machine is not known:
<code>python -m pipeline.latency CLIP --model NAME</code> measures it, and
<code>dvc repro --single-item --force summarise</code> brings it here.</p>"""


def words_of_cost(cost: pd.DataFrame, latency: Mapping[str, Mapping[str, Any]]) -> str:
    """What the columns mean, as HTML.

    Args:
        cost: `Results.cost`.
        latency: what was measured of models, by name.
    """
    single = _SINGLE if cost["flop_per_second"].isna().any() else ""
    text = _COUNTED.format(clip=_clip(cost), single=single)
    if not latency:
        return text + _NOT_MEASURED
    machines = dict.fromkeys(
        f"{m['machine']} ({m['processor']}, {m['device']}), {m['date']}" for m in latency.values()
    )
    return text + _MEASURED.format(machines=escape("; ".join(machines)))


def cost_table(
    summary: Summary, cost: pd.DataFrame, latency: Mapping[str, Mapping[str, Any]], task: Task
) -> str:
    """A row per model, the most robust first.

    Args:
        summary: of the run.
        cost: `Results.cost`; all seeds of a model have the same.
        latency: what was measured of models, by name.
        task: its targets.
    """
    target = overall_target(task)
    headlines = summary.headlines
    of_area = headlines[(headlines["headline"] == MEAN) & (headlines["target"] == target)]
    area = NumberColumn(measures_of(of_area), starts=True)
    costs = cost.groupby("model")[["parameters", "flop_per_second"]].max()
    titles = [HEADLINES[MEAN], "Parameters", "MFLOP a second"]
    titles += ["ms a frame", "95 %", "seconds a second"] if latency else []
    body = ""
    for model in summary.ranking:
        parameters, flop = map(float, costs.loc[model])
        cells = [f"{parameters:,.0f}", "–" if math.isnan(flop) else f"{flop / 1e6:,.2f}"]
        cells += _times(latency.get(model)) if latency else []
        row = area.cell(model, target) + "".join(td(text, False) for text in cells)
        body += f"<tr>{stub(model, '', True)}{row}</tr>"
    head = "".join(th(title, i == 0) for i, title in enumerate(titles))
    return scrollable(f"{header([head])}<tbody>{body}</tbody>")


def _times(measured: Mapping[str, Any] | None) -> list[str]:
    if measured is None:
        return ["–"] * 3
    per_frame, parts = measured["ms_per_frame"], measured["real_time_factor"]
    return [
        f"{per_frame['p50']:.2f}",
        f"{per_frame['p95']:.2f}",
        f"{sum(parts.values()):.2f}",
    ]


def _clip(cost: pd.DataFrame) -> str:
    """The clips that operations were counted on, in words.

    >>> columns = ["seconds", "audio_steps", "video_steps"]
    >>> _clip(pd.DataFrame([(4.0, 0, 100), (4.0, 120, 100)], columns=columns))
    'a clip of 4 s (30 steps of sound and 25 of picture a second)'
    """
    seconds = cost["seconds"].max()
    if pd.isna(seconds):
        return "one vector of each modality"
    steps = {
        name: cost[f"{modality}_steps"].max() / seconds
        for modality, name in (("audio", "sound"), ("video", "picture"))
    }
    rates = " and ".join(
        f"{rate:.3g}{' steps' if i == 0 else ''} of {name}"
        for i, (name, rate) in enumerate((n, r) for n, r in steps.items() if r)
    )
    return f"a clip of {seconds:.3g} s ({rates} a second)"
