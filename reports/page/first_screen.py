"""What is seen first: the verdict, the recommended models and one picture."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from features.extractors.registry import EXTRACTORS
from models.evaluation.conditions import NAMED
from reports.numbers.results import Results
from reports.numbers.run_file import streams_in_use, synthetic_corpus, untrained_streams
from reports.numbers.summary import Summary
from reports.numbers.verdict import subject, verdict
from reports.numbers.words import counted_noun, listing, primary_metric, title_in
from reports.page.sections import csv_link
from reports.tables.choice import costs_of, recommendations
from reports.tables.heat import heat_table, words_of_heat
from reports.tables.markup import folded

_MEANT = """<p>The {count} conditions are those of every evaluation: nothing lost; each modality
gone throughout; half of the clips of each lost; bursts of 15 frames on average that take half of
the frames of each. A frame that is lost is lost in the signal, before the context of its
neighbours is gathered. Mean is over all {count}. Models are recommended by speakers who choose and
are not reported; every number on this page is of the {split} split. A model is recommended as the
most robust if every other is behind it in that mean (95 % interval of a bootstrap over these
speakers), as the best intact likewise where nothing is lost; the smallest is the one with the
fewest parameters that cannot be told from the most robust. <em>Level with</em>: the bootstrap over
recordings or sequences does not tell the two apart.</p>"""


def first_screen(results: Results, summary: Summary) -> str:
    """The head of the page, as HTML."""
    metric = primary_metric(results.task)
    mean = " in the mean of the targets" if len(results.task.targets) > 1 else ""
    meant = _MEANT.format(count=len(NAMED), split=escape(results.run["split"]))
    needs = recommendations(results.choice, costs_of(results, summary))
    table = heat_table(results, summary)
    picture = (
        f'<figure class="picture">{table}<figcaption>{metric.title}{mean} on the '
        f"{escape(results.run['split'])} split. {words_of_heat(results, summary)}</figcaption>"
        f"{csv_link('tables/named.csv')}</figure>"
        if table
        else ""
    )
    named = summary.named
    sentence = _emphasised(verdict(results, named), subject(results, named))
    explained = folded("What is compared, and how models are chosen", meant)
    return (
        f'<header><p class="kicker">What losing sound and picture costs</p>'
        f'<h1 class="verdict">{sentence}</h1>'
        f"{_caveat(results.run)}"
        f'<div class="answers">{f"<div>{needs}</div>" if needs else ""}{picture}</div>'
        f"{explained}{folded(_size(results), _introduction(results))}</header>"
    )


def _emphasised(sentence: str, model: str) -> str:
    """The sentence as HTML, the model that it is of bold where it is its subject."""
    name = f"<b>{escape(model).replace('_', '_<wbr>')}</b>"
    for place in (f"{model} keeps", f"{model}: "):
        before, found, after = sentence.partition(place)
        if found:
            return f"{escape(before)}{name}{escape(found[len(model) :] + after)}"
    return escape(sentence)


def _caveat(run: Mapping[str, Any]) -> str:
    """What a reader has to know before believing any number; nothing where there is nothing."""
    reasons = []
    if name := synthetic_corpus(run):
        reasons.append(f"synthetic corpus {escape(name)}")
    if names := untrained_streams(run):
        described = [f"{escape(name)}{_seed(run['streams'][name])}" for name in names]
        reasons.append(f"{listing(described)} from random weights")
    if not reasons:
        return ""
    what = "; ".join(reasons)
    return (
        f'<p class="caveat" role="note"><b>{what[:1].upper()}{what[1:]}.</b> The numbers show that '
        "the pipeline works, not how well people's expressions are recognised.</p>"
    )


def _size(results: Results) -> str:
    corpus = results.run["corpus"]
    models, seeds = len(results.models), len(results.seeds)
    return (
        f"The run: {corpus['name']}, {counted_noun(models, 'model')}, {counted_noun(seeds, 'seed')}"
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
        f"<p>{counted_noun(len(results.models), 'model')} trained and evaluated by "
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
