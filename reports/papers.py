"""Numbers that four papers state, and those of this run's models of the same kind beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import pandas as pd

from reports.markup import number, scrollable, spanning, td, th
from reports.protocols import one_modality
from reports.results import Results
from reports.schema import MODALITIES
from reports.style import MODALITY_NAMES, strategy_name
from reports.summary import INTACT, Summary
from reports.task import METRICS, Task, capitalised

Loss = tuple[str, str, float]  # modality, strategy, p
AUDIO, VIDEO, BOTH = MODALITIES[:1], MODALITIES[1:2], MODALITIES[:2]


@dataclass(frozen=True)
class Claim:
    """One row of numbers of a paper.

    Attributes:
        paper: its letter in `PAPERS`.
        model: as the paper calls it, or nearly so.
        values: as the columns of its table.
        network: which of ours it is.
        modalities: what that one sees.
        strategy: what it is trained with.
        options: options of the network, each with its value and its default.
        loss: the condition; None for intact input.
    """

    paper: str
    model: str
    values: tuple[float, ...]
    network: str
    modalities: tuple[str, ...] = BOTH
    strategy: str = "none"
    options: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    loss: Loss | None = None

    def is_of(self, settings: Mapping[str, Any]) -> bool:
        """Whether a model of the run, by its settings in `run.json`, is of the same kind."""
        chosen = {**settings.get("size", {}), **settings.get("options", {})}
        return (
            settings.get("network") == self.network
            and sorted(settings.get("modalities", [])) == sorted(self.modalities)
            and settings.get("ablation", {}).get("strategy") == self.strategy
            and settings.get("presence", "ignored") == "ignored"
            and all(chosen.get(key, default) == v for key, (v, default) in self.options.items())
        )


@dataclass(frozen=True)
class Claims:
    """A table of the page.

    Attributes:
        measured: what the numbers are, and on which corpora.
        columns: of the papers' values.
        own: columns of this run's values.
        rows: what is claimed.
    """

    measured: str
    columns: tuple[str, ...]
    own: tuple[str, ...]
    rows: tuple[Claim, ...]


PAPERS = {
    "P": "S. Parthasarathy and S. Sundaram, “Training Strategies to Handle Missing Modalities for "
    "Audio-Visual Expression Recognition” (2020)",
    "D": "S. Parthasarathy and S. Sundaram, “Detecting Expressions with Multimodal Transformers” "
    "(2021)",
    "G": "L. Goncalves and C. Busso, “Robust Audiovisual Emotion Recognition: Aligning Modalities, "
    "Capturing Temporal Information, and Handling Missing Features” (2022)",
    "C": "K. Chumachenko, A. Iosifidis and M. Gabbouj, “Self-attention fusion for audiovisual "
    "emotion recognition with incomplete data” (2022)",
}
_PLAIN = {"auxiliary": (0, 0)}  # crossmodal without the heads that are Lacuna's own
_BASELINES: tuple[tuple[str, str, Mapping[str, tuple[Any, Any]]], ...] = (
    ("AuxFormer", "auxformer", {"auxiliary": (True, True)}),
    ("baseline 1", "auxformer", {"auxiliary": (False, True)}),
    ("baseline 2", "mult", {}),
    ("baseline 3", "crossmodal", _PLAIN),
)
_IA1 = {"kind": ("ia", "ia"), "heads": (1, 1)}
AFFECT = Claims(
    "CCC on Aff-Wild2",
    ("Valence", "Arousal"),
    ("valence", "arousal"),
    (
        Claim("P", "baseline", (0.393, 0.522), "crossmodal", options=_PLAIN),
        *(
            Claim("P", "baseline", values, "crossmodal", options=_PLAIN, loss=("video", name, 0.95))
            for name, values in {
                "frame_zero": (0.113, 0.235),
                "frame_repeat": (0.285, 0.410),
            }.items()
        ),
        Claim("P", "video only", (0.381, 0.489), "unimodal", VIDEO),
        Claim("P", "audio only", (-0.060, 0.284), "unimodal", AUDIO),
        Claim("D", "proposed (A+V)", (0.396, 0.525), "crossmodal", options=_PLAIN),
        Claim("D", "proposed (V)", (0.381, 0.489), "unimodal", VIDEO),
        Claim("D", "VGGFace-RNN (A+V)", (0.344, 0.506), "recurrent"),
        Claim("D", "VGGFace-RNN (V)", (0.379, 0.481), "recurrent", VIDEO),
        Claim("D", "RNN (A)", (0.105, 0.168), "recurrent", AUDIO),
    ),
)
EMOTIONS = Claims(
    "F1 on CREMA-D and MSP-IMPROV, mean of 20 seeds",
    ("CREMA-D, micro", "CREMA-D, macro", "MSP-IMPROV, micro", "MSP-IMPROV, macro"),
    ("micro_f1", "macro_f1"),
    tuple(
        Claim("G", f"{name}, {training}", values, network, BOTH, strategy, options)
        for training, strategy, table in (
            (
                "standard training",
                "none",
                (
                    (0.769, 0.768, 0.762, 0.706),
                    (0.705, 0.702, 0.751, 0.687),
                    (0.707, 0.704, 0.745, 0.677),
                    (0.624, 0.608, 0.733, 0.663),
                ),
            ),
            (
                "optimized training",
                "optimized",
                (
                    (0.773, 0.772, 0.761, 0.703),
                    (0.736, 0.734, 0.742, 0.681),
                    (0.724, 0.722, 0.744, 0.673),
                    (0.629, 0.615, 0.732, 0.667),
                ),
            ),
        )
        for (name, network, options), values in zip(
            _BASELINES,
            table,
            strict=True,
        )
    ),
)
RAVDESS = Claims(
    "Accuracy on RAVDESS, the other modality absent",
    ("AV", "A", "V", "M"),
    ("AV", "A", "V", "M"),
    (
        Claim("C", "IA1", (0.7600, 0.1858, 0.2283, 0.3913), "fusion", options=_IA1),
        Claim(
            "C",
            "IA1, modality dropout",
            (0.8158, 0.5808, 0.7283, 0.7083),
            "fusion",
            strategy="modality_dropout",
            options=_IA1,
        ),
    ),
)


def claims_of(task: Task) -> tuple[Claims, ...]:
    """The tables whose numbers are of this task; none for a task that the papers have not."""
    if task.is_the_papers:
        return (AFFECT,)
    return (EMOTIONS, RAVDESS) if task.kind == "classification" else ()


def papers_tables(results: Results, summary: Summary) -> str:
    """What the papers' texts state, and this run's numbers beside it; nothing for other tasks.

    A model of the run stands beside a number if it is of the same network, modalities, options and
    training strategy, whatever its size, and was evaluated under the same condition.
    """
    claims = claims_of(results.task)
    if not claims:
        return ""
    letters = dict.fromkeys(claim.paper for one in claims for claim in one.rows)
    corpus = escape(results.run["corpus"]["name"])
    sources = "; ".join(f"{letter}: {PAPERS[letter]}" for letter in letters)
    text = (
        "<p><strong>The papers' numbers are of another corpus than this run's: not comparable in "
        f"value.</strong> This run is of {corpus}; a model of it stands beside a number where it "
        "is of the same network and training strategy, whatever its size. A dash: no such model, "
        f"or not under that condition. {sources}.</p>"
    )
    return text + "".join(_table(one, results, summary) for one in claims)


def _table(claims: Claims, results: Results, summary: Summary) -> str:
    own = _own_values(claims, results, summary)
    words = ("Paper", "Its model", "Condition")
    groups = ["words"] * 3 + ["paper"] * len(claims.columns) + ["own"] * (1 + len(claims.own))
    names = {
        "words": "",
        "paper": f"The paper: {claims.measured}",
        "own": f"This run, {escape(results.run['corpus']['name'])}",
    }
    head = [
        spanning([names[group] for group in groups], groups),
        "".join(f'<th scope="col">{name}</th>' for name in words)
        + "".join(th(name, i == 0) for i, name in enumerate(claims.columns))
        + th("Model", True)
        + "".join(
            th(METRICS[name].heading if name in METRICS else capitalised(name), False)
            for name in claims.own
        ),
    ]
    rows = "".join(
        f'<tr><td>{claim.paper}</td><th scope="row">{escape(claim.model)}</th>'
        f'<td class="words">{_condition(claim.loss)}</td>'
        + "".join(td(number(value), i == 0) for i, value in enumerate(claim.values))
        + td(f"<b>{escape(model)}</b>" if model else "–", True)
        + "".join(td(_value(own, model, claim.loss, name), False) for name in claims.own)
        + "</tr>"
        for claim in claims.rows
        for model in _models(claim, results) or [""]
    )
    return scrollable(
        f"<thead>{''.join(f'<tr>{h}</tr>' for h in head)}</thead><tbody>{rows}</tbody>"
    )


def _models(claim: Claim, results: Results) -> list[str]:
    """The models of the run that a claim is to be compared with."""
    settings = results.run.get("models", {})
    return [model for model in results.models if claim.is_of(settings.get(model, {}))]


Own = Mapping[tuple[str, Loss | None, str], tuple[float, float]]  # model, condition, column


def _own_values(claims: Claims, results: Results, summary: Summary) -> Own:
    """Mean and standard deviation of this run, as the columns of a table."""
    if claims is RAVDESS:
        table = one_modality(results.evaluation, "accuracy")
        table = table[table["gone"] == "absent"]
        return _keyed(table, table["input"])
    if claims is EMOTIONS:
        return _keyed(summary.intact, summary.intact["metric"])
    intact = summary.headlines[summary.headlines["headline"] == INTACT]
    lost: dict[Any, pd.DataFrame] = dict(
        list(summary.conditions.groupby(["modality", "strategy", "p"]))
    )
    keyed = dict(_keyed(intact, intact["target"]))
    for loss, table in lost.items():
        keyed |= _keyed(table, table["target"], loss)
    return keyed


def _keyed(table: pd.DataFrame, columns: pd.Series, loss: Loss | None = None) -> Own:
    rows = zip(table["model"], columns, table["value"], table["sd"], table["n"], strict=True)
    return {(model, loss, column): (value, sd) for model, column, value, sd, n in rows if n}


def _value(own: Own, model: str, loss: Loss | None, column: str) -> str:
    if (model, loss, column) not in own:
        return "–"
    value, sd = own[model, loss, column]
    return number(value) + ("" if pd.isna(sd) else f" <small>± {number(sd)}</small>")


def _condition(loss: Loss | None) -> str:
    if loss is None:
        return "Intact"
    modality, strategy, p = loss
    return f"{MODALITY_NAMES[modality]}, {strategy_name(strategy, 0)}, p = {p:g}"
