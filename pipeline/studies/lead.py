"""How far the recommended model is ahead, in steps: of rivals that have more and more of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd
from scipy import stats

from models.evaluation.statistics import holm
from pipeline.studies.champion import (
    ALIKE,
    AUDIO_ONLY,
    CHAMPION,
    METRIC,
    RIVALS,
    TOLERANCE,
    Comparison,
    compare,
)
from pipeline.studies.tables import read_results
from reports.numbers.protocols import rate_curves
from reports.numbers.splits import splits_as_seeds
from reports.page.document import document
from reports.page.page import headed
from reports.page.paper import with_sections_first
from reports.tables.markup import decimals, scrollable, signed

STEPS: Mapping[str, Sequence[str]] = {
    "the published recipe": RIVALS,
    "a running mean of the weights and a refit": ALIKE,
    "the same recipe, in their own network": tuple(f"{rival}_recipe" for rival in RIVALS),
    "the same recipe in the same network, which does not know what is present": tuple(
        f"{rival}_unaware" for rival in RIVALS
    ),
}
"""Rivals by what they have; the last step is what training and knowing about losses is worth."""
EQUIVALENT = 0.015
"""A difference of a picture that is gone from sound alone that would not matter."""
LEVEL = 0.05


@dataclass(frozen=True)
class Step:
    """The champion beside one kind of rivals.

    Attributes:
        kind: what the rivals have, a key of STEPS.
        compared: condition by condition, in the mean of corpora.
        behind: conditions in which it is behind the best rival by a one-tailed matched-pair t-test
            over corpora, Holm over the conditions; None for fewer than three of them.
    """

    kind: str
    compared: Comparison
    behind: int | None


def steps_of(results: pd.DataFrame) -> list[Step]:
    """The steps whose rivals a study has.

    Args:
        results: of all models (`tables.with_numbers`); splits are corpora. Losses of one modality
            count, not those of both.
    """
    rows = results[(results["modality"].isin(["audio", "video"])) & (results["causal"] == 0)]
    found = [(kind, compare(rows, rivals)) for kind, rivals in STEPS.items()]
    return [Step(kind, c, _behind(c)) for kind, c in found if c is not None]


def _behind(compared: Comparison) -> int | None:
    if compared.seeds < 3:
        return None
    table = compared.table
    # p of t = mean / (sd / √n), of the alternative that the mean is below 0.
    t = table["ahead"] / (table["ahead_sd"] / compared.seeds**0.5)
    return int((holm(stats.t.cdf(t, compared.seeds - 1)) < LEVEL).sum())


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of a paired difference at the level .05.

    Attributes:
        difference: its mean.
        low: of the interval that holds it in nine cases of ten.
        high: its other end.
    """

    difference: float
    low: float
    high: float

    @property
    def is_equivalent(self) -> bool:
        """Whether no difference of EQUIVALENT is left, in either direction."""
        return self.low > -EQUIVALENT and self.high < EQUIVALENT


def picture_gone(results: pd.DataFrame) -> Equivalence | None:
    """The champion without the picture less a model of sound alone; None for a single corpus."""
    rows = results.query(
        "asked == 1 and subset == 'all' and fill == 'none' and causal == 0 and modality == 'video'"
        " and strategy == 'clip_zero' and p == 1"
    )
    unit = "split" if rows["split"].nunique() > 1 else "seed"
    values = rows.groupby(["model", unit])[METRIC].mean().unstack("model")
    if not {CHAMPION, AUDIO_ONLY} <= set(values) or len(values) < 2:
        return None
    difference = values[CHAMPION] - values[AUDIO_ONLY]
    mean, n = float(difference.mean()), len(difference)
    reach = float(stats.t.ppf(1 - LEVEL, n - 1) * difference.std() / n**0.5)
    return Equivalence(mean, mean - reach, mean + reach)


def areas(results: pd.DataFrame) -> pd.Series:
    """AUILC of every model where every time step is lost by itself, highest first (RMFM).

    In the mean of targets and corpora; empty where not all rates were evaluated.
    """
    curves = rate_curves(splits_as_seeds(results, [METRIC]), METRIC)
    rows = curves.query("strategy == 'frame_zero' and modality == 'both' and number == 'auilc'")
    return rows.groupby("model")["value"].mean().dropna().sort_values(ascending=False)


def publish_lead(
    title: str, results: pd.DataFrame, beside: Mapping[str, Path], page: Path
) -> list[str]:
    """Write the page of how far the champion is ahead, where a study's file has a title for it.

    Args:
        title: of the study's corpora.
        results: of all its models.
        beside: folders of results of the studies beside it, by titles of their corpora.
        page: the file; a page that is there already keeps its sections behind these.

    Returns:
        The verdict; nothing where there is no such page.
    """
    steps = steps_of(results) if title else []
    if not steps:
        return []
    others = {
        name: steps_of(read_results(folder / "results.csv")) for name, folder in beside.items()
    }
    said = verdict(results, steps)
    sections = lead_sections(results, said, {title: steps, **others})
    if page.exists():
        html = with_sections_first(page.read_text(encoding="utf-8"), sections)
    else:
        heading = f"How far {CHAMPION} is ahead, step by step"
        head = f"<header><h1>{heading}</h1></header>"
        html = document(heading, head + headed(sections))
    page.write_text(html, encoding="utf-8")
    return said


