"""Which corpus a model has learnt from, against the one that it is tested on."""

from collections.abc import Mapping
from html import escape
from typing import Any

from features.task import Task
from reports.numbers.schema import AUDIO_GONE, HEADLINES, INTACT, MEAN, VIDEO_GONE
from reports.numbers.summary import Summary
from reports.numbers.words import listing, target_titles
from reports.tables.conditions import headline_columns
from reports.tables.markup import scrollable, spanning, stub, td, th

ORDER = (INTACT, VIDEO_GONE, AUDIO_GONE, MEAN)

_WORDS = """<p>Models that have learnt from another corpus than the one that they are tested on
(cross-corpus) beside those that have learnt from it. A saved model keeps its own normaliser, and
nothing of it is trained here. Where one recogniser stands for every seed, there is no deviation.
{differences}</p>"""


def is_elsewhere(run: Mapping[str, Any], model: str) -> bool:
    """Whether a model has learnt from other corpora than the one that it is tested on.

    >>> is_elsewhere({"corpus": {"title": "b"}, "models": {"m": {"corpora": ["a", "b"]}}}, "m")
    True
    >>> is_elsewhere({"corpus": {"title": "b"}, "models": {"m": {"corpora": ["b"]}}}, "m")
    False
    """
    corpora = run["models"][model].get("corpora")
    return corpora is not None and corpora != [run["corpus"]["title"]]


def learnt_from(run: Mapping[str, Any], model: str) -> str:
    """The corpora that a model has learnt from, in their order.

    >>> learnt_from({"models": {"m": {"corpora": ["a", "b"]}}}, "m")
    'a, then b'
    """
    return ", then ".join(run["models"][model]["corpora"]) or "not known"


def words_of_transfer(run: Mapping[str, Any]) -> str:
    """What the table is, and in what the streams of saved models differ from these, as HTML."""
    found = [
        f"{escape(model)}: {escape(listing(described['differences']))}"
        for model, described in run["models"].items()
        if described.get("differences")
    ]
    named = f"Streams differ from those that it has learnt from: {'; '.join(found)}."
    return _WORDS.format(differences=named if found else "")


def transfer_table(summary: Summary, run: Mapping[str, Any], task: Task) -> str:
    """A row per training corpus, model and target; nothing where all have learnt from this corpus.

    Args:
        summary: of the run.
        run: `Results.run`.
        task: its targets.
    """
    if not any(is_elsewhere(run, model) for model in run["models"]):
        return ""
    tested = f"tested on {run['corpus']['title']}"
    columns = headline_columns(summary.headlines, ORDER, {})
    corner = '<th scope="col" rowspan="2" class="stub">Learnt from</th>'
    heads = "".join(th(HEADLINES[name], True) for name in ORDER)
    group = spanning([escape(tested)] * len(ORDER), [tested] * len(ORDER))
    models = sorted(run["models"], key=lambda model: learnt_from(run, model))
    targets = target_titles(task)
    rows, last = "", ""
    for model in models:
        for target, title in targets.items():
            corpus = learnt_from(run, model)
            name = " ".join(filter(None, (model, title)))
            cells = "".join(column.cell(model, target) for column in columns)
            rows += f"<tr>{stub(corpus, name, corpus != last)}{cells}</tr>"
            last = corpus
    counts = "".join(td(column.counts, column.starts) for column in columns)
    foot = f'<tr><th scope="row" class="stub">n</th>{counts}</tr>'
    return scrollable(
        f"<thead><tr>{corner}{group}</tr><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody><tfoot>{foot}</tfoot>"
    )
