"""A paper's own page: its tables and figures from this run, beside the paper's numbers."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure

from models.settings.presets import PRESETS
from reports.figures.style import save_figure
from reports.numbers.run_file import streams_in_use, untrained_streams
from reports.numbers.words import counted_noun, listing
from reports.page.document import document
from reports.page.pictures import Illustration, picture
from reports.papers.exhibits import Measured
from reports.papers.registry import PAPERS, Paper
from reports.tables.papers import claims_table


def paper_page(name: str, measured: Measured, units: str) -> str:
    """The page of a paper's study alone.

    Args:
        name: a row of PAPERS.
        measured: the run.
        units: what standard deviations are over, such as `20 splits`.
    """
    return document(PAPERS[name].title, "\n".join(paper_sections(name, measured, units)))


def with_sections_first(page: str, sections: list[str]) -> str:
    """A page with more sections in front of its own.

    >>> with_sections_first("<header></header><section>2</section>", ["<section>1</section>"])
    '<header></header><section>1</section><section>2</section>'
    """
    place = page.index("<section")
    return page[:place] + "\n".join(sections) + page[place:]


def paper_sections(name: str, measured: Measured, units: str) -> list[str]:
    """The sections of a paper; arguments as of `paper_page`."""
    paper = PAPERS[name]
    tables = [
        claims_table(benchmark, [(paper, claim) for claim in rows], measured, measured)
        for benchmark, rows in paper.load().items()
        if benchmark.is_of(measured.task)
    ]
    exhibits = list(paper.exhibited()(measured))
    tables += [f"<p>{escape(e.title)}</p>{e.table}" for e in exhibits if e.figure is None]
    figures = [_drawn(e.title, e.figure) for e in exhibits if e.figure is not None]
    parts = {
        "The paper again": "".join(f"<p>{sentence}</p>" for sentence in _about(paper, measured)),
        "Its tables": f"<p>± is the standard deviation over {escape(units)}.</p>" + "".join(tables),
        "Its figures, of this run": "".join(figures),
        "What differs from the paper": "<ul>"
        + "".join(f"<li>{escape(said)}</li>" for said in _differing(name, measured))
        + "</ul>",
    }
    return [f"<section><h2>{title}</h2>{part}</section>" for title, part in parts.items() if part]


def _about(paper: Paper, measured: Measured) -> Iterator[str]:
    corpus = measured.run["corpus"]
    yield escape(f"{paper.title}.")
    if corpus["name"] in paper.corpora:
        yield (
            f"<strong>The run is of {escape(corpus['name'])}, a corpus of the paper:</strong> "
            f"{counted_noun(corpus['items'], 'item')}, {corpus['seconds'] / 60:.1f} minutes."
        )
    else:
        yield (
            f"<strong>The run is of {escape(corpus['name'])}, and the paper is of "
            f"{listing(paper.corpora)}: not comparable in value.</strong>"
        )


def _differing(name: str, measured: Measured) -> Iterator[str]:
    """What differs, from what the run is made of, and what is silent."""
    paper, run = PAPERS[name], measured.run
    faces, untrained = run.get("faces"), untrained_streams(run)
    if faces:
        yield f"Faces are found by {faces['detector']}; the paper's detector is {paper.detector}."
        for stream in streams_in_use(run):
            weights = run["streams"][stream].get("weights")
            if stream in untrained:
                yield (
                    f"{stream} comes from random weights, not trained; the paper's are "
                    f"{paper.weights}. No number is comparable before they are there."
                )
            elif weights:
                yield f"{stream} has the weights of a file; the paper's are {paper.weights}."
    yield from PRESETS[name].deviations


def _drawn(title: str, figure: Figure) -> str:
    with TemporaryDirectory() as folder:
        file = save_figure(figure, Path(folder, "figure"))
        return picture(Illustration(file, alt=title, caption=title))
