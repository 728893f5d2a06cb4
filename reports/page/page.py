"""The page: one HTML file with everything in it, readable offline and without scripts."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from reports.figures.illustrations import Illustration
from reports.numbers.results import Results, caveat, has_random_weights, synthetic_corpus
from reports.numbers.summary import Summary
from reports.numbers.task import capitalised
from reports.page.sections import section, sections, significance_section
from reports.papers.tables import papers_tables

TITLE = "What missing sound and picture cost"
CSS = Path(__file__).with_name("page.css")
MEDIA_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


def page(
    results: Results, summary: Summary, illustrations: Mapping[str, Sequence[Illustration]]
) -> str:
    """The whole page as HTML.

    Args:
        results: the run.
        summary: of the run.
        illustrations: figures by heading, in the order of the page.
    """
    body = [
        f"<header><h1>{TITLE}</h1>{_introduction(results)}{_banners(results.run)}</header>",
        *sections(results, summary),
        *(
            section(heading, "", "".join(_figure(one) for one in ones))
            for heading, ones in illustrations.items()
        ),
        section("The papers' numbers", "", papers_tables(results, summary)),
        significance_section(results),
        _settings(results.run),
    ]
    return _DOCUMENT.format(title=TITLE, css=CSS.read_text(encoding="utf-8"), body="\n".join(body))


_DOCUMENT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>Lacuna: {title}</title>
<link rel="icon" href="data:,">
<style>
{css}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


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
        f'<p class="lead">{_count(results.models, "model")} trained and evaluated by Lacuna on '
        f"<b>{escape(corpus['name'])}</b>, {kind}{f' ({size})' if size else ''}. Scores are of the "
        f"{escape(run['split'])} split, with {_count(results.seeds, 'seed')} "
        f"({', '.join(map(str, results.seeds))}) per model. {_features(run['fc6'])}.</p>"
    )


def _features(fc6: Mapping[str, Any] | None) -> str:
    if fc6 is None:
        return "Features as the corpus gives them"
    return f"Face features: VGG-16 to fc6, {_weights(fc6)}"


def _weights(fc6: Mapping[str, Any]) -> str:
    if fc6.get("weights") == "random":
        return f"random weights{_seed(fc6)}, not trained VGG-Face"
    digest = f" (sha256 {escape(str(fc6['sha256'])[:12])}…)" if fc6.get("sha256") else ""
    return f"weights {escape(Path(str(fc6['weights'])).name)}{digest}"


def _seed(fc6: Mapping[str, Any]) -> str:
    return f" (seed {fc6['seed']})" if "seed" in fc6 else ""


def _banners(run: Mapping[str, Any]) -> str:
    """What a reader has to know before believing any number."""
    banners = []
    if name := synthetic_corpus(run):
        heading = capitalised(caveat(synthetic=name, random_weights=False))
        banners.append(
            f"<b>{heading}.</b> The data are made by a program; the numbers show that "
            "the pipeline works, not how well people's expressions are recognised."
        )
    if has_random_weights(run):
        banners.append(
            f"<b>Random weights{_seed(run['fc6'])}, not trained VGG-Face.</b> The face "
            "features come from an untrained network."
        )
    return "".join(f'<p class="banner" role="note">{text}</p>' for text in banners)


def _figure(one: Illustration) -> str:
    data = base64.b64encode(one.file.read_bytes()).decode("ascii")
    return (
        '<figure><div class="scroll card" role="region" aria-label="Figure, scrolls sideways" '
        f'tabindex="0"><img alt="{escape(one.alt)}" '
        f'src="data:{MEDIA_TYPES[one.file.suffix]};base64,{data}"></div>'
        f"<figcaption>{escape(one.caption)}</figcaption></figure>"
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


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'s' * (len(things) != 1)}"
