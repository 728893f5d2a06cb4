"""The page: one HTML file with everything in it, readable offline and without scripts."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from features.extractors.registry import EXTRACTORS
from reports.figures.illustrations import Illustration
from reports.numbers.results import Results
from reports.numbers.run_file import caveat, streams_in_use, synthetic_corpus, untrained_streams
from reports.numbers.summary import Summary
from reports.numbers.words import capitalised, counted_noun, listing, title_in
from reports.page.document import document
from reports.page.sections import section, significance_section, tables_of
from reports.tables.papers import papers_tables

_TITLE = "What losing sound and picture costs"
MEDIA_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


def page_of(
    results: Results,
    summary: Summary,
    illustrations: Mapping[str, Sequence[Illustration]],
    latency: Mapping[str, Mapping[str, Any]],
) -> str:
    """The whole page as HTML.

    Args:
        results: the run.
        summary: of the run.
        illustrations: figures by heading, in the order of the page.
        latency: what was measured of models, by name.
    """
    body = [
        f"<header><h1>{_TITLE}</h1>{_introduction(results)}{_banners(results.run)}</header>",
        *tables_of(results, summary, latency),
        *(
            section(heading, "", "".join(_figure(drawn) for drawn in figures))
            for heading, figures in illustrations.items()
        ),
        section("The papers' numbers", "", papers_tables(results, summary)),
        significance_section(results),
        _settings(results.run),
    ]
    return document(_TITLE, "\n".join(body))


def _introduction(results: Results) -> str:
    run = results.run
    corpus = run["corpus"]
    kind = "a synthetic corpus" if corpus.get("synthetic") else "a corpus"
    speakers = corpus.get("speakers", {})
    splits = ", ".join(f"{count} {escape(split)}" for split, count in speakers.items())
    facts = [
        f"{corpus['items']} items" if "items" in corpus else "",
        f"{corpus['seconds'] / 60:.1f} minutes" if "seconds" in corpus else "",
        f"{sum(speakers.values())} speakers: {splits}" if speakers else "",
    ]
    size = "; ".join(fact for fact in facts if fact)
    return (
        f'<p class="lead">{counted_noun(len(results.models), "model")} trained and evaluated by '
        f"Lacuna on <b>{escape(corpus['name'])}</b>, {kind}{f' ({size})' if size else ''}. Scores "
        f"are of the {escape(run['split'])} split, with {counted_noun(len(results.seeds), 'seed')} "
        f"({', '.join(map(str, results.seeds))}) per model. {_streams(streams_in_use(run))}.</p>"
    )


def _streams(streams: Mapping[str, Mapping[str, Any]]) -> str:
    """The streams that models see, and what they are made of."""
    if all(stream["extractor"] == "given" for stream in streams.values()):
        return "Features as the corpus gives them"
    words = (
        f"{escape(name)} ({stream['modality']}): {_made_of(stream)}"
        for name, stream in streams.items()
    )
    return f"{'Streams' if len(streams) > 1 else 'Stream'}: {'; '.join(words)}"


def _made_of(stream: Mapping[str, Any]) -> str:
    """A stream's extractor and weights."""
    title = escape(title_in(EXTRACTORS, stream["extractor"]))
    return ", ".join(filter(None, (title, _weights(stream))))


def _weights(stream: Mapping[str, Any]) -> str:
    """Where the weights of a stream's network come from; nothing where it has none."""
    if stream.get("random_weights"):
        return f"random weights{_seed(stream)}, not trained"
    if stream.get("weights") is None:
        return ""
    digest = f" (sha256 {escape(str(stream['sha256'])[:12])}…)" if stream.get("sha256") else ""
    return f"weights {escape(Path(str(stream['weights'])).name)}{digest}"


def _seed(stream: Mapping[str, Any]) -> str:
    return f" (seed {stream['seed']})" if "seed" in stream else ""


def _banners(run: Mapping[str, Any]) -> str:
    """What a reader has to know before believing any number."""
    banners = []
    if name := synthetic_corpus(run):
        heading = capitalised(caveat(synthetic=name, random_weights=()))
        banners.append(
            f"<b>{heading}.</b> The data are made by a program; the numbers show that "
            "the pipeline works, not how well people's expressions are recognised."
        )
    if names := untrained_streams(run):
        described = [f"{escape(name)}{_seed(run['streams'][name])}" for name in names]
        come = "The stream comes" if len(names) == 1 else "The streams come"
        banners.append(
            f"<b>Random weights: {listing(described)}.</b> {come} from an untrained network."
        )
    return "".join(f'<p class="banner" role="note">{text}</p>' for text in banners)


def _figure(drawn: Illustration) -> str:
    data = base64.b64encode(drawn.file.read_bytes()).decode("ascii")
    return (
        '<figure><div class="scroll card" role="region" aria-label="Figure, scrolls sideways" '
        f'tabindex="0"><img alt="{escape(drawn.alt)}" '
        f'src="data:{MEDIA_TYPES[drawn.file.suffix]};base64,{data}"></div>'
        f"<figcaption>{escape(drawn.caption)}</figcaption></figure>"
    )


def _settings(run: Mapping[str, Any]) -> str:
    """Everything that `run.json` says, folded away."""
    rows = "".join(
        f'<tr><th scope="row">{escape(key)}</th><td class="words">{escape(str(value))}</td></tr>'
        for key, value in _flat(run)
    )
    return (
        "<section><details><summary>Settings of this run</summary>"
        f'<div class="scroll" role="region" aria-label="Settings" tabindex="0"><table>{rows}'
        "</table></div></details></section>"
    )


def _flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested settings as (dotted.key, value), in their order."""
    pairs: list[tuple[str, Any]] = []
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            pairs += _flat(inner, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", inner))
    return pairs
