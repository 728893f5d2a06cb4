"""What the models are: networks, what they cost, and in what they differ from their papers."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from models.networks.registry import NETWORKS
from models.settings.presets import PRESETS
from reports.numbers.words import title_in
from reports.tables.markup import header, scrollable, stub, td, th


def models_table(run: Mapping[str, Any], models: Sequence[str]) -> str:
    """A row for each model.

    Args:
        run: the content of `run.json`.
        models: names of the models.
    """
    described = run["models"]
    timed = any("minutes" in described[model] for model in models if model in described)
    heads = ["network", "parameters", *(["minutes"] if timed else []), "paper, and what differs"]
    head = "".join(th(name, place > 0) for place, name in enumerate(heads))
    body = "".join(_row(model, described[model], timed=timed) for model in models)
    return scrollable(f"{header([head])}<tbody>{body}</tbody>")


def _row(name: str, model: Mapping[str, Any], *, timed: bool) -> str:
    parameters = model.get("parameters", 0)
    cells = [
        td(escape(title_in(NETWORKS, model["network"])), False),
        td(f"{parameters:,}" if parameters else "–", True),
    ]
    if timed:
        cells.append(td(f"{model['minutes']:.1f}" if "minutes" in model else "–", True))
    cells.append(f'<td class="words start">{_deviations(model.get("preset"))}</td>')
    return f"<tr>{stub(name, '', True)}{''.join(cells)}</tr>"


def _deviations(preset: str | None) -> str:
    """The title of a preset and its deviations, folded away."""
    if preset is None or preset not in PRESETS:
        return "–"
    title = escape(title_in(PRESETS, preset))
    sentences = "".join(f"<li>{escape(said)}</li>" for said in PRESETS[preset].deviations)
    if not sentences:
        return title
    return f"<details><summary>{title}</summary><ul>{sentences}</ul></details>"