def lead_sections(
    results: pd.DataFrame, said: Sequence[str], steps: Mapping[str, Sequence[Step]]
) -> dict[str, str]:
    """The sections of the page.

    Args:
        results: of the study itself.
        said: its verdict.
        steps: of the study and of those beside it, by what is said of the corpora, its own first.
    """
    sections = {
        "The verdict": "".join(f"<p>{escape(sentence)}</p>" for sentence in said),
        "The lead, step by step": _steps_table(steps),
    }
    if elsewhere := list(_elsewhere(steps)):
        sections["Where it is not ahead"] = "".join(f"<p>{escape(s)}</p>" for s in elsewhere)
    for step in next(iter(steps.values())):
        sections[f"Condition by condition: {step.kind}"] = _conditions_table(step)
    ranked = areas(results)
    if len(ranked):
        body = "".join(
            f'<tr><th scope="row">{escape(str(model))}</th><td>{decimals(value)}</td></tr>'
            for model, value in ranked.items()
        )
        sections["Over all rates of loss (RMFM)"] = scrollable(
            '<thead><tr><th scope="col">Model</th><th scope="col">AUILC</th></tr></thead>'
            f"<tbody>{body}</tbody>"
        )
    return sections


def verdict(results: pd.DataFrame, steps: Sequence[Step]) -> list[str]:
    """What came out on the study's own corpora, the last step first: it is about losses alone."""
    sentences = []
    for step in reversed(steps):
        c = step.compared
        tested = "" if step.behind is None else f", and behind beyond chance in {step.behind}"
        sentences.append(
            f"Over rivals with {step.kind}, {CHAMPION} leads by {signed(c.mean_ahead)} in the "
            f"mean of {len(c.table)} conditions (sd {decimals(c.mean_ahead_sd)} over {c.seeds} "
            f"corpora); it is ahead or within {TOLERANCE} of the best of them in {c.level}{tested}."
        )
    if (gone := picture_gone(results)) is not None:
        sentences.append(
            f"Where the picture is gone it is {signed(gone.difference)} from sound alone, "
            f"{signed(gone.low)} to {signed(gone.high)}: "
            + ("level" if gone.is_equivalent else "not shown to be level")
            + f" by a test of equivalence at ±{EQUIVALENT}."
        )
    if len(ranked := areas(results)):
        place = list(ranked.index).index(CHAMPION) + 1 if CHAMPION in ranked.index else None
        sentences.append(
            f"By AUILC over losses of single time steps in both modalities it is number {place} of "
            f"{len(ranked)}."
        )
    return sentences


def _elsewhere(steps: Mapping[str, Sequence[Step]]) -> Iterator[str]:
    for title, of_corpus in steps.items():
        for step in of_corpus:
            if step.compared.mean_ahead < 0:
                table = step.compared.table
                best = table["rival"].mode().iloc[0]
                yield (
                    f"{title}: rivals with {step.kind} are ahead by "
                    f"{decimals(-step.compared.mean_ahead)} in the mean, most often {best}; take "
                    "the model that the speakers who choose of your corpus are best with."
                )


def _steps_table(steps: Mapping[str, Sequence[Step]]) -> str:
    titles = (
        "Rivals have",
        "Lead",
        "Best rival",
        "Level",
        "Behind",
        "Intact",
        "Picture gone",
        "Sound gone",
        "Furthest behind",
    )
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    body = "".join(
        f'<tbody><tr><th scope="rowgroup" colspan="{len(titles)}" class="words">{escape(title)}'
        f"</th></tr>{''.join(_step_row(step) for step in of_corpus)}</tbody>"
        for title, of_corpus in steps.items()
    )
    return (
        "<p>CCC, mean of the targets. ± is the standard deviation over corpora (seeds where there "
        f"is one). Level: conditions in which it is ahead or within {TOLERANCE}. Behind: those in "
        f"which it is, by a one-tailed matched-pair t-test over corpora at {LEVEL}, Holm over the "
        "conditions.</p>" + scrollable(f"<thead><tr>{head}</tr></thead>{body}")
    )


def _step_row(step: Step) -> str:
    c, table = step.compared, step.compared.table
    gone = table[(table["strategy"] == "clip_zero") & (table["p"] == 1)]
    without = dict(zip(gone["modality"], gone["ahead"], strict=True))
    worst = table.sort_values("ahead").iloc[0]
    spread = f" <small>± {decimals(c.mean_ahead_sd)}</small>" if c.seeds > 1 else ""
    cells = [
        f"<b>{signed(c.mean_ahead)}</b>{spread}",
        escape(str(table["rival"].mode().iloc[0])),
        f"{c.level} of {len(table)}",
        "–" if step.behind is None else f"{step.behind}",
        signed(table.loc[table["p"] == 0, "ahead"].mean()),
        *(signed(without[m]) if m in without else "–" for m in ("video", "audio")),
        f"{signed(worst['ahead'])} ({worst['modality']}, {worst['strategy']}, {worst['p']:g})",
    ]
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row" class="words">{escape(step.kind)}</th>{row}</tr>'


def _conditions_table(step: Step) -> str:
    table = step.compared.table
    titles = ("Lost", "How", "p", CHAMPION, "Best rival", "Its name", "Ahead", "Sound alone")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    rows = table.sort_values(["modality", "strategy", "p"]).to_dict("records")
    body = "".join(
        f'<tr><th scope="row">{row["modality"]}</th><td>{row["strategy"]}</td><td>{row["p"]:g}</td>'
        f"<td>{decimals(row['champion'])}</td><td>{decimals(row['best'])}</td>"
        f"<td>{escape(row['rival'])}</td><td>{signed(row['ahead'])} "
        f"<small>± {decimals(row['ahead_sd'])}</small></td>"
        f"<td>{decimals(row[AUDIO_ONLY])}</td></tr>"
        for row in rows
    )
    return scrollable(f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>")
