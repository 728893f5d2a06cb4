"""Which corpus a model has learnt from, against the one that it is tested on."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from features.task import Task
from reports.numbers.elsewhere import OnCorpus
from reports.numbers.schema import AUDIO_GONE, HEADLINES, INTACT, MEAN, VIDEO_GONE
from reports.numbers.summary import Summary
from reports.numbers.words import listing, target_titles
from reports.tables.conditions import headline_columns
from reports.tables.markup import decimals, scrollable, spanning, stub, td, th

ORDER = (INTACT, VIDEO_GONE, AUDIO_GONE, MEAN)

_WORDS = """<p>Models that have learnt from another corpus than the one that they are tested on
(cross-corpus) beside those that have learnt from it. A saved model keeps its own normaliser, and
nothing of it is trained here. Where one recogniser stands for every seed, there is no deviation.
{differences}</p>"""

ACROSS = """<p>The same recognisers tested on several corpora: on this one by this run, on the
others by the runs whose results lie in the folder <code>elsewhere</code>. A row that has learnt
from the corpus of a column is tested there on other speakers of that corpus.</p>"""


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


def across_table(tested: Sequence[OnCorpus], task: Task) -> str:
    """Training corpora (rows) against tested corpora (columns), by recogniser and target.

    Args:
        tested: what models are worth on each corpus; those on one alone are left out.
        task: their targets.

    Returns:
        HTML; nothing where no recogniser was tested on several corpora.
    """
    found: dict[tuple[str, ...], dict[str, OnCorpus]] = {}
    for one in tested:
        found.setdefault(one.weights, {}).setdefault(one.corpus, one)
    several = [by_corpus for by_corpus in found.values() if len(by_corpus) > 1]
    if not several:
        return ""
    corpora = sorted({corpus for by_corpus in several for corpus in by_corpus})
    titles = [f"tested on {corpus}" for corpus in corpora for _ in ORDER]
    group = spanning([escape(title) for title in titles], titles)
    heads = "".join(th(HEADLINES[name], i == 0) for _ in corpora for i, name in enumerate(ORDER))
    rows, last = "", ""
    for by_corpus in sorted(several, key=lambda each: next(iter(each.values())).learnt):
        learnt = ", then ".join(next(iter(by_corpus.values())).learnt)
        names = ", ".join(dict.fromkeys(one.model for one in by_corpus.values()))
        for target, title in target_titles(task).items():
            cells = "".join(
                td(_number(by_corpus.get(corpus), target, name), i == 0)
                for corpus in corpora
                for i, name in enumerate(ORDER)
            )
            what = " ".join(filter(None, (names, title)))
            rows += f"<tr>{stub(learnt, what, learnt != last)}{cells}</tr>"
            last = learnt
    corner = '<th scope="col" rowspan="2" class="stub">Learnt from</th>'
    head = f"<thead><tr>{corner}{group}</tr><tr>{heads}</tr></thead>"
    return scrollable(f"{head}<tbody>{rows}</tbody>")


def _number(one: OnCorpus | None, target: str, name: str) -> str:
    value = None if one is None else one.values.get(target, {}).get(name)
    return "–" if value is None else decimals(value)
