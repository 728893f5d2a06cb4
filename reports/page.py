"""The page: one HTML file with everything in it, readable offline and without scripts."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from reports.illustrations import Illustration
from reports.results import Results, caveat, has_random_weights, synthetic_corpus
from reports.summary import CONDITION, Summary
from reports.tables import conditions_table, headline_table, intact_table, paper_table
from reports.task import METRICS, Task, capitalised, listing

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
    models, task = results.models, results.task
    measured = _CONDITIONS.format(
        metric=capitalised(task.primary.meaning),
        n=results.evaluation["n"].iloc[0],
        unit=task.unit,
        split=escape(results.run["split"]),
        targets=" and target" * (len(task.targets) > 1),
    )
    gone = _HEADLINES.format(
        count=len(summary.conditions[CONDITION].drop_duplicates()),
        mean=" The row Mean is the mean of the targets." * (len(task.targets) > 1),
    )
    body = [
        f"<header><h1>{TITLE}</h1>{_introduction(results)}{_banners(results.run)}</header>",
        _section(
            "Models × conditions", measured, conditions_table(summary.conditions, models, task)
        ),
        _section("In four numbers", gone, headline_table(summary.headlines, models, task)),
        _section(
            "Every metric, intact input", _metrics(task), intact_table(summary.intact, models, task)
        ),
        *(
            _section(heading, "", "".join(_figure(one) for one in ones))
            for heading, ones in illustrations.items()
        ),
        _section("The paper's numbers", _PAPER, paper_table()) * task.is_the_papers,
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

_CONDITIONS = """<p>{metric} over all {n:,} {unit} of
the {split} split, mean ± standard deviation over seeds and trials; n counts these values. Trials of
one seed share a trained network, so n is not a number of independent runs. p is the probability
that a clip (Clip-Zero) or a frame (Frame-Zero, Frame-Repeat) of the modality is taken away. The
highest mean of each column{targets} is bold; no significance is claimed. A dash: not evaluated,
or undefined.</p>"""

_HEADLINES = """<p>Intact is p = 0; picture gone and sound gone are Clip-Zero at p = 1; the mean
takes each of the {count} conditions of the table above once.{mean} Mean ± standard deviation over
seeds; n counts seeds.</p>"""

_METRICS = """<p>{meanings}. Mean ± standard deviation over seeds; n counts seeds. The
best mean of each column{targets} is bold: {directions}.</p>"""

_PAPER = """<p><strong>The paper's, on Aff-Wild2, another corpus: not comparable in value.</strong>
CCC as stated in the text of S. Parthasarathy and S. Sundaram, “Training Strategies to Handle
Missing Modalities for Audio-Visual Expression Recognition” (2020).</p>"""


def _metrics(task: Task) -> str:
    """What the metrics are, and which way each is better."""
    lower = [METRICS[name].name for name in task.metrics if METRICS[name].lower_is_better]
    return _METRICS.format(
        meanings=capitalised(listing([METRICS[name].meaning for name in task.metrics])),
        targets=" and target" * (len(task.targets) > 1),
        directions=f"the lowest {' and '.join(lower)}, the highest of the others",
    )


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


def _section(heading: str, text: str, content: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{text}{content}</section>"


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
