"""A paper's own page: its tables and figures from this run, beside the paper's numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure

from features.corpora.registry import CORPORA
from models.settings.presets import PRESETS
from reports.figures.style import save_figure
from reports.numbers.run_file import streams_in_use, untrained_streams
from reports.numbers.words import counted_noun, listing, title_in
from reports.page.document import document
from reports.page.page import headed, links_to
from reports.page.pictures import Illustration, picture
from reports.papers.claim import Benchmark, Claim
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
    title = PRESETS[name].title
    head = f'<header><p class="kicker">A paper again</p><h1>{escape(title)}</h1></header>'
    return document(PAPERS[name].title, head + headed(paper_sections(name, measured, units)))


def with_sections_first(page: str, sections: Mapping[str, str]) -> str:
    """A page with more sections in front of its own, and of its contents.

    >>> with_sections_first("<ol></ol><section>2</section>", {"A": "1"})
    '<ol><li><a href="#a">A</a></li></ol><section id="a"><h2>A</h2>1</section><section>2</section>'
    """
    page = page.replace("<ol>", f"<ol>{links_to(sections)}", 1)
    place = page.index("<section")
    return page[:place] + headed(sections) + page[place:]


def paper_sections(name: str, measured: Measured, units: str) -> dict[str, str]:
    """The sections of a paper by their headings; arguments as of `paper_page`."""
    paper = PAPERS[name]
    tables = []
    for benchmark, rows in paper.load().items():
        if benchmark.is_of(measured.task):
            kept, claims = _of_corpus(benchmark, rows, measured)
            stated = [(paper, claim) for claim in claims]
            named = replace(kept, title="as printed")
            table = claims_table(named, stated, measured, measured)
            tables.append(f"<p>{escape(kept.title)}</p>{table}")
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
    return {heading: part for heading, part in parts.items() if part}


def _of_corpus(
    benchmark: Benchmark, claims: Sequence[Claim], measured: Measured
) -> tuple[Benchmark, Sequence[Claim]]:
    """A paper's numbers, where their columns name corpora those of this run's alone."""
    corpus, _, _ = title_in(CORPORA, measured.run["corpus"]["name"]).partition(",")
    places = [i for i, name in enumerate(benchmark.columns) if name.startswith(f"{corpus}, ")]
    if not places:
        return benchmark, claims
    columns = tuple(benchmark.columns[i].removeprefix(f"{corpus}, ") for i in places)
    kept = replace(benchmark, columns=columns)
    return kept, [replace(claim, values=tuple(claim.values[i] for i in places)) for claim in claims]


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
        inches = figure.get_size_inches()[0]
        return picture(Illustration(file, alt=title, caption=title, inches=inches))
